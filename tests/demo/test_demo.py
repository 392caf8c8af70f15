"""The demo as a user starts it: it sets itself up, measures, and says how far from the truth it was."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.template_file import TEMPLATES

DEMO = (sys.executable, "-m", "gemba.cli", "demo", "--port", "0")


def test_a_short_demo_measures_what_happened_and_fills_every_form(tmp_path: Path) -> None:
    words = (*DEMO, "--days", "3", "--seconds", "20", "--report", str(tmp_path), "--json", "--lang", "en")
    run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["outside"] == 0 and told["writes"] == []
    assert {line["span"] for line in told["lines"]} == {"whole", "live"}
    machines = {line["asset"] for line in told["lines"]}
    assert len(machines) >= 24
    whole = [line for line in told["lines"] if line["span"] == "whole"]
    late = [line["true"] - line["measured"] for line in whole if line["what"] == "total" and line["above"] < 4]
    assert len(late) > 20 and set(late) <= {0, 1}  # a piece done since the last poll
    assert sum(line["what"] == "running" and line["above"] - line["below"] > 600 for line in whole) == 1
    for name in TEMPLATES:
        form = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert form["template"] == name
        assert (tmp_path / f"{name}.xlsx").stat().st_size > 5_000
    sme = json.loads((tmp_path / "sme-2024.json").read_text(encoding="utf-8"))
    assert "measured" in {item["origin"] for item in sme["items"]}


@pytest.mark.parametrize("words", [("--days", "0"), ("--days", "x"), ("--speed", "0"), ("--speed", "fast")])
def test_wrong_arguments_are_named(words: tuple[str, str]) -> None:
    run = subprocess.run((*DEMO, *words), capture_output=True, text=True, check=False, timeout=240)
    assert run.returncode == 2 and words[1] in run.stderr


def test_without_mosquitto_the_broker_is_embedded_and_a_faster_plant_makes_more(tmp_path: Path) -> None:
    """Every process of the demo is kept from finding the program, as on a machine that has none."""
    (tmp_path / "sitecustomize.py").write_text("import shutil\nshutil.which = lambda *_, **__: None\n")
    words = (*DEMO, "--days", "1", "--seconds", "14", "--speed", "10", "--json")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=240, env=environment)
    assert run.returncode == 0, run.stderr
    whole = [line for line in json.loads(run.stdout)["lines"] if line["span"] == "whole" and line["what"] == "total"]
    made = {line["asset"]: line["measured"] for line in whole}
    day_at_one = 86_400 / 37  # planned seconds a piece of the first press
    assert made["press-01"] > 5 * day_at_one
    assert all(line["measured"] > 0 for line in whole if line["asset"].startswith("station"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_stops_it_while_it_is_set_up_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    words = (*DEMO, "--days", "200", "--lang", "en")
    demo = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    assert demo.stderr is not None
    try:
        while "the weeks before" not in demo.stderr.readline():
            assert demo.poll() is None
        demo.send_signal(number)
        assert demo.wait(120) == 1
        assert "Traceback" not in demo.stderr.read()
        assert not list(tmp_path.glob("gemba-demo-*"))
        with pytest.raises(ProcessLookupError):  # nobody of its group is left
            for _ in range(600):
                os.killpg(demo.pid, 0)
                time.sleep(0.1)  # its last child ends after it
    finally:
        demo.kill()
        demo.communicate(timeout=60)


def test_a_port_that_is_taken_is_told_before_anything_is_set_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = subprocess.run((*DEMO[:-1], port), capture_output=True, text=True, check=False, timeout=240)
    assert run.returncode == 1 and run.stderr.startswith(f"gemba: 127.0.0.1:{port}: "), run.stderr
