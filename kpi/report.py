"""The document of `gemba kpi`, the API and the dashboard: rates, and a row for each asset or group and period."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from config.plant import PIECES, STATES, Plant
from config.slices import Stops, stops_of
from config.span import Window, windows
from config.zone import shown
from kpi import plants
from kpi.change import change
from kpi.facts.archive import Archive
from kpi.facts.facts import Facts, Heard, Told, facts
from kpi.facts.facts import history as past
from kpi.facts.schema import COVERED_MS
from kpi.groups import By, Membership, calendar_of, production_days
from kpi.identity import identified
from kpi.indicators import KPIS
from kpi.measure import Frame, Member, Profile, frame, knowable, measure, measure_group
from kpi.measured import Json, Measured, number
from kpi.networking import window
from kpi.plants import Group, Part
from kpi.polls import polls
from kpi.rate import Rate
from kpi.rates import brief, history, rates
from kpi.stations import line_oee, spans
from kpi.sums import Pieces, Sums, of_asset, total, within
from kpi.water import water_reuse
from store.reader import Reader

COVERS = ("pq_ms", "gq_ms", "scrap_ms", "rework_ms")  # of PIECES, in their order
Rated = Callable[[Reader, Facts, Archive | None, int], dict[str, Rate]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the window, how rows are grouped and divided, and what they are compared with."""

    start: int
    end: int
    by: By = "asset"
    per: str = "window"
    profile: Profile = "iso22400"
    baseline: tuple[int, int] | None = None

    def reach(self, plant: Plant) -> tuple[int, int]:
        """The span whose rows the answer rests on: rates look back over the rule's own window."""
        back = plant.rules.networked.window
        rated = self.start - back if self.per == "day" else self.end - back
        begin, stop = self.baseline or (self.start, self.end)
        return min(self.start, rated, begin), max(self.end, stop)


@dataclass(frozen=True, slots=True)
class Row:
    """One asset or group over one period, measured."""

    by: By
    name: str
    line: str
    window: Window
    measured: Mapping[str, Measured]
    sums: Sums
    counted: frozenset[str]  # of total, good, reject and rework
    base: "Row | None" = None

    def document(self, plant: Plant) -> Json:
        """As /openapi.json describes it."""
        zone = plant.timezone
        told: Json = {self.by: self.name}
        if self.by == "asset":
            told["line"] = self.line or None
        told |= {
            "from": shown(self.window.start, zone),
            "to": shown(self.window.end, zone),
            "shift": self.window.shift,
            "day": self.window.day.isoformat(),
            "kpis": {key: one.json(zone) for key, one in self.measured.items()},
            "time_ms": dict(zip(STATES[1:] + STATES[:1], self.sums.time[1:] + self.sums.time[:1], strict=True)),
            "quantity": self._quantity(),
        }
        if self.base is not None:
            base = self.base
            told["baseline"] = {
                "from": shown(base.window.start, zone),
                "to": shown(base.window.end, zone),
                "kpis": {key: one.json(zone) for key, one in base.measured.items()},
            }
            told["change"] = {key: change(one, base.measured[key]) for key, one in self.measured.items()}
        return told

    def _quantity(self) -> Json:
        """All pieces of the window, and those outside PBT apart; what nothing counts is unknown, not zero."""
        inside, outside = self.sums.busy, self.sums.outside

        def count(name: str, *parts: Pieces) -> object:
            return number(sum(getattr(part, name) for part in parts)) if name in self.counted else None

        told: Json = {name: count(name, inside, outside) for name in PIECES}
        told["unscheduled"] = {name: count(name, outside) for name in ("total", "good")}
        return told


def counted(members: Sequence[Member]) -> frozenset[str]:
    """The quantities that any of these counts, and of which anything is known in its window."""
    return frozenset(
        name
        for name, known, covers in zip(PIECES, ("pq_ms", "gq_ms", "reject", "rework"), COVERS, strict=True)
        if any(known in member.has and _read(member, name, covers) for member in members)
    )


def _read(member: Member, name: str, covers: str) -> bool:
    """Where no two good readings embrace any of its time, that nothing was counted says nothing."""
    sums = member.sums
    if getattr(sums.busy, name) or getattr(sums.outside, name):
        return True
    if sums.pbt and covers in member.has:
        return sums.covered[COVERED_MS.index(covers)] > 0
    return (sums.seen if "gq_ms" in member.has else sums.rows) > 0


