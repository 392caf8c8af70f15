"""What `gemba status` says at night: the worst first, whom it befell, and what to do; then a table 80 columns wide."""

import csv
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Disconnected
from gemba.alarms import ago, alarms
from gemba.commands.status import _show
from gemba.table import width
from tests.connectors.modbus.carriers import plc
from tests.connectors.modbus.device import Device, served
from tests.deploy.test_deploy import sample
from tests.edge.child import GEMBA

NOW = 1_800_000_000 * 10**9


def source(state: str = "up", **more: Any) -> dict[str, Any]:
    well = {"protocol": "modbus", "state": state, "since": NOW - 180 * 10**9, "age": 0.42, "round_trip": 0.0031}
    return {**well, "good": 1_234_567, "bad": {}, "missed": 0, "trouble": "", **more}


def status(**more: Any) -> dict[str, Any]:
    journal: dict[str, Any] = {"bytes": 217_416, "free": 71_900_000_000, "waiting": 0, "lost": 0}
    journal |= {"wanted": 50_000_000_000, "when_full": "shed"}
    clock = {"synchronised": True, "steps": 0}
    well = {"sha256": "a" * 64, "started": NOW - 9 * 86_400 * 10**9, "time": NOW, "trouble": ""}
    return {**well, "sources": {"plc": source()}, "journal": journal, "clock": clock, **more}


INFLUX = {"url": "http://db:8086", "state": "up", "backlog": 0, "lag": 0.0, "delivered": 5, "quarantined": 0}
INFLUX |= {"too_old": 0, "mended": 0, "unsettled": 0, "trouble": "", "unread": ""}
SHORT = status()["journal"] | {"free": 602_112, "wanted": 20_000_000}
GONE = source("retrying", age=None, trouble="192.168.10.11: no route to host")
FULL = status()["journal"] | {"lost": 1_200}
CASES: tuple[tuple[dict[str, Any], list[str]], ...] = (
    (status(), []),
    (status(influxdb=INFLUX), []),
    (status(sources={"plc": source("down", age=None)}), []),
    (status(sources={"plc": source(), "cell": GONE}), ["1 of 2 sources do not answer"]),
    (status(sources={"plc": source(bad={"BadNodeIdUnknown": 7})}), ["bad values since the start"]),
    (status(trouble="No space left on device"), ["rows cannot be written"]),
    (
        status(trouble="reload refused: plant.yaml:3: …"),
        ["the plant file was refused; the agent goes on with the one before"],
    ),
    (status(journal=FULL), ["1,200 frames were lost since the start"]),
    (status(journal=SHORT), ["the disk has 602 KB free, the plant file wants 20 MB (keep.free)"]),
    (status(journal=SHORT | {"free": 20_000_000}), []),
    (status(clock={"synchronised": False, "steps": 0}), ["the clock is not synchronised"]),
    (status(clock={"synchronised": None, "steps": 0}), []),
    (status(influxdb=INFLUX | {"trouble": "401", "state": "refused"}), ["InfluxDB takes no rows: http://db:8086"]),
    (status(influxdb=INFLUX | {"unread": "403"}), ["what InfluxDB holds cannot be compared"]),
    (status(influxdb=INFLUX | {"quarantined": 3}), ["InfluxDB refused 3 lines"]),
    (status(sha256="b" * 64), ["the plant file has changed since the agent read it"]),
    (
        status(trouble="disk", sources={"plc": GONE}, clock={"synchronised": False, "steps": 1}, sha256="b"),
        [
            "rows cannot be written",
            "1 of 1 sources do not answer",
            "the clock is not synchronised",
            "the plant file has changed since the agent read it",
        ],
    ),
)


@pytest.mark.parametrize(("of", "expected"), CASES)
def test_each_fault_is_told_and_nothing_else(of: dict[str, Any], expected: list[str]) -> None:
    assert [alarm.what for alarm in alarms(of, "plant.yaml", "a" * 64, chinese=False)] == expected
    chinese = list(alarms(of, "plant.yaml", "a" * 64, chinese=True))
    assert len(chinese) == len(expected)
    assert all(re.search("[\u4e00-\u9fff]", alarm.what) for alarm in chinese)


