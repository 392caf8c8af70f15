"""The parts of plant file and register that the facts of one asset or meter on one day depend on, as one sha256.

What is dated is taken as it is in force on the day, and the calendar as the slices that it makes: so a shift or an
ideal cycle that begins later changes nothing that was.
"""

from bisect import bisect_right
from hashlib import sha256

from config.plant import Asset, Plant, Point
from config.zone import DAY
from kpi.facts.form import KPI_POINTS
from kpi.facts.schema import VERSION
from kpi.facts.units import Unit, days_of

FAR = 400 * DAY  # a gap that is spread over more than that depends on the slices next to the day alone


class Parts:
    """Called for a day with the span of rows that its facts depend on."""

    def __init__(self, plant: Plant, unit: Unit) -> None:
        self.plant, self.unit = plant, unit
        of = unit.of
        if isinstance(of, Asset):
            meanings = [_meaning(of.points[name]) for name in KPI_POINTS if name in of.points]
            rest: tuple[object, ...] = (of.short_stop, of.state_from, of.cavities, plant.rules.all_good)
        else:
            meanings, rest = [_meaning(of.point)], (of.carrier,)
        self.fixed = sha256(repr((VERSION, meanings, rest)).encode())
        self.dated = isinstance(of, Asset) and any(cycle.since is not None for cycle in of.ideal)
        if isinstance(of, Asset) and not self.dated:
            self.fixed.update(repr(list(of.ideal)).encode())
        self._take(unit.days.begins.tolist(), unit.days.digests)

    def _take(self, begins: list[int], digests: tuple[bytes, ...]) -> None:
        self.begins, self.digests = begins, digests

    def __call__(self, label: int, since: int, until: int) -> str:
        begin, end = self.unit.days.span(label)
        low = since if since >= begin - FAR else begin - 1
        high = until if until <= end + FAR else end + 1
        if low < self.begins[0] or high > self.begins[-1]:
            wide = days_of(self.plant, self.unit.calendar, self.unit.stops, min(low, begin), max(high, end))
            self._take(wide.begins.tolist(), wide.digests)
        digest = self.fixed.copy()
        if self.dated:
            digest.update(repr(self._ideal(begin, end)).encode())
        for one in self.digests[bisect_right(self.begins, low) - 1 : bisect_right(self.begins, high - 1)]:
            digest.update(one)
        return digest.hexdigest()

    def _ideal(self, begin: int, end: int) -> list[object]:
        """The ideal cycles of each product that are in force at some time of the day."""
        if not isinstance(self.unit.of, Asset):
            return []
        found: list[object] = []
        for cycle in self.unit.of.ideal:
            later = [one.since for one in self.unit.of.ideal if one.product == cycle.product and one.since is not None]
            replaced = any((cycle.since is None or since > cycle.since) and since < begin for since in later)
            if not replaced and (cycle.since is None or cycle.since < end):
                found.append(cycle)
        return found


def _meaning(point: Point) -> tuple[object, ...]:
    """What the value of a point means; where it is read from changes no fact."""
    maps = [sorted(mapping.items()) if mapping else None for mapping in (point.states, point.modes)]
    counter = point.counter
    return (
        *(point.name, point.unit, counter and (counter.modulus, counter.max_rate), *maps, point.invalid),
        *(point.scale, point.offset, point.resolution, point.hold, point.every, point.type == "bool"),
    )