def rows(of: Facts, question: Question, base: Facts | None = None) -> list[Row]:
    """Every row, in the order of the plant file, then of time. A group without members in a period has none there."""
    bases = {row.name: row for row in _rows(base, question, "window")} if base is not None else {}
    found = _rows(of, question, question.per)
    if base is None:
        return found
    return [replace(row, base=bases.get(row.name)) for row in found]


def _rows(of: Facts, question: Question, per: str) -> list[Row]:
    plant, by = of.plant, question.by
    found = []
    divided: dict[tuple[int, Stops], list[tuple[Window, tuple[date, date]]]] = {}
    membership = Membership(plant, by)
    for name, assets in membership.groups(of.start, of.end).items():
        calendar = calendar_of(plant, by, name)
        stops = stops_of(plant, name) if by == "asset" and per == "slice" else ()
        key = id(calendar), stops
        if key not in divided:
            parts = windows(plant, calendar, per, of.start, of.end, stops)
            days = production_days(plant, [(part.start, part.end) for part in parts])
            divided[key] = list(zip(parts, days, strict=True))
        sums = {asset: of_asset(of, asset, [(part.start, part.end) for part, _ in divided[key]]) for asset in assets}
        has = {asset: knowable(plant.assets[asset], plant.rules) for asset in assets}
        for place, (part, held) in enumerate(divided[key]):
            own = [asset for asset in assets if membership.group(asset, *held) == name]
            if own or by == "plant":
                members = [Member(asset, sums[asset][place], has[asset]) for asset in own]
                found.append(_row(of, question, name, part, members))
    return found


def _row(of: Facts, question: Question, name: str, part: Window, members: Sequence[Member]) -> Row:
    plant, by = of.plant, question.by
    common = frame(of, question.profile, part.start, part.end)
    if by == "asset":
        measured = {key: measure(kpi, members[0], common) for key, kpi in KPIS.items()}
        return Row(by, name, plant.line_of(name), part, measured, members[0].sums, counted(members))
    measured = {key: measure_group(kpi, members, common) for key, kpi in KPIS.items()}
    if by == "line":
        measured["line_oee"] = _line_oee(of, name, part, members, common)
    if by == "plant":
        measured["water_reuse"] = water_reuse([within(of, part.start, part.end)], common)
    return Row(by, name, "", part, measured, total(member.sums for member in members), counted(members))


def of_group(asking: Facts, parts: Sequence[Part], question: Question, base: Sequence[Part] = ()) -> list[Row]:
    """Rows of every other plant than the one that asks; then of all as one, for each period that they share."""
    bases = {part.id: part.facts for part in base}
    others = [part for part in parts if part.id != asking.plant.id]
    found = [row for part in others for row in _of_other(part, question, asking, bases.get(part.id))]
    known = [part.facts for part in parts if part.facts is not None] or [asking]
    spans = [windows(of.plant, of.plant.calendar, question.per, of.start, of.end) for of in known]
    shared = set.intersection(*({(one.start, one.end) for one in some} for some in spans))
    before = several(asking, base, question, Window(base[0].start, base[0].end, date.min)) if base else None
    common = [over for over in spans[0] if (over.start, over.end) in shared]
    return found + [replace(several(asking, parts, question, over), base=before) for over in common]


def several(asking: Facts, parts: Sequence[Part], question: Question, over: Window) -> Row:
    """Several plants as one: the sums of all their machines in scope, divided once. Members are plant/asset."""
    members, measured = plants.together(asking, parts, question.profile, over)
    counts = frozenset[str]() if any(part.silent for part in parts) else counted(members)
    name = "+".join(part.id for part in parts)
    return Row("plant", name, "", over, measured, total(member.sums for member in members), counts)


def _of_other(part: Part, question: Question, asking: Facts, base: Facts | None) -> list[Row]:
    if part.facts is None:
        over = windows(asking.plant, asking.plant.calendar, "window", part.start, part.end)[0]
        measured = plants.unheard(part, question.profile, asking.plant.rules)
        return [Row("plant", part.id, "", over, measured, total(()), frozenset())]
    found = rows(part.facts, question, base)
    if not part.silent:
        return found
    return [replace(row, measured=_marked(row.measured), counted=frozenset()) for row in found]


