"""What is missing is brought in CI or fails; elsewhere it is left out with one line; a build happens once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.servers import provide
from tests.servers.builds import NODE_FOLDER
from tests.servers.cache import Run, build, cache_folder

ROOT = Path(__file__).parents[2]

NEEDS_NODE = """
import pytest

@pytest.mark.server("nodeopcua")
def test_one(): ...

def test_two(nodeopcua): ...

def test_three(): ...
"""
SKIPS = """
import pytest

def test_one():
    pytest.skip("no mood for it")
"""


def _pytest(folder: Path, source: str, ci: str, *more: str, path: str | None = None) -> tuple[int, str]:
    """A session of its own on one file, with an empty cache folder."""
    case = folder / "test_case.py"
    case.write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  server\n  privilege\n")
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.servers.fixtures", "-c", str(folder / "pytest.ini")]
    environment = {**os.environ, "CI": ci, "XDG_CACHE_HOME": str(folder / "cache"), "PATH": path or os.environ["PATH"]}
    command = [sys.executable, "-m", "pytest", *options, *more, str(case)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("hands", [0, 2])
def test_on_a_users_machine_a_test_is_left_out_with_one_line(tmp_path: Path, hands: int) -> None:
    code, said = _pytest(tmp_path, NEEDS_NODE, "", f"-n{hands}")
    assert code == 0
    assert "1 passed, 2 skipped" in said
    get = "python -m tests.servers nodeopcua (needs Node 18, 20 s once)"
    line = f"left out 2 tests: nodeopcua is not on this machine; {get}"
    assert said.count("left out") == 1
    assert line in said


def test_in_ci_what_cannot_be_brought_fails(tmp_path: Path) -> None:
    code, said = _pytest(tmp_path, NEEDS_NODE, ci="true", path=str(tmp_path))
    assert code == 1
    assert "not on the PATH: node, npm" in said
    assert "1 passed, 2 errors" in said


@pytest.mark.parametrize("hands", [0, 2])
@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_nothing_may_be_skipped_in_ci(tmp_path: Path, ci: str, code: int, hands: int) -> None:
    ended, said = _pytest(tmp_path, SKIPS, ci, f"-n{hands}")
    assert ended == code
    assert ("nothing may be left out in CI" in said) == (ci == "true")


def test_a_build_happens_once_and_the_second_builder_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []

    def make(folder: Path, run: Run) -> None:
        made.append(folder)
        time.sleep(0.05)
        run(["touch", str(folder / "product")])

    builders = [threading.Thread(target=build, args=("thing-1.0", make)) for _ in range(4)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert len(made) == 1
    assert build("thing-1.0", make) == tmp_path / "gemba" / "thing-1.0"
    assert (tmp_path / "gemba" / "thing-1.0" / "product").exists()


def test_a_failed_build_leaves_its_log_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(folder: Path, run: Run) -> None:
        (folder / "half").touch()
        run(["sh", "-c", "echo it broke; exit 3"])

    with pytest.raises(RuntimeError, match=r"thing: `sh` failed \(exit 3\)[\s\S]*it broke"):
        build("thing", fail)
    assert "it broke" in (cache_folder() / "thing.log").read_text()
    assert list(build("thing", lambda folder, run: run(["true"])).iterdir()) == []


def test_every_source_says_how_to_get_it() -> None:
    for name, source in provide.SOURCES.items():
        assert source.how(name).startswith(("apt-get install ", f"python -m tests.servers {name}"))


def test_the_npm_lock_names_no_registry() -> None:
    text = (NODE_FOLDER / "package-lock.json").read_text()
    assert text.count('"integrity"') > 100
    assert "resolved" not in text


@pytest.mark.privilege("strace", "netns", "tmpfs", "faketime")
def test_the_probes_leave_nothing_behind() -> None:
    namespaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert f"gemba-probe-{os.getpid()}" not in namespaces
