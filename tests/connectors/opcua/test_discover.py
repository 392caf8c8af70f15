"""What is found on a server is what a plant file may name, and every name of it finds its value again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import ua

from connectors import found
from connectors.opcua import OpcUa
from connectors.opcua.discover import discover
from gemba.cli import main
from tests.connectors.opcua.plants import plant, point, said, source
from tests.connectors.opcua.served import Served, served
from tests.servers.fixtures import require
from tests.servers.nodeopcua import NAMESPACE, NodeOpcUa

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncIterator[Served]:
    """Two presses of one name, a motor in one of them, and what is no point at all."""
    async with served() as running:
        index, objects = running.index, running.server.nodes.objects
        hall = await objects.add_object(index, "Hall 1")
        press = await hall.add_object(index, "Press")
        total = await press.add_variable(index, "Total", 7, ua.VariantType.UInt32)
        unit = ua.EUInformation(DisplayName=ua.LocalizedText("pcs"), UnitId=1)
        await total.add_property(index, "EngineeringUnits", unit)
        motor = await press.add_variable(index, "Motor", [1.0, 2.0], ua.VariantType.Double)
        await motor.add_variable(index, "Speed [1/min]", 1480.5, ua.VariantType.Double)
        await press.add_variable(index, "time", "10:00", ua.VariantType.String)
        other = await objects.add_object(index, "Press")
        await other.add_variable(index, "状态", ua.LocalizedText("运行"), ua.VariantType.LocalizedText)
        await other.add_variable(index, "Total", 1, ua.VariantType.Int16)
        await other.add_variable(index, "Total", 2, ua.VariantType.Int16)
        await objects.add_variable(index, "Loose", True, ua.VariantType.Boolean)
        await hall.add_reference(other, ua.ObjectIds.Organizes)  # found on two ways
        yield running


async def test_what_is_there(server: Served, tmp_path: Path) -> None:
    of = source(server.url)
    findings = await discover(of, plant(tmp_path, of, []))
    told = {(one.asset, one.point): (one.unit, one.shown) for one in findings.found}
    assert told == {
        ("Press", "状态"): (None, "运行"),
        ("Press", "Total"): (None, "1"),
        ("Press", "Total-2"): (None, "2"),
        ("Press-2", "Total"): ("pcs", "7"),
        ("Press-2", "Motor.Speed-1-min"): (None, "1480.5"),
        ("Press-2", "time-"): (None, "10:00"),
        ("cell", "Loose"): (None, "true"),
    }
    assert [line.partition(": ")[2] for line in findings.left_out] == ["an array or a structure"]
    assert findings.identity["product"] == "FreeOpcUa Python Server"
    assert server.sessions == 0


async def test_what_a_file_names_by_index_is_not_missing(
    server: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file may name a node by the number of its namespace; discovery names it by the URI."""
    own = tmp_path / "plant.yaml"
    url = f'"{server.url}"'
    own.write_text(
        f"plant: case\ntimezone: Asia/Shanghai\ndata: ./data\n"
        f"sources: {{cell: {{protocol: opcua, url: {url}, every: 2s, security: {{insecure: true}}}}}}\n"
        f"assets: {{a: {{source: cell, points: {{total: {{at: {await _by_index(server)!r}}}}}}}}}\n"
    )
    asked = ["discover", str(own), "--source", "cell"]
    assert await asyncio.to_thread(main, asked) == 0
    whole = capsys.readouterr().out
    assert await asyncio.to_thread(main, [*asked, "--into", str(own)]) == 0
    missing = capsys.readouterr().out
    assert (whole.count(" at:"), missing.count(" at:")) == (7, 6)
    assert "# 7" in whole
    assert "# 7" not in missing
    own.write_text(whole)
    assert main(["check", str(own)]) == 0
    assert "every 2 s" in capsys.readouterr().out


async def _by_index(server: Served) -> str:
    hall = await server.server.nodes.objects.get_child(f"{server.index}:Hall 1")
    total = await hall.get_child([f"{server.index}:Press", f"{server.index}:Total"])
    return str(total.nodeid.to_string())


async def test_every_address_reads_what_was_shown(server: Served, tmp_path: Path) -> None:
    of = source(server.url)
    findings = await discover(of, plant(tmp_path, of, []))
    points = [point(str(one.at), of, type="string") for one in findings.found]
    async with OpcUa(of, points, plant(tmp_path, of, points)) as own:
        now = said(await anext(own.frames()))
    assert {str(one.at).rpartition("=")[2]: one.shown for one in findings.found} == now
    assert all(str(one.at).startswith(f"nsu={NAMESPACE};") for one in findings.found)


@pytest.mark.server("nodeopcua")
async def test_more_nodes_than_one_answer_holds(tmp_path: Path) -> None:
    """Collectors 19: browse is chunked by the server's limits too, and an answer that goes on is asked for."""
    require("nodeopcua")
    limits = {"maxNodesPerRead": 150, "maxNodesPerBrowse": 7}
    with NodeOpcUa(tmp_path / "server", nodes=1200, limits=limits) as running:
        of = source(running.url)
        findings = await discover(of, plant(tmp_path, of, []))
    assert {one.at for one in findings.found} == {f"nsu={NAMESPACE};s=n{n}" for n in range(1200)}
    assert {one.asset for one in findings.found} == {"Plant"}
    assert findings.left_out == ()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("DB_Press", "Count"), "DB_Press.Count"),
        (('"Speed" [1/min]',), "Speed-1-min"),
        (("主轴 转速",), "主轴-转速"),
        (("time",), "time-"),
        (("…",), "value"),
        ((), "value"),
        (("x" * 70,), "x" * 64),
    ],
)
async def test_names_that_a_plant_file_takes(words: tuple[str, ...], expected: str) -> None:
    assert found.name(words, "value") == expected


async def test_names_that_are_taken() -> None:
    taken: set[str] = set()
    assert [found.unique("a", taken) for _ in range(3)] == ["a", "a-2", "a-3"]
    assert [found.unique("x" * 64, taken) for _ in range(2)] == ["x" * 64, "x" * 62 + "-2"]