def _marked(of: Mapping[str, Measured]) -> dict[str, Measured]:
    return {key: plants.marked(one) for key, one in of.items()}


def _line_oee(of: Facts, name: str, part: Window, members: Sequence[Member], common: Frame) -> Measured:
    """A station of the series may belong to another line by the register."""
    line = of.plant.lines.get(name)
    known = {member.id: member for member in members}
    made: list[tuple[int, Sums]] = []
    for asset in line.serial if line else ():
        if asset not in known:
            sums = of_asset(of, asset, [(part.start, part.end)])[0]
            known[asset] = Member(asset, sums, knowable(of.plant.assets[asset], of.plant.rules))
    if line and line.serial:
        last, cut = line.serial[-1], spans(of.plant, line, part.start, part.end)
        sums_of = of_asset(of, last, cut) if len(cut) > 1 else [known[last].sums]
        made = [(start, sums) for (start, _), sums in zip(cut, sums_of, strict=True)]
    return line_oee(of.plant, line, known, made, common)


def report(
    reader: Reader,
    plant: Plant,
    question: Question,
    archive: Archive | None,
    now: int | None = None,
    progress: Told | None = None,
    group: Group | None = None,
    rated: Rated | None = None,
) -> Json:
    """The whole document: the answer to one question. Rows of plants are those of the whole `group`; `rated` stands in
    for `rates_of` where rates are remembered."""
    now = time.time_ns() if now is None else now
    group = group if question.by == "plant" else None
    others = group.ask(question.start, question.end, now, rates_of) if group else None
    before = group.ask(*question.baseline, now) if group and question.baseline else None
    of = facts(reader, plant, question.start, question.end, archive, now, progress)
    base = facts(reader, plant, *question.baseline, archive, now, progress) if question.baseline else None
    found, own = rows(of, question, base), (rated or rates_of)(reader, of, archive, now)
    told: Json = {
        "plant": plant.id,
        "from": shown(question.start, plant.timezone),
        "to": shown(question.end, plant.timezone),
        "by": question.by,
        "per": question.per,
        "profile": question.profile,
        "calendar": plant.calendar.name,
        "rules": rules_of(plant),
        "store": reader.store,
        "plant_sha256": plant.sha256,
        "rates": {name: rate.document(plant) for name, rate in own.items()},
    }
    if others is not None:
        parts = [*plants.of(of, own), *others()]
        told["group"] = plants.document(parts, plant.rules.coverage)
        found += of_group(of, parts, question, [*plants.of(base), *before()] if base and before else [])
    told["rows"] = [row.document(plant) for row in found]
    if question.per == "day":
        told["rates_history"] = rates_history(reader, of, archive, now)
    return told


def rates_of(reader: Reader, of: Facts, archive: Archive | None, now: int) -> dict[str, Rate]:
    """The rates of equipment, over the rule's own window that ends with the question's."""
    held = reader.span()
    over = window(of.plant, of.end, held[0] if held else None)
    told: Facts | Heard = within(of, over.start, over.end)
    if over.start < of.start:
        told = past(reader, of.plant, over.start, over.end, archive, now)
    since = held[0] if held else over.end
    known = identified(reader, of.plant, over.end)
    return rates(of.plant, polls(of.plant, told.slices, told.links, told.names, since), over, known)


def rates_history(reader: Reader, of: Facts, archive: Archive | None, now: int) -> list[Json]:
    """The rates at the end of each production day of the question, each over the rule's own window."""
    held = reader.span()
    first = held[0] if held else None
    over = window(of.plant, of.start + 1, first)
    told = past(reader, of.plant, min(over.start, of.start), of.end, archive, now)
    heard = polls(of.plant, told.slices, told.links, told.names, of.end if first is None else first)
    known = identified(reader, of.plant, of.end)
    return [brief(day, found) for day, found in history(of.plant, heard, of.start, of.end, first, known)]


def rules_of(plant: Plant) -> Json:
    """The policy that was applied, the defaults included."""
    rules = plant.rules
    return {
        "coverage": float(rules.coverage),
        "all_good": rules.all_good,
        "key_process": rules.key_process,
        "short_stop_s": {asset.id: asset.short_stop / 1e9 for asset in plant.assets.values()},
    }
