"""`gemba check`: every fault of a plant file and its register at once, or a summary of the plant. Opens no socket."""

import argparse
import json
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemba import arguments

if TYPE_CHECKING:
    from config.faults import Fault
    from config.plant import Plant

EXAMPLE = "example: gemba check plant.yaml && gemba agent plant.yaml"
SOON = timedelta(days=60)  # how long before the official calendar ends that is worth a warning
WORDS = {
    "sources": ("sources", "数据源"),
    "points": ("points", "个数据点"),
    "assets": ("assets", "设备"),
    "meters": ("meters", "计量表"),
    "lines": ("lines", "产线"),
    "every": ("every", "每"),
    "calendar": ("calendar", "日历"),
    "week": ("coming week", "未来一周"),
    "always": ("round the clock", "全天"),
    "closed": ("no shift", "无班次"),
    "stop": ("planned stop", "计划停机"),
    "unconfirmed": ("official calendar not known", "官方日历未知"),
    "register": ("register", "设备台账"),
    "rows": ("rows", "行"),
    "in_scope": ("in scope", "计入"),
    "connected": ("connected", "已联网采集"),
    "none": ("none: rates will be null, not_configured", "无：比率为空（not_configured）"),
    "factors": ("factors", "折标系数"),
    "store": ("store", "存储"),
    "journal": ("the journal", "本地日志"),
    "warnings": ("warnings", "警告"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    arguments.plant(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    from time import time_ns

    from config.faults import PlantError
    from config.load import load

    try:
        plant = load(Path(args.plant))
    except PlantError as error:
        if args.json:
            print(json.dumps({"faults": [_fault(fault) for fault in error.faults]}, ensure_ascii=False))
        raise
    found = summary(plant, time_ns())
    if args.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(found, args.lang == "zh")))
    return 0


# -- what is there -----------------------------------------------------------------------------------------------------
def summary(plant: "Plant", now: int) -> dict[str, Any]:
    counted = Counter(point.source for point in plant.points())
    return {
        "plant": plant.id,
        "name": plant.name,
        "timezone": plant.timezone.key,
        "file": str(plant.file),
        "sha256": plant.sha256,
        "sources": [
            {
                "source": source.id,
                "protocol": source.protocol,
                "url": source.url,
                "every_s": source.every / 10**9,
                "gateway": source.gateway,
                "points": counted[source.id],
            }
            for source in plant.sources.values()
        ],
        "points": sum(counted.values()),
        "assets": len(plant.assets),
        "meters": len(plant.meters),
        "lines": len(plant.lines),
        "calendar": {"name": plant.calendar.name, "days": _week(plant, now)},
        "stops": [_stop(plant, stop) for stop in plant.stops if stop.end > now],
        "register": _register(plant),
        "factors": f"{plant.factors.profile}@{plant.factors.version}",
        "store": plant.store.url if plant.store else None,
        "warnings": [_fault(warning) for warning in (*plant.warnings, *_calendar_warnings(plant, now))],
    }


def _week(plant: "Plant", now: int) -> list[dict[str, Any]]:
    """Seven production days from the one that is running."""
    from config.calendars import exceptions
    from config.span import production_day, shifts

    _, years = exceptions(plant.calendar)
    days: list[dict[str, Any]] = []
    time = now
    while len(days) < 7:
        day = production_day(plant, plant.calendar, time)
        found = [one for one in shifts(plant, plant.calendar, day.start, day.end) if one.day == day.day]
        days.append(
            {
                "date": day.day.isoformat(),
                **_ends(plant, day.start, day.end),
                "shifts": [{"shift": one.shift, **_ends(plant, one.start, one.end)} for one in found],
                "unconfirmed": years is not None and day.day.year not in years,
            }
        )
        time = day.end
    return days


def _stop(plant: "Plant", stop: Any) -> dict[str, Any]:
    return {"assets": list(stop.assets), **_ends(plant, stop.start, stop.end), "why": stop.why}


def _ends(plant: "Plant", start: int, end: int) -> dict[str, str]:
    from config.zone import shown

    return {"from": shown(start, plant.timezone), "to": shown(end, plant.timezone)}


def _register(plant: "Plant") -> dict[str, Any] | None:
    if plant.register is None:
        return None
    rows = plant.register.devices
    return {
        "file": str(plant.register.file),
        "sha256": plant.register.sha256,
        "rows": len(rows),
        "in_scope": sum(row.in_scope for row in rows),
        "connected": len({row.id for row in rows} & plant.assets.keys()),
        "class": dict(Counter(row.kind for row in rows)),
        "control": dict(Counter(row.control for row in rows)),
    }


def _calendar_warnings(plant: "Plant", now: int) -> list["Fault"]:
    from datetime import datetime

    from config import document
    from config.calendars import known_until
    from config.cursor import Cursor

    root = Cursor(document.read(plant.file)[0], str(plant.file), [])
    today = datetime.fromtimestamp(now // 10**9, plant.timezone).date()
    for calendar in {id(c): c for c in (plant.calendar, *plant.calendars.values())}.values():
        until = known_until(calendar)
        if until and today + SOON > until:
            what = f"the official calendar of {calendar.name} is known up to {until}; after that `days` alone holds"
            named = root.names("calendars", calendar.name)
            spot = root.spot("calendars", calendar.name, "workdays") if named else root.spot("calendar", "workdays")
            spot.warn(what, "bring Gemba, or the file, up to date")
    return root.warnings


def _fault(fault: "Fault") -> dict[str, Any]:
    return {
        "file": fault.file,
        "line": fault.line,
        "where": fault.where,
        "what": fault.what,
        "got": fault.got,
        "do": fault.do,
        "text": str(fault),
    }


# -- as text -----------------------------------------------------------------------------------------------------------
def _lines(found: dict[str, Any], chinese: bool) -> list[str]:
    def say(word: str) -> str:
        return WORDS[word][chinese]

    lines = [
        f"{found['plant']}  {found['name']}  {found['timezone']}",
        f"{found['file']}  sha256 {found['sha256']}",
        "",
    ]
    lines += [f"{say(key)}: {found[key]}" for key in ("assets", "meters", "lines")]
    lines += [f"{say('sources')}: {len(found['sources'])}"]
    width = max((len(source["source"]) for source in found["sources"]), default=0)
    for source in found["sources"]:
        gateway = f"  {source['gateway']}" if source["gateway"] else ""
        lines.append(
            f"  {source['source']:<{width}}  {source['protocol']:<6}  {source['points']:>4} {say('points')}"
            f"  {say('every')} {source['every_s']:g} s  {source['url']}{gateway}"
        )
    lines += ["", f"{say('calendar')}: {found['calendar']['name']}  ({say('week')})"]
    lines += [f"  {_day(day, found['calendar']['name'], say)}" for day in found["calendar"]["days"]]
    for stop in found["stops"]:
        ends = f"{stop['from'][:16]} – {stop['to'][:16]}"
        lines.append(f"  {say('stop')}: {', '.join(stop['assets'])}  {ends}  {stop['why']}".rstrip())
    lines += ["", f"{say('register')}: {_row(found['register'], say)}"]
    lines += [f"{say('factors')}: {found['factors']}", f"{say('store')}: {found['store'] or say('journal')}"]
    lines += ["", f"{say('warnings')}: {len(found['warnings'])}"]
    return lines + [f"  {warning['text']}" for warning in found["warnings"]]


def _day(day: dict[str, Any], name: str, say: Any) -> str:
    if day["shifts"]:
        text = ", ".join(f"{one['shift']} {one['from'][11:16]}–{one['to'][11:16]}" for one in day["shifts"])
    else:
        text = say("always" if name == "always" else "closed")
    return f"{day['date']}  {text}" + (f"  ({say('unconfirmed')})" if day["unconfirmed"] else "")


def _row(register: dict[str, Any] | None, say: Any) -> str:
    if register is None:
        return str(say("none"))
    control = ", ".join(f"{key} {count}" for key, count in register["control"].items())
    return (
        f"{register['file']}  {register['rows']} {say('rows')}, {say('in_scope')} {register['in_scope']}, "
        f"{say('connected')} {register['connected']}  ({control})"
    )
