"""What is wrong at a running agent, worst first, each with what to do about it: read by whoever is on duty at night."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

Status = dict[str, Any]
BEHIND = "the gateway says of unit"
"""How `connectors.modbus` begins what a gateway answers for a device that is silent: exceptions 10 and 11."""
NAMED = 3


@dataclass(frozen=True, slots=True)
class Alarm:
    """What it is, whom it befell, and what to do."""

    what: str
    where: tuple[str, ...]
    do: str


def alarms(status: Status, file: str, sha256: str, chinese: bool) -> Iterator[Alarm]:
    """`file` is the plant file, `sha256` its digest now: the agent may still run on what it was before."""
    first = (_agent(status, file), _disk(status["journal"]), _sources(status, file), _bad(status, file))
    for what, where, do in chain(*first, _influxdb(status, file), _clock(status), _file(status, file, sha256)):
        yield Alarm(what[chinese], where, do[chinese])


def ago(seconds: float | None) -> str:
    """An age in the unit that a reader would choose."""
    if seconds is None:
        return "—"
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def size(count: int) -> str:
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


_Found = Iterator[tuple[tuple[str, str], tuple[str, ...], tuple[str, str]]]


def _agent(status: Status, file: str) -> _Found:
    trouble, lost = status["trouble"], status["journal"]["lost"]
    if trouble.startswith("reload refused"):
        yield (
            ("the plant file was refused; the agent goes on with the one before", "工厂文件被拒绝，仍按原来的运行"),
            (trouble,),
            (f"gemba check {file}, mend it, and reload", f"gemba check {file}，改正后重新加载"),
        )
    elif trouble:
        yield (
            ("rows cannot be written", "数据无法写入"),
            (trouble,),
            ("make room, or see to the disk; it goes on by itself", "腾出空间或检查磁盘；之后自动继续"),
        )
    if lost:
        yield (
            (f"{lost:,} frames were lost since the start", f"启动以来丢失 {lost:,} 帧"),
            (),
            ("they are gaps on record; see to the disk", "已作为缺口记录在案；请检查磁盘"),
        )


def _disk(journal: Status) -> _Found:
    free, wanted = journal["free"], journal.get("wanted", 0)  # an agent of an older version does not tell it
    if free >= wanted:
        return
    stops = journal["when_full"] == "stop"
    then = ("collecting stops", "停止采集") if stops else ("the oldest rows are dropped", "不断删除最旧的数据")
    yield (
        (
            f"the disk has {size(free)} free, the plant file wants {size(wanted)} (keep.free)",
            f"磁盘剩余 {size(free)}，工厂文件要求 {size(wanted)}（keep.free）",
        ),
        (),
        (
            f"until it has, {then[0]}; make room, or lower keep.free",
            f"在此之前将{then[1]}；请腾出空间，或调低 keep.free",
        ),
    )


def _sources(status: Status, file: str) -> _Found:
    sources = status["sources"]
    lost = {name: one for name, one in sources.items() if one["state"] == "retrying"}
    behind = {name: one for name, one in lost.items() if BEHIND in one["trouble"]}
    silent = {name: one for name, one in lost.items() if name not in behind}
    if silent:
        ask = _ask(file, silent)
        yield (
            (
                f"{len(silent)} of {len(sources)} sources do not answer",
                f"{len(sources)} 个数据源中 {len(silent)} 个无应答",
            ),
            _since(status["time"], silent),
            (f"power, cable, address? {ask[0]}", f"检查电源、网线、地址；{ask[1]}"),
        )
    if behind:
        ask = _ask(file, behind)
        yield (
            (
                f"{len(behind)} of {len(sources)} sources: the gateway answers, the device behind it does not",
                f"{len(sources)} 个数据源中 {len(behind)} 个：网关有应答，其后的设备无应答",
            ),
            _since(status["time"], behind),
            (f"the device's unit id, power, bus? {ask[0]}", f"检查该设备的站号、电源和总线；{ask[1]}"),
        )


def _bad(status: Status, file: str) -> _Found:
    bad = {name: one["bad"] for name, one in status["sources"].items() if one["bad"]}
    if bad:
        width, ask = max(map(len, bad)), _ask(file, bad)
        reasons = {name: ", ".join(f"{why} {count:,}" for why, count in found.items()) for name, found in bad.items()}
        yield (
            ("bad values since the start", "启动以来的坏值"),
            tuple(f"{name:<{width}}  {reason}" for name, reason in reasons.items()),
            (f"which points: {ask[0]}", f"查看是哪些数据点：{ask[1]}"),
        )


def _since(now: int, lost: Mapping[str, Status]) -> tuple[str, ...]:
    width = max(map(len, lost))
    return tuple(
        f"{name:<{width}}  {ago((now - one['since']) / 1e9):>6}  {one['trouble']}" for name, one in lost.items()
    )


def _ask(file: str, sources: Iterable[str]) -> tuple[str, str]:
    """The command for the first of them, and for which others too."""
    first, *others = sources
    command, named = f"gemba read {file} --source {first}", others[: NAMED - 1]
    if not others:
        return command, command
    more = len(others) - len(named)
    return (
        f"{command} (then {', '.join(named)}{f' and {more} more' if more else ''})",
        f"{command}（再查 {'、'.join(named)}{f'，另有 {more} 个' if more else ''}）",
    )


def _influxdb(status: Status, file: str) -> _Found:
    told = status.get("influxdb")
    if told is None:
        return
    if told["trouble"]:
        yield (
            (f"InfluxDB takes no rows: {told['url']}", f"InfluxDB 不接收数据：{told['url']}"),
            (told["trouble"],),
            (
                "rows wait in the journal and follow when it takes them; nothing else stops",
                "数据留在本地日志中，恢复后自动补送；采集不受影响",
            ),
        )
    if told["unread"]:
        yield (
            ("what InfluxDB holds cannot be compared", "无法核对 InfluxDB 中的数据"),
            (told["unread"],),
            (
                "may the token read? it is tried again; rows are sent all the same",
                "检查令牌的读权限；会再试，数据照常发送",
            ),
        )
    if told["quarantined"]:
        yield (
            (f"InfluxDB refused {told['quarantined']:,} lines", f"InfluxDB 拒收 {told['quarantined']:,} 行"),
            (),
            (f"gemba quarantine {file}", f"gemba quarantine {file}"),
        )


def _clock(status: Status) -> _Found:
    if status["clock"]["synchronised"] is False:
        yield (
            ("the clock is not synchronised", "系统时钟未同步"),
            (),
            ("timedatectl; see to NTP: every time is this clock's", "timedatectl；检查 NTP：所有时间都取自本机时钟"),
        )


def _file(status: Status, file: str, sha256: str) -> _Found:
    if status["sha256"] != sha256:
        yield (
            ("the plant file has changed since the agent read it", "工厂文件在采集程序读取之后有改动"),
            (),
            (
                f"gemba check {file}, then systemctl reload gemba-agent (or SIGHUP)",
                f"gemba check {file}，再 systemctl reload gemba-agent（或 SIGHUP）",
            ),
        )
