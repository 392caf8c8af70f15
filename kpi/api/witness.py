"""Who reads for an answer, and the proof of that answer: what the store said of versions, events and span meanwhile.

While the store still says the same, the answer is right, however old.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

from store.reader import Event, Links, Reader, Series

Key = tuple[Any, ...]
Store = Literal["journal", "influxdb"]


@dataclass(slots=True)
class Proof:
    """What was told, by what was asked; `rows` says that rows were read too, of which nobody knows the version."""

    store: Store
    rows: bool = False
    told: dict[tuple[str, Key], Any] = field(default_factory=dict)

    @property
    def lasts(self) -> bool:
        """Whether what was made names the versions of everything behind it."""
        return not self.rows and any(name == "version" for name, _ in self.told)

    def stands(self, reader: Reader, end: int) -> bool:
        """Whether this reader would say the same; rows may have come after `end`, the last that the question asks."""
        if self.rows or reader.store != self.store:
            return False
        with reader.steady():
            return all(self._same(reader, name, asked, told, end) for (name, asked), told in self.told.items())

    def _same(self, reader: Reader, name: str, asked: Key, told: Any, end: int) -> bool:
        if name == "span":
            now = reader.span()
            return (told is None) == (now is None) and (
                told is None or now is None or (told[0], min(told[1], end)) == (now[0], min(now[1], end))
            )
        return bool(getattr(reader, name)(*asked) == told)


class Witness:
    """A reader that remembers what it was told."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.proof = Proof(reader.store)

    @property
    def store(self) -> Store:
        return self._reader.store

    def steady(self) -> AbstractContextManager[None]:
        return self._reader.steady()

    def ahead(self, points: Mapping[str, Sequence[str]], start: int, end: int) -> None:
        self._reader.ahead(points, start, end)

    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        self.proof.rows = True
        return self._reader.series(asset, points, start, end)

    def before(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        self.proof.rows = True
        return self._reader.before(asset, points, time, good)

    def after(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        self.proof.rows = True
        return self._reader.after(asset, points, time, good)

    def links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        self.proof.rows |= bool(assets)
        return self._reader.links(assets, start, end)

    def events(self, start: int, end: int, kinds: Sequence[str] = ()) -> list[Event]:
        found = self._reader.events(start, end, kinds)
        self.proof.told["events", (start, end, tuple(kinds))] = found
        return found

    def span(self) -> tuple[int, int] | None:
        found = self._reader.span()
        self.proof.told["span", ()] = found
        return found

    def version(self, asset: str, start: int, end: int) -> str:
        found = self._reader.version(asset, start, end)
        self.proof.told["version", (asset, start, end)] = found
        return found
