"""Back-off with full jitter between one second and one minute; a connection that held forgives what was before."""

import random

FIRST = 1.0
LAST = 60.0
HELD = 30.0


class Backoff:
    """How long to wait before the next attempt [s]."""

    def __init__(self, chance: random.Random, first: float = FIRST, last: float = LAST) -> None:
        self._chance, self._first, self._last = chance, first, last
        self.failures = 0

    def failed(self, held: float) -> float:
        """The attempt ended after `held` seconds of connection; the pause before the next."""
        self.failures = 1 if held >= HELD else self.failures + 1
        ceiling = min(self._last, self._first * 2 ** min(self.failures - 1, 10))
        return max(self._first, self._chance.uniform(ceiling / 2, ceiling))
