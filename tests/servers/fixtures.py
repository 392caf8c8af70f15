"""The real servers as pytest fixtures, and what becomes of a test whose server is not on this machine.

    def test_x(mosquitto): ...                          # one that runs already
    @pytest.mark.server("mosquitto")                    # or only the promise that it can be started
    @pytest.mark.privilege("netns", "faketime")         # the same for what the machine itself must allow

In CI what is missing is installed, and the test fails when that cannot be done. Elsewhere the test is left out, and the
session ends with one line for each server that was missing, also where several processes ran the tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.servers import process, provide
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.libmodbus import LibModbus
from tests.servers.mosquitto import Mosquitto
from tests.servers.nodeopcua import NodeOpcUa
from tests.servers.process import Server
from tests.servers.sparkplug import SparkplugNode
from tests.servers.victoria import VictoriaMetrics


def require(*names: str) -> None:
    """Go on only where these servers and tools are at hand: otherwise fail in CI, and leave the test out elsewhere."""
    for name in names:
        try:
            provide.ensure(name)
        except LookupError as missing:
            pytest.skip(str(missing))
        except RuntimeError as fault:
            pytest.fail(str(fault), pytrace=False)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in (*item.iter_markers("server"), *item.iter_markers("privilege")):
        require(*mark.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for server in process.running:
            if server.name in getattr(item, "fixturenames", ()):
                report.sections.append((f"log of {server.name}", server.tail()))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if provide.in_ci() and session.exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped(config: pytest.Config) -> list[pytest.TestReport]:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    return terminal.stats.get("skipped", []) if terminal else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in _skipped(config))
    for why, tests in sorted(left_out.items()):
        terminalreporter.write_line(f"left out {tests} test{'s' if tests > 1 else ''}: {why}")
    if provide.in_ci():
        for report in _skipped(config):
            terminalreporter.write_line(f"nothing may be left out in CI, but was: {report.nodeid}", red=True)


S = TypeVar("S", bound=Server)


def _instance(kind: Callable[[Path], S], name: str) -> Callable[..., Iterator[S]]:
    """One for each test module; a test that stops or suspends its server starts one of its own."""

    @pytest.fixture(scope="module", name=name)
    def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S]:
        require(name)
        with kind(tmp_path_factory.mktemp(name)) as server:
            yield server

    return running


influxdb2 = _instance(InfluxDB2, "influxdb2")
influxdb1 = _instance(InfluxDB1, "influxdb1")
victoria = _instance(VictoriaMetrics, "victoria")
mosquitto = _instance(Mosquitto, "mosquitto")
libmodbus = _instance(LibModbus, "libmodbus")
nodeopcua = _instance(NodeOpcUa, "nodeopcua")


@pytest.fixture
def sparkplug(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[SparkplugNode]:
    """An edge node on the broker of this module; nothing is born yet."""
    require("sparkplug")
    with SparkplugNode(tmp_path / "sparkplug", mosquitto) as node:
        yield node
