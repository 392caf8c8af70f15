"""What the demo says in the terminal."""

from typing import NamedTuple

from config.plant import Plant
from gemba.demo.plant import DUMB, FAILING
from gemba.demo.truth import Line
from gemba.table import table as drawn

SAY: dict[str, tuple[str, str]] = {
    "devices": ("simulated devices are starting: Modbus TCP, OPC UA, MQTT", "启动模拟设备：Modbus TCP、OPC UA、MQTT"),
    "history": ("the weeks before are written into the journal", "写入此前数周的历史"),
    "facts": ("facts of the past days are formed", "形成历史各日的事实表"),
    "ready": ("ready", "就绪"),
    "compare": ("measured against what really happened", "与真实情况对照"),
    "whole": ("History and live together", "历史与实时合计"),
    "live": ("Live only", "仅实时部分"),
}


class Unit(NamedTuple):
    """Of a table's times, and with how many places these and the energy stand there: it is 80 columns wide."""

    name: str
    seconds: int
    places: int
    energy: int


UNITS = {"whole": Unit("h", 3600, 1, 0), "live": Unit("min", 60, 2, 2)}
TOUR = (
    """
  Dashboard   {address}
  API         {address}api/v1/kpis
  OpenAPI     {address}openapi.json

  What to look at
    1  Plant: {machines} machines over three protocols; {failing} keeps losing its
       connection, so part of its time is unknown, and is shown as unknown:
       neither running nor down.
    2  Press any number: its terms, bounds, coverage, inputs and method open.
    3  Networking rate: {dumb} machines answer no protocol. They stay in the
       denominator.
    4  Assessment: what was measured beside what was declared; conflicts are
       named; download the XLSX.
    5  Health: the links, the backlog and what was lost.

  Ctrl-C ends the demo and prints every measured number beside the truth.
""",
    """
  看板        {address}
  接口        {address}api/v1/kpis
  OpenAPI     {address}openapi.json

  看什么
    1  工厂：三种协议、{machines} 台设备；{failing} 不断掉线，它的一部分时间是“未知”，
       既不算运行，也不算停机。
    2  点任何一个数字：组成项、上下界、覆盖率、输入与算法都会展开。
    3  联网率：{dumb} 台哑设备不应答任何协议，但始终留在分母里。
    4  评估：实测与填报并列，冲突逐条列出，可下载 XLSX。
    5  运行状况：链路、积压与损失。

  按 Ctrl-C 结束演示，并将每个实测数字与真实值对照。
""",
)


def of(key: str, lang: str) -> str:
    return SAY[key][lang == "zh"]


def tour(address: str, plant: Plant, lang: str) -> str:
    return TOUR[lang == "zh"].format(address=address, machines=len(plant.assets), failing=FAILING, dumb=len(DUMB))


def table(found: dict[str, list[Line]], lang: str) -> str:
    """For each machine how its states, pieces and energy came out, then the verdict."""
    parts = []
    for span, lines in found.items():
        unit = UNITS[span]
        parts += [of(span, lang), drawn(_heads(unit, lang), _rows(lines, unit, lang)), ""]
    lines = [line for some in found.values() for line in some]
    outside = [line for line in lines if not line.inside]
    for line in outside:
        parts.append(_worst(line, lang))
    count = len(lines) - len(outside)
    parts.append(
        f"{len(lines)} 个实测值中 {count} 个在界内" if lang == "zh" else f"{count} of {len(lines)} values within bounds"
    )
    return "\n".join(parts)


def _heads(unit: Unit, lang: str) -> list[str]:
    if lang == "zh":
        return ["设备", f"运行 {unit.name}", "真实", "未知", "产量", "真实", "合格", "真实", "kWh", "真实", ""]
    return ["machine", f"run {unit.name}", "true", "unkn", "pieces", "true", "good", "true", "kWh", "true", ""]


def _rows(lines: list[Line], unit: Unit, lang: str) -> list[list[str]]:
    rows = []
    for asset in dict.fromkeys(line.asset for line in lines):
        mine = {line.what: line for line in lines if line.asset == asset}
        running = mine.get("running")
        unknown = "" if running is None else f"{(running.above - running.below) / unit.seconds:,.{unit.places}f}"
        cells = [asset, *_pair(running, unit.places, unit.seconds), unknown]
        cells += [*_pair(mine.get("total")), *_pair(mine.get("good")), *_pair(mine.get("energy"), unit.energy)]
        inside = all(line.inside for line in mine.values())
        rows.append([*cells, "✓" if inside else "界外" if lang == "zh" else "outside"])
    return rows


def _pair(line: Line | None, places: int = 0, by: int = 1) -> list[str]:
    return ["", ""] if line is None else [f"{line.measured / by:,.{places}f}", f"{line.true / by:,.{places}f}"]


def _worst(line: Line, lang: str) -> str:
    low, high = line.measured - line.below, line.measured + line.above
    told = f"{line.asset} {line.what}: {line.measured:g} {line.unit}".rstrip() + ", "
    if lang == "zh":
        return f"{told}真实 {line.true:g}，应在 {low:g} 与 {high:g} 之间"
    return f"{told}true {line.true:g}, expected between {low:g} and {high:g}"
