"""What a question may be about: a window of at most five years, and a baseline with both of its ends. Whoever asks is
told before anything is read."""

from pathlib import Path

import pytest

from gemba.cli import main

ASKING: dict[str, list[str]] = {"kpi": [], "energy": [], "assess": ["sme-2024"]}
REVENUE = "--baseline-revenue 5200"
FAR = "--from 2020-06-01"
JULY = "--baseline-from 2026-06-01 --baseline-to 2026-07-01"
REFUSED = {
    "--from 1026-11-01 --to 2026-11-02": "from: must be a date from 1970 to 2199 (got 1026-11-01)",
    FAR: "from: makes a window longer than five years (got 2020-06-01); ask for less",
    "--from 1970-01-01 --to 1975-01-06": "from: makes a window longer than five years (got 1970-01-01); ask for less",
    "--last 1831d": "last: makes a window longer than five years (got 1831d); ask for less",
    "--baseline-from 2026-06-01": "baseline-to: is missing; give it with `baseline-from`",
    "--baseline-to 2026-06-01": "baseline-from: is missing; give it with `baseline-to`",
    "--baseline-from 2026-06-01 --baseline-to July": "baseline-to: must be a date or date-time from 1970",
    "--baseline-from 2026-07-01 --baseline-to 2026-06-01": "baseline-to: leaves no time between its ends",
    "--baseline-from 2020-06-01 --baseline-to 2026-06-01": "baseline-from: makes a window longer than five years",
    "--baseline-from= --baseline-to=": "baseline-from: must be text (got )",
    f"--last 1831d {JULY}": "last: makes a window longer than five years (got 1831d); ask for less",
}


@pytest.fixture
def plant(tmp_path: Path) -> str:
    file = tmp_path / "plant.yaml"
    file.write_text("plant: p-01\ntimezone: Asia/Shanghai\ndata: ./data\n", encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("command", ASKING)
@pytest.mark.parametrize("words", REFUSED)
def test_a_window_that_is_refused(
    command: str, words: str, plant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, *ASKING[command], plant, *words.split()]) == 2
    told = capsys.readouterr()
    assert REFUSED[words] in told.err
    assert told.out == ""
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ASKING)
@pytest.mark.parametrize("words", ["--last 1830d", "--from 1970-01-01 --to 1975-01-05", JULY])
def test_a_window_that_is_not(command: str, words: str, plant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It comes as far as the journal, of which there is none."""
    assert main([command, *ASKING[command], plant, *words.split()]) == 1
    assert "no journal is there; start `gemba agent`, or import history" in capsys.readouterr().err


def test_a_revenue_of_no_baseline(plant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["energy", plant, *REVENUE.split()]) == 2
    told = "baseline-revenue: stands without a baseline; give `baseline-from` and `baseline-to` too"
    assert told in capsys.readouterr().err
    assert main(["energy", plant, *REVENUE.split(), *JULY.split()]) == 1, "with one it comes as far as the journal"
