"""What was made ready in files is answered by the next process, for as long as it is still right."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from config.load import load
from gemba.cli import main
from kpi.api import ready
from kpi.api.answers import Answer
from kpi.api.forming import answer, form
from kpi.api.service import Service

DAY = 86_400 * 10**9
END = 1_795_190_400 * 10**9  # 2026-11-21T00:00+08:00, where the history ends
MARK = b'{"from":"a file"}\n'


def served(plant_file: Path) -> Service:
    return Service(plant_file, lambda: END + DAY // 2)


def day(service: Service) -> bytes:
    return service.kpis(service.window(None, None)).body


def marked(plant_file: Path) -> Path:
    """The folder of what is ready, the documents in it replaced by one that only a file can have."""
    form(load(plant_file), END + DAY // 2)
    answer(served(plant_file))
    folder = plant_file.parent / "data" / "answers" / "api-01"
    for path in folder.iterdir():
        head, _, body = path.read_bytes().partition(b"\n")
        told = head.replace(Answer(body).tag.encode(), Answer(MARK).tag.encode())
        path.write_bytes(told + b"\n" + MARK)
    return folder


def test_the_last_day_is_answered_from_files(own: Path) -> None:
    assert len(list(marked(own).iterdir())) == 3
    service = served(own)
    window = service.window(None, None)
    assert [service.kpis(window).body, service.kpis(window, "line").body, service.energy(window).body] == [MARK] * 3
    assert service.kpis(window, "plant").body != MARK


def late_rows(own: Path, _: Path) -> None:
    rows = own.with_name("late.csv")
    rows.write_text("time,asset,point,value\n2026-11-20T15:30:00.5Z,press-01,hot,5.5\n", encoding="utf-8")
    assert main(["import", str(own), str(rows), "--scaled"]) == 0


def other_plant(own: Path, _: Path) -> None:
    own.write_text(own.read_text(encoding="utf-8").replace("ideal_cycle: 60s", "ideal_cycle: 61s"), encoding="utf-8")


def cut_short(_: Path, folder: Path) -> None:
    for path in folder.iterdir():
        os.truncate(path, path.stat().st_size - 1)


def empty(_: Path, folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"")


def foreign(_: Path, folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b'{"tag":"' + Answer(MARK).tag.encode() + b'","store":"journal"}\n' + MARK)


def other_program(_: Path, folder: Path) -> None:
    for path in folder.iterdir():
        path.rename(folder / path.name[::-1])


@pytest.mark.parametrize("change", [late_rows, other_plant, cut_short, empty, foreign, other_program])
def test_what_is_no_longer_right_is_made_again(own: Path, change: Callable[[Path, Path], None]) -> None:
    folder = marked(own)
    assert day(served(own)) == MARK
    change(own, folder)
    made = day(served(own))
    assert made != MARK
    for path in folder.iterdir():
        path.unlink()
    assert day(served(own)) == made


def test_another_state_of_the_program_has_other_files(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = marked(own)
    monkeypatch.setattr(ready, "program", lambda: "of tomorrow")
    assert day(served(own)) != MARK
    answer(served(own))
    assert len(list(folder.iterdir())) == 3
    assert day(served(own)) != MARK


def test_a_folder_that_cannot_be_written_is_said(own: Path) -> None:
    (own.parent / "data" / "answers").write_text("in the way", encoding="utf-8")
    words = [sys.executable, "-P", "-m", "kpi.api.forming", str(own)]
    process = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120)
    assert process.returncode == 1
    assert "each first question forms its own" in process.stderr
    assert day(served(own)).startswith(b"{")