def test_who_is_gone_for_how_long_and_the_command_that_asks_again() -> None:
    (alarm,) = alarms(status(sources={"plc": source(), "cell-2": GONE}), "p.yaml", "a" * 64, chinese=False)
    assert alarm.where == ("cell-2   3 min  192.168.10.11: no route to host",)
    assert alarm.do.endswith("gemba read p.yaml --source cell-2")


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [
        (1, "--source s0", "--source s0"),
        (2, "--source s0 (then s1)", "--source s0（再查 s1）"),
        (3, "--source s0 (then s1, s2)", "--source s0（再查 s1、s2）"),
        (7, "--source s0 (then s1, s2 and 4 more)", "--source s0（再查 s1、s2，另有 4 个）"),
    ],
)
@pytest.mark.parametrize("of", [GONE, source(bad={"BadTypeMismatch": 2})])
def test_whoever_is_to_be_asked_is_named(of: dict[str, Any], count: int, english: str, chinese: str) -> None:
    many = status(sources={"well": source(), **{f"s{n}": of for n in range(count)}})
    for lang, end in enumerate((english, chinese)):
        (alarm,) = alarms(many, "p.yaml", "a" * 64, chinese=bool(lang))
        assert alarm.do.endswith(f"gemba read p.yaml {end}")


async def test_a_gateway_that_answers_for_a_silent_device_is_not_a_cable() -> None:
    """Its words are those of the connector: exception 11, which the gateway sends for the unit that is not there."""
    async with served(Device({1: {}})) as url:
        with pytest.raises(Disconnected) as caught:
            await plc(url, 9).__aenter__()
    behind = source("retrying", age=None, trouble=str(caught.value))
    both = list(alarms(status(sources={"plc": GONE, "meter": behind}), "p.yaml", "a" * 64, chinese=False))
    assert [alarm.what for alarm in both] == [
        "1 of 2 sources do not answer",
        "1 of 2 sources: the gateway answers, the device behind it does not",
    ]
    assert "cable" in both[0].do and "cable" not in both[1].do
    assert both[1].do == "the device's unit id, power, bus? gemba read p.yaml --source meter"
    assert "of unit 9: exception 11" in both[1].where[0]
    (alarm,) = alarms(status(sources={"meter": behind}), "p.yaml", "a" * 64, chinese=True)
    assert "网关有应答" in alarm.what and "站号" in alarm.do


@pytest.mark.parametrize(
    ("when_full", "english", "chinese"),
    [
        ("shed", "until it has, the oldest rows are dropped", "删除最旧的数据"),
        ("stop", "until it has, collecting stops", "停止采集"),
    ],
)
def test_what_comes_of_a_disk_below_its_reserve(when_full: str, english: str, chinese: str) -> None:
    short = status(journal=SHORT | {"when_full": when_full})
    for lang, words in enumerate((english, chinese)):
        (alarm,) = alarms(short, "p.yaml", "a" * 64, chinese=bool(lang))
        assert words in alarm.do and "keep.free" in alarm.do


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (0.42, "0.4 s"), (45.0, "45 s"), (119.0, "119 s"), (120.0, "2 min"), (7200.0, "2 h"), (9e5, "10 d")],
)
def test_an_age_is_told_in_its_unit(seconds: float | None, text: str) -> None:
    assert ago(seconds) == text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_table_fits_a_terminal_of_80_columns(lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    many = {f"press-plc-{n:02}": source("retrying" if n == 3 else "up") for n in range(30)}
    _show(status(sources=many, influxdb=INFLUX | {"backlog": 12_345_678, "lag": 14_400.0}), lang)
    shown = capsys.readouterr().out
    assert max(width(line) for line in shown.splitlines()) <= 80
    assert "12,345,678" in shown and "4 h" in shown and "1,234,567" in shown


def test_a_running_agent_tells_that_its_device_is_silent(tmp_path: Path) -> None:
    plant = sample(tmp_path)
    words = [GEMBA, "status", str(plant), "--lang", "en"]
    alone = subprocess.run(words, capture_output=True, text=True, check=False)
    assert alone.returncode == 1 and f"gemba agent {plant}" in alone.stderr
    agent = subprocess.Popen([GEMBA, "agent", str(plant)], stderr=subprocess.DEVNULL)
    try:
        until, told = time.monotonic() + 60, ""
        while "1 of 1 sources do not answer" not in told and time.monotonic() < until:
            told = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        assert "! 1 of 1 sources do not answer" in told and "Connection refused" in told
        (row,) = csv.DictReader(
            subprocess.run([*words, "--csv"], capture_output=True, text=True, check=True).stdout.splitlines()
        )
        assert row["source"] == "plc" and row["good"] == "0" and "Connection refused" in row["trouble"]
    finally:
        agent.terminate()
        assert agent.wait(60) == 0
