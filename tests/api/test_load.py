"""More questions at once than there are threads, each of them work: who asks how the server is gets an answer."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.load import load
from gemba.demo.past import write
from simulators.plant import VirtualPlant
from store.journal import place
from tests.api.conftest import END, HOUR, PLANT, answering

ASSETS, DAYS = 6, 1
QUESTIONS = 80  # threads for requests are forty
HEAD, PRESS = PLANT.replace("register: register.csv\n", "").split("  press-01:")[0], PLANT.split("press-01:")[1]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    one = PRESS.split("  press-02:")[0]
    text = HEAD + "".join(f"  press-{number:02}:{one}" for number in range(ASSETS))
    (tmp_path / "plant.yaml").write_text(text, encoding="utf-8")
    plant = load(tmp_path / "plant.yaml")
    start = END - DAYS * 24 * HOUR
    write(place(plant), plant, VirtualPlant(plant, start), start, END, {})
    with answering(tmp_path / "plant.yaml") as found:
        yield f"{found}/api/v1"


def test_health_answers_while_all_threads_work(address: str) -> None:
    answered: list[int] = []

    def ask(number: int) -> None:
        asked = f"kpis?from=2026-11-20T{number // 60:02}:{number % 60:02}&to=2026-11-20T23:59"
        with urllib.request.urlopen(f"{address}/{asked}", timeout=300) as reply:
            assert json.load(reply)["rows"]
        answered.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(QUESTIONS)]
    for thread in threads:
        thread.start()
    while not answered:
        time.sleep(0.05)
    meanwhile = []  # answers that others got while who asked for health waited
    while len(answered) < QUESTIONS // 2:
        before = len(answered)
        with urllib.request.urlopen(f"{address}/health", timeout=300) as reply:
            assert json.load(reply)["status"] == "ok"
        meanwhile.append(len(answered) - before)
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert len(answered) == QUESTIONS
    assert max(meanwhile) < QUESTIONS // 4, "it stood in line behind those who wait for a thread"
