"""Which meters make up a total, so that nothing is counted twice: the meters of the place itself, or else the topmost.

A meter stands under the one its `under` names; one without stands under every meter of the same carrier and role whose
scope holds its own. An asset's own energy point is a meter of that asset alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from config.plant import Plant, Role

NO_MAIN_METER = "no_main_meter"
ELECTRICITY, WATER = "electricity", "water"
SUBTRACTED: frozenset[Role] = frozenset(("sold", "other", "produced", "recovered"))
_RANK = {"point": 0, "asset": 1, "line": 2, "workshop": 3, "plant": 4}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a meter measures; `point` is an asset's own energy point."""

    kind: Literal["point", "asset", "line", "workshop", "plant"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A meter, or the energy point of an asset, as totals see it."""

    id: str
    carrier: str
    role: Role
    place: Place
    under: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """The gauges whose sum is a carrier's total in one role; `sign` is what it does to consumption, 0: nothing."""

    carrier: str
    role: Role
    gauges: tuple[Gauge, ...]
    sign: int
    flags: tuple[str, ...] = ()


class Tree:
    """The gauges of a plant, and what stands under what."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.gauges = {gauge.id: gauge for gauge in _gauges(plant)}
        self._at: dict[Place, list[Gauge]] = {}
        self._wide: dict[tuple[str, Role], list[Gauge]] = {}  # those that may have others under them
        for gauge in self.gauges.values():
            self._at.setdefault(gauge.place, []).append(gauge)
            if gauge.place.kind != "point":
                self._wide.setdefault((gauge.carrier, gauge.role), []).append(gauge)
        self._above: dict[str, frozenset[str]] = {}
        rows = plant.register.devices if plant.register else ()
        self._line = {line.id: set(line.serial) for line in plant.lines.values()}
        self._workshop: dict[str, set[str]] = {}
        for row in rows:
            if row.line:
                self._line.setdefault(row.line, set()).add(row.id)
            if row.workshop:
                self._workshop.setdefault(row.workshop, set()).add(row.id)

    def inside(self, inner: Place, outer: Place) -> bool:
        """Whether `outer` holds `inner` and more."""
        if _RANK[inner.kind] >= _RANK[outer.kind]:
            return False
        return outer.kind == "plant" or self._assets(inner) <= self._assets(outer)

    def _assets(self, place: Place) -> set[str]:
        if place.kind in ("point", "asset"):
            return {place.name}
        known = self._line if place.kind == "line" else self._workshop
        return known.get(place.name) or {f"{place.kind}:{place.name}"}

    def above(self, gauge: Gauge) -> frozenset[str]:
        """Every gauge that counts what this one counts."""
        if gauge.id not in self._above:
            found: set[str] = set()
            waiting = [gauge]
            while waiting:
                for parent in self._parents(waiting.pop()):
                    if parent.id not in found:
                        found.add(parent.id)
                        waiting.append(parent)
            self._above[gauge.id] = frozenset(found - {gauge.id})
        return self._above[gauge.id]

    def _parents(self, gauge: Gauge) -> Iterator[Gauge]:
        if gauge.under is not None:
            if gauge.under in self.gauges:
                yield self.gauges[gauge.under]
            return
        for other in self._wide.get((gauge.carrier, gauge.role), ()):
            if self.inside(gauge.place, other.place):
                yield other

    def total(self, carrier: str, role: Role, place: Place) -> Total | None:
        """The carrier's total at a place; None where nothing there measures it."""
        own = [g for g in self._at.get(place, ()) if (g.carrier, g.role) == (carrier, role)]
        inner = self._at.get(Place("point", place.name), ()) if place.kind == "asset" else self.gauges.values()
        same = (gauge for gauge in inner if (gauge.carrier, gauge.role) == (carrier, role))
        below = own or [gauge for gauge in same if self.inside(gauge.place, place)]
        ids = {gauge.id for gauge in below}
        top = tuple(gauge for gauge in below if not self.above(gauge) & ids)
        if not top:
            return None
        return Total(carrier, role, top, self._sign(carrier, role), () if own else (NO_MAIN_METER,))

    def _sign(self, carrier: str, role: Role) -> int:
        """Water is no energy, unless its profile has a factor: then fresh water counts."""
        if carrier == WATER:
            return int(role == "fresh" and self.plant.factors.factors[WATER].tce is not None)
        return -1 if role in SUBTRACTED else 1

    def totals(self) -> list[Total]:
        """Every carrier and role of the plant, in the order of the plant file."""
        found = []
        for carrier, role in dict.fromkeys((gauge.carrier, gauge.role) for gauge in self.gauges.values()):
            total = self.total(carrier, role, Place("plant"))
            if total and role not in ("consumed", "fresh", "reused"):
                total = self._all(total)
            if total and role == "other":
                total = self._within(total)
            if total:
                found.append(total)
        return found

    def _all(self, total: Total) -> Total:
        """What is generated, sold or not production is so wherever it is metered; a main meter of it is no matter."""
        same = [g for g in self.gauges.values() if (g.carrier, g.role) == (total.carrier, total.role)]
        ids = {gauge.id for gauge in same}
        top = tuple(gauge for gauge in same if not self.above(gauge) & ids)
        return Total(total.carrier, total.role, top, total.sign)

    def _within(self, total: Total) -> Total | None:
        """Of what is not production, only what the plant's consumption counts: the rest is out already."""
        consumed = self.total(total.carrier, "consumed", Place("plant"))
        if consumed is None or not consumed.flags:
            return total
        counted = {gauge.id for gauge in consumed.gauges}
        places = [gauge.place for gauge in consumed.gauges]
        gauges = tuple(
            gauge
            for gauge in total.gauges
            if self.above(gauge) & counted or any(self.inside(gauge.place, place) for place in places)
        )
        return Total(total.carrier, total.role, gauges, total.sign) if gauges else None


def _gauges(plant: Plant) -> Iterable[Gauge]:
    for meter in plant.meters.values():
        yield Gauge(meter.id, meter.carrier, meter.role, Place(meter.scope.kind, meter.scope.name), meter.under)
    for asset in plant.assets.values():
        if "energy" in asset.points or "power" in asset.points:
            yield Gauge(asset.id, ELECTRICITY, "consumed", Place("point", asset.id))
