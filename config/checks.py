"""What only the whole plant shows: names that must agree between its parts, and with the register."""

from collections.abc import Callable

from config import meters
from config.addresses import SPARKPLUG
from config.cursor import Cursor
from config.plant import PIECES, SECOND, MqttAddress, Plant, Point
from config.shifts import ALWAYS


def across(root: Cursor, plant: Plant) -> None:
    for check in _CHECKS:
        check(root, plant)


def _scopes(root: Cursor, plant: Plant) -> None:
    rows = plant.register.devices if plant.register else None
    lines = frozenset(plant.lines) | frozenset(row.line for row in rows or () if row.line)
    workshops = None if rows is None else frozenset(row.workshop for row in rows if row.workshop)
    assets = root.names("assets") | {row.id for row in rows or ()}
    meters.scopes(root.spot("meters"), plant.meters, {"line": lines, "workshop": workshops, "asset": assets})


def _calendars(root: Cursor, plant: Plant) -> None:
    calendars = root.names("calendars")
    for section, things in (("assets", plant.assets), ("lines", plant.lines)):
        for thing in things.values():
            if thing.calendar not in (None, ALWAYS.name, *calendars):
                known = ", ".join([*sorted(calendars), ALWAYS.name])
                root.spot(section, thing.id, "calendar").fault(
                    "there is no such calendar", f"known: {known}", thing.calendar
                )
    if calendars and "calendar" not in root.names():
        root.spot("calendars").warn(
            "no `calendar:` says which of these the plant has", "add it; until then it is `always`"
        )


def _register(root: Cursor, plant: Plant) -> None:
    if plant.register is None:
        return
    ids = {row.id: row for row in plant.register.devices}
    for asset in plant.assets:
        if asset not in ids:
            root.spot("assets", asset).fault(
                "is connected, but not in the register", f"add a row to {plant.register.file.name}", asset
            )
    for line in plant.lines.values():
        for asset in line.serial:
            row = ids.get(asset)
            if row and row.line and row.line != line.id:
                root.spot("lines", line.id, "serial").warn(
                    f"the register has {asset} on line {row.line}, in row {row.row}", "make both the same", line.id
                )


def _gateways(root: Cursor, plant: Plant) -> None:
    gateways = {source.gateway for source in plant.sources.values()}
    if len(gateways) > 1 and "store" not in root.names():
        names = ", ".join(sorted(gateway or "one without a name" for gateway in gateways))
        root.spot("sources").fault("several gateways need a store that they share", "add `store:`", names)


def _stores(root: Cursor, plant: Plant) -> None:
    if plant.id in plant.stores:
        root.spot("stores", plant.id).fault("is this plant itself, and would count twice", "leave it out", plant.id)


def _ids(root: Cursor, plant: Plant) -> None:
    for meter in plant.meters.keys() & plant.assets.keys():
        root.spot("meters", meter).fault("an asset has this id too", "call the meter otherwise", meter)


def _kinds(root: Cursor, plant: Plant) -> None:
    """In InfluxDB a name has one type in the whole plant."""
    texts: dict[str, Point] = {}
    numbers: dict[str, Point] = {}
    for point in plant.points():
        if _typed(point) and point.name != "state":
            (texts if point.type == "string" else numbers).setdefault(point.name, point)
    for name in sorted(texts.keys() & numbers.keys()):
        text, number = texts[name], numbers[name]
        root.spot("assets", text.asset, "points", name).fault(
            f"is text here and a number at {number.asset}", "call one of them otherwise", name
        )
    names = {point.name for point in plant.points()}
    for name in sorted(names):
        for suffix in ("_q", "_text", "_hold", "_scaled"):
            if name.endswith(suffix) and name.removesuffix(suffix) in names:
                where = next(point for point in plant.points() if point.name == name)
                root.spot("assets", where.asset, "points", name).fault(
                    f"the store writes this beside `{name.removesuffix(suffix)}`", "call the point otherwise", name
                )


def _typed(point: Point) -> bool:
    """Whether the file says that it is text, or what only a number has."""
    shaped = point.counter or point.unit or point.scale != 1 or point.offset or point.deadband
    return point.type is not None or bool(shaped)


def _rates(root: Cursor, plant: Plant) -> None:
    """A `max_rate` that the machine itself exceeds: then its pieces are taken for misreadings."""
    for asset in plant.assets.values():
        fastest = min((ideal.seconds for ideal in asset.ideal), default=None)
        for name in PIECES:
            point = asset.points.get(name)
            if point is None or point.counter is None or point.counter.max_rate is None:
                continue
            rate = point.counter.max_rate * abs(point.scale)
            spot = root.spot("assets", asset.id, "points", name, "counter", "max_rate")
            got = f"{float(point.counter.max_rate):g}/s"
            if fastest and asset.cavities.designed == 1 and rate * fastest < 1:
                do = f"write more than {float(1 / fastest / abs(point.scale)):.3g}/s"
                spot.warn("the ideal cycle is faster than this, and what rises faster is not counted", do, got)
            elif point.resolution == 1 and rate * point.every / SECOND + abs(point.scale) < 1:
                do = f"write {float(SECOND / point.every / abs(point.scale)):.3g}/s or more"
                spot.warn("one piece between two polls is more than this, and is not counted", do, got)


def _twice(root: Cursor, plant: Plant) -> None:
    seen: dict[tuple[object, ...], Point] = {}
    for point in plant.points():
        first = seen.setdefault((point.source, point.at, point.type, point.order, _wild(point)), point)
        if first is not point:
            path = (
                ("assets", point.asset, "points", point.name)
                if point.asset in plant.assets
                else ("meters", point.asset)
            )
            root.spot(*path).warn(
                f"{point.asset}.{point.name} has the same address as {first.asset}.{first.name}",
                "mend one of them, unless it is meant",
            )


def _wild(point: Point) -> str:
    """The asset, where wildcards stand for its id; the `+` of a Sparkplug topic stands for the kind of message."""
    topic = point.at.topic if isinstance(point.at, MqttAddress) else ""
    free = topic.replace("/+/", "/", 1) if topic.startswith(SPARKPLUG) else topic
    return point.asset if "+" in free or "#" in free else ""


def _no_factor(root: Cursor, plant: Plant) -> None:
    """What is metered and cannot become standard coal; water is not meant to where its profile prints none."""
    for meter in plant.meters.values():
        factor = plant.factors.factors[meter.carrier]
        if factor.tce is None and meter.carrier != meters.WATER:
            root.spot("meters", meter.id).warn(
                f"{meter.carrier} has no factor: {factor.note}; its tce is null, no_factor",
                f"add `{meter.carrier}: {{tce: …, per: …, source: …}}` to `factors:`",
            )


_CHECKS: tuple[Callable[[Cursor, Plant], None], ...] = (
    _scopes,
    _calendars,
    _register,
    _gateways,
    _stores,
    _ids,
    _kinds,
    _rates,
    _twice,
    _no_factor,
)
