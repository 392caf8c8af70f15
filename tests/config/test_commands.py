"""`gemba check` and `gemba register`, as their users see them."""

import json
import socket
import stat
from pathlib import Path

import pytest

import config
from config.load import load
from config.register import read
from gemba.cli import main
from gemba.commands.check import summary
from tests.config.calendars import at

EXAMPLES = Path(config.__file__).parent / "examples"
WHOLE, SMALLEST = EXAMPLES / "wuxi-01.yaml", EXAMPLES / "smallest.yaml"
WRONG = Path(__file__).parent.parent / "cases" / "config" / "top-many-at-once.yaml"


def test_every_fault_on_stderr_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(WRONG)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    expected = WRONG.with_suffix(".txt").read_text(encoding="utf-8").replace(f"{WRONG.name}:", f"{WRONG}:")
    assert err == expected


def test_every_fault_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(WRONG), "--json"]) == 2
    faults = json.loads(capsys.readouterr().out)["faults"]
    assert len(faults) == 6
    assert faults[2] == {
        "file": str(WRONG),
        "line": 4,
        "where": "sourcs",
        "what": "unknown key",
        "got": None,
        "do": "did you mean `sources`?",
        "text": f"{WRONG}:4: sourcs: unknown key; did you mean `sources`?",
    }


def test_the_summary_opens_no_socket(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    assert main(["check", str(WHOLE), "--lang", "en"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "  press-plc  modbus     3 points  every 1 s  tcp://192.168.10.11:502\n" in out
    assert f"register: {EXAMPLES / 'register.csv'}  4 rows, in scope 4, connected 4" in out
    assert "factors: sme-2024@1\n" in out


def test_the_summary_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(SMALLEST), "--lang", "zh"]) == 0
    out = capsys.readouterr().out
    assert "设备: 1\n" in out
    assert "设备台账: 无：比率为空（not_configured）\n" in out
    assert out.count("全天") == 7


def test_the_coming_week() -> None:
    plant = load(WHOLE)
    found = summary(plant, at("Asia/Shanghai", "2026-09-29T21:00"))
    assert [(day["date"], len(day["shifts"])) for day in found["calendar"]["days"]] == [
        ("2026-09-29", 2),
        ("2026-09-30", 2),
        *((f"2026-10-0{day}", 0) for day in range(1, 6)),
    ]
    assert found["calendar"]["days"][0]["shifts"][1] == {
        "shift": "night",
        "from": "2026-09-29T20:00:00+08:00",
        "to": "2026-09-30T08:00:00+08:00",
    }
    assert found["points"] == 15
    assert {source["source"]: source["points"] for source in found["sources"]} == {
        "press-plc": 3,
        "meters": 7,
        "cell": 3,
        "broker": 2,
    }
    assert found["register"]["control"] == {"native": 2, "retrofit": 1, "meter": 1}
    assert [stop["why"] for stop in found["stops"]] == ["die change"]


@pytest.mark.parametrize(("now", "warned"), [("2026-10-01T00:00", False), ("2026-11-21T00:00", True)])
def test_the_end_of_the_official_calendar_is_warned_of(now: str, warned: bool) -> None:
    found = summary(load(WHOLE), at("Asia/Shanghai", now))
    texts = [warning["text"] for warning in found["warnings"] if "official" in warning["text"]]
    known = f"{WHOLE}:14: calendars.two-shift.workdays: the official calendar of two-shift is known up to 2026-12-31"
    assert texts == [f"{known}; after that `days` alone holds; bring Gemba, or the file, up to date"] * warned


def test_a_week_that_is_not_confirmed() -> None:
    found = summary(load(WHOLE), at("Asia/Shanghai", "2030-01-07T09:00"))
    assert [day["unconfirmed"] for day in found["calendar"]["days"]] == [True] * 7


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        (
            "en",
            "id,name,workshop,line,process,class,control,key,key_process,in_scope,reason,from,until\n"
            "press-01,,,stamping,,production,native,,,,,,\n"
            "cnc-01,,,stamping,,production,native,,,,,,\n"
            "oven-01,,,,,production,native,,,,,,\n"
            "saw-07,,,,,production,meter,,,,,,\n",
        ),
        (
            "zh",
            "编号,名称,车间,产线,工序,类别,控制方式,关键设备,关键工序,计入,说明,启用,停用\n"
            "press-01,,,stamping,,生产,数控,,,,,,\n"
            "cnc-01,,,stamping,,生产,数控,,,,,,\n"
            "oven-01,,,,,生产,数控,,,,,,\n"
            "saw-07,,,,,生产,仅计量,,,,,,\n",
        ),
    ],
)
def test_a_starter_register(capsys: pytest.CaptureFixture[str], lang: str, expected: str) -> None:
    assert main(["register", str(WHOLE), "--lang", lang]) == 0
    assert capsys.readouterr().out == expected


def test_a_register_that_is_not_written_yet_can_be_started(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant, out = tmp_path / "plant.yaml", tmp_path / "new.csv"
    plant.write_text(SMALLEST.read_text(encoding="utf-8") + "register: new.csv\n", encoding="utf-8")
    assert main(["check", str(plant)]) == 2
    assert main(["register", str(plant), "--lang", "zh", "--out", str(out)]) == 0
    assert main(["check", str(plant)]) == 0
    register = read(out, [], [])
    assert register is not None
    assert [device.id for device in register.devices] == ["press-01"]
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    capsys.readouterr()
    assert main(["register", str(plant), "--out", str(out)]) == 2
    assert capsys.readouterr().err == (f"gemba register: the file is there already (got {out}); choose another name\n")


def test_which_plant(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMBA_PLANT", str(SMALLEST))
    assert main(["check"]) == 0
    monkeypatch.delenv("GEMBA_PLANT")
    with pytest.raises(SystemExit) as raised:
        main(["check"])
    assert raised.value.code == 2


def test_a_secret_that_only_its_owner_reads_is_right(tmp_path: Path) -> None:
    secret = tmp_path / "mqtt.pw"
    secret.write_text("hunter2", encoding="utf-8")
    secret.chmod(stat.S_IRUSR | stat.S_IWUSR)
    plant = tmp_path / "plant.yaml"
    plant.write_text(
        """plant: a
timezone: UTC
data: d
sources:
  b: {protocol: mqtt, url: "mqtts://h", security: {user: gemba, password: {file: mqtt.pw}}}
""",
        encoding="utf-8",
    )
    loaded = load(plant)
    assert loaded.warnings == ()
    assert "hunter2" not in repr(loaded)
