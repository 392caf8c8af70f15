"""Text in the fact tables: every distinct word once, tables hold its index."""

from collections.abc import Sequence

import numpy as np

from connectors.base import Ints


class Names:
    """Index 0 is the empty text."""

    def __init__(self, words: Sequence[str] = ("",)) -> None:
        self._index = {word: place for place, word in enumerate(words)}

    def code(self, word: str) -> int:
        return self._index.setdefault(word, len(self._index))

    def codes(self, words: Sequence[str]) -> Ints:
        index = self._index
        return np.array([index.setdefault(word, len(index)) for word in words], np.int64)

    def words(self) -> tuple[str, ...]:
        return tuple(self._index)
