"""What is now and what was: sources with their links, assets with their state, timelines, series. All of it is read
from the store, so it is the same whether the agent runs here, elsewhere, or not at all."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from config.plant import METERED, SECOND, STATES, Asset, Meter, Plant, Point
from config.value import final
from config.zone import shown
from connectors import quality
from kpi.facts.machine import machine
from kpi.facts.reading import Reading
from store.reader import LINK_STATES, Reader, Series

HOUR = 3600 * SECOND
DAY = 24 * HOUR
RECENT = 180 * SECOND  # a link that told nothing for so long is not known to be up
Json = dict[str, Any]


def plant_document(plant: Plant) -> Json:
    return {
        "plant": plant.id,
        "name": plant.name,
        "timezone": plant.timezone.key,
        "sha256": plant.sha256,
        "assets": len(plant.assets),
        "points": len(plant.points()),
        "sources": len(plant.sources),
        "meters": len(plant.meters),
        "calendar": plant.calendar.name,
        "factors": f"{plant.factors.profile}@{plant.factors.version}",
        "register": {"sha256": plant.register.sha256, "rows": len(plant.register.devices)} if plant.register else None,
        "warnings": [str(fault) for fault in plant.warnings],
    }


# -- sources -----------------------------------------------------------------------------------------------------------
def source(reader: Reader, plant: Plant, name: str, now: int) -> Json:
    """One source: how it is, and polls expected and good in each of the last 24 hours."""
    points = [point for point in plant.points() if point.source == name]
    assets = list(dict.fromkeys(point.asset for point in points))
    linked = [a for a in assets if any(p.asset == a and p.name not in METERED for p in points)]
    hours = np.arange(now // HOUR - 23, now // HOUR + 1) * HOUR
    expected, good = np.zeros((2, len(hours)), np.int64)
    state, last = "unknown", 0
    for links in reader.links(linked, int(hours[0]), now + 1).values():
        mine = np.array([links.sources[code] == name for code in links.source], bool)
        place = np.clip((links.time[mine] - hours[0]) // HOUR, 0, len(hours) - 1)
        np.add.at(expected, place, links.expected[mine])
        np.add.at(good, place, links.good[mine])
        if mine.any() and (latest := int(links.time[mine][-1])) > last:
            last, state = latest, LINK_STATES[int(links.state[mine][-1])]
    seen = max((_last_good(reader, asset, points, now) for asset in assets), default=0)
    if now - max(last, seen) > RECENT:
        state = "unknown"
    elif state == "unknown":
        state = "up"
    zone = plant.timezone
    rows = zip(hours.tolist(), expected.tolist(), good.tolist(), strict=True)
    return {
        "source": name,
        "protocol": plant.sources[name].protocol,
        "url": plant.sources[name].url,
        "state": state,
        "age": round((now - seen) / SECOND, 3) if seen else None,
        "assets": assets,
        "links": [{"from": shown(hour, zone), "expected": e, "good": g} for hour, e, g in rows],
    }


def _last_good(reader: Reader, asset: str, points: Sequence[Point], now: int) -> int:
    names = [point.name for point in points if point.asset == asset]
    return max((_newest(series) for series in reader.series(asset, names, now - DAY, now + 1).values()), default=0)


def _newest(series: Series) -> int:
    good = np.flatnonzero(quality.good(series.quality))
    return int(series.time[good[-1]]) if len(good) else 0


# -- assets ------------------------------------------------------------------------------------------------------------
def assets(plant: Plant) -> list[str]:
    """Every connected asset and, after them, what the register knows besides."""
    registered = [row.id for row in plant.register.devices] if plant.register else []
    return list(dict.fromkeys([*plant.assets, *registered]))


def asset(reader: Reader, plant: Plant, name: str, now: int) -> Json:
    """Who it is by the register, and what it does now."""
    device = plant.device(name)
    connected = plant.assets.get(name)
    state, since, age = _now(reader, connected, now) if connected else ("unknown", None, None)
    return {
        "asset": name,
        "name": device.name if device else "",
        "line": plant.line_of(name) or None,
        "workshop": device.workshop or None if device else None,
        "control": device.control if device else None,
        "connected": connected is not None,
        "state": state,
        "since": shown(since, plant.timezone) if since is not None else None,
        "age": age,
        "points": [_point(point) for point in connected.points.values()] if connected else [],
    }


def _point(point: Point) -> Json:
    return {"point": point.name, "unit": point.unit, "source": point.source}


def _now(reader: Reader, of: Asset, now: int) -> tuple[str, int | None, float | None]:
    """The state in force, since when within a day, and how old the newest Good reading is [s]."""
    newest = max((_newest(s) for s in reader.series(of.id, list(of.points), now - DAY, now + 1).values()), default=0)
    age = round((now - newest) / SECOND, 3) if newest else None
    runs = _states(reader, of, now - DAY, now)
    return (*runs[-1][:2], age) if runs else ("unknown", None, age)


def _states(reader: Reader, of: Asset, start: int, end: int) -> list[tuple[str, int, int]]:
    wanted = {name: point for name, point in of.points.items() if name in ("state", "power", "mode")}
    found = machine(Reading(reader, of.id, wanted, start, end), of, start, end).states
    ends = np.minimum(found.ends()[: len(found.time)], end)  # none where nothing was ever read
    starts = np.maximum(found.time, start)
    rows = zip(found.code.tolist(), starts.tolist(), ends.tolist(), strict=True)
    told = [(STATES[code], begin, stop) for code, begin, stop in rows if begin < stop]
    first = told[0][1] if told else end
    return [("unknown", start, first), *told] if first > start else told


def timeline(reader: Reader, plant: Plant, name: str, start: int, end: int, skip: int, limit: int) -> Json:
    """The machine's states from end to end; what is not known is a stretch of its own."""
    rows = _states(reader, plant.assets[name], start, end)
    zone = plant.timezone
    page = [{"state": s, "from": shown(a, zone), "to": shown(b, zone)} for s, a, b in rows[skip : skip + limit]]
    more = str(skip + limit) if skip + limit < len(rows) else None
    return {"asset": name, "from": shown(start, zone), "to": shown(end, zone), "states": page, "cursor": more}


def series(
    reader: Reader, plant: Plant, points: Sequence[Point], start: int, end: int, limit: int
) -> tuple[list[Json], int | None]:
    """Final values of points of one asset, up to `limit` rows of each; and where the next page begins [ns]."""
    found = reader.series(points[0].asset, [point.name for point in points], start, end)
    cut = min((int(s.time[limit]) for s in found.values() if len(s) > limit), default=None)
    columns = []
    for point in points:
        rows = found[point.name]
        count = len(rows) if cut is None else int(np.searchsorted(rows.time, cut, "left"))
        columns.append({"point": point.name, "unit": point.unit, "rows": _rows(rows, point, count, plant)})
    return columns, cut


def _rows(rows: Series, point: Point, count: int, plant: Plant) -> list[tuple[str, Any, str]]:
    good = quality.good(rows.quality[:count])
    told = []
    for place in range(count):
        value = None
        if good[place]:
            code = -1 if rows.text is None else int(rows.text[place])
            reading = rows.words[code] if code >= 0 else rows.numbers[place].item()
            value = final(point, reading, bool(rows.scaled[place]))
        told.append((shown(int(rows.time[place]), plant.timezone), value, quality.name(int(rows.quality[place]))))
    return told


def points_of(plant: Plant, name: str) -> dict[str, Point]:
    """Of an asset, or the one of a meter."""
    if name in plant.assets:
        return dict(plant.assets[name].points)
    meter: Meter | None = plant.meters.get(name)
    return {meter.point.name: meter.point} if meter else {}
