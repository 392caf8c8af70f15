"""What leaves: reads only. What comes: no absurd length is believed, and nothing is waited for without end."""

import ast
import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from asyncua.ua import uaprotocol_auto
from asyncua.ua.object_ids import ObjectIds
from hypothesis import given
from hypothesis import strategies as st

import connectors.opcua
from config.plant import SECOND
from connectors import quality
from connectors.base import Disconnected
from connectors.opcua import OpcUa
from connectors.opcua.channel import CHUNK, LARGEST, SERVICES, permit
from tests.connectors.opcua.plants import PATIENT, plant, point, source

REQUESTS = {
    name.removesuffix("Request_Encoding_DefaultBinary"): number
    for name, number in vars(ObjectIds).items()
    if name.endswith("Request_Encoding_DefaultBinary") and hasattr(uaprotocol_auto, name.split("_", maxsplit=1)[0])
}
# DESIGN, section 6: browse, read, subscribe and what a connection needs. Each stands here a second time, on purpose.
ALLOWED = {
    *("GetEndpoints", "OpenSecureChannel", "CloseSecureChannel", "CreateSession", "ActivateSession", "CloseSession"),
    *("Read", "Browse", "BrowseNext"),
    *("CreateSubscription", "DeleteSubscriptions", "CreateMonitoredItems", "Publish"),
}


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_every_service_of_the_standard_passes_or_does_not(name: str) -> None:
    message = b"\x01\x00" + struct.pack("<H", REQUESTS[name]) + bytes(40)
    if name in ALLOWED:
        permit(message)
    else:
        with pytest.raises(PermissionError, match="is no read, and is never sent"):
            permit(message)


def test_the_standards_writes_are_among_those_refused() -> None:
    assert set(SERVICES) == ALLOWED
    writes = {"Write", "Call", "HistoryUpdate", "AddNodes", "DeleteNodes", "AddReferences", "DeleteReferences"}
    assert writes <= set(REQUESTS) - ALLOWED


@given(st.binary(max_size=12))
def test_whatever_is_not_written_as_a_request_that_reads_is_refused(message: bytes) -> None:
    allowed = [b"\x01\x00" + struct.pack("<H", REQUESTS[name]) for name in ALLOWED]
    if message[:4] in allowed:
        permit(message)
    else:
        with pytest.raises(PermissionError):
            permit(message)


FORBIDDEN = {
    *("write", "write_value", "write_values", "write_attribute", "write_attributes", "set_value", "set_values"),
    *("call", "call_method", "add_nodes", "delete_nodes", "add_references", "history_update", "transfer_subscriptions"),
    *("register_nodes", "add_variable", "add_object", "add_folder", "modify_monitored_items", "set_attribute"),
}


KNOWN = ALLOWED | {"MonitoredItemCreate"}  # a part of CreateMonitoredItems


def test_the_source_knows_no_write() -> None:
    """Every name that is called and every service that is named, in every file of this folder."""
    folder = Path(connectors.opcua.__file__).parent
    files = sorted(folder.glob("*.py"))
    assert len(files) >= 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                whole = ast.unparse(node.func)
                sends = (file.name, whole) == ("channel.py", "self.transport.write")  # bytes that passed the filter
                assert node.func.attr not in FORBIDDEN or sends, f"{file.name}: {whole}"
            if isinstance(node, ast.Name | ast.alias | ast.Attribute):
                word = getattr(node, "id", None) or getattr(node, "name", None) or getattr(node, "attr", "")
                service = word.partition("_")[0].removesuffix("Request")
                assert not (service in REQUESTS and "Request" in word) or service in KNOWN, f"{file.name}: {word}"


# -- what comes --------------------------------------------------------------------------------------------------------
ACKNOWLEDGE = b"ACKF" + struct.pack("<6I", 28, 0, 65535, 65535, 0, 0)


@asynccontextmanager
async def answering(*pieces: bytes, pause: float = 0.0) -> AsyncIterator[str]:
    """A server that answers a hello, and then whatever comes with these bytes; after that it is silent."""
    writers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(1000)
        writer.write(ACKNOWLEDGE)
        await reader.read(10_000)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            await reader.read()
        except ConnectionError:
            pass

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def entered(folder: Path, url: str, timeout: int) -> Disconnected:
    """Why a connection was given up."""
    of = source(url, timeout=timeout)
    points = [point("a", of)]
    with pytest.raises(Disconnected) as raised:
        async with asyncio.timeout(20):
            await OpcUa(of, points, plant(folder, of, points)).__aenter__()
    return raised.value


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("a length of four gigabytes", (b"OPNF" + struct.pack("<II", 0xFFFFFFFF, 1),)),
        ("a chunk larger than was agreed", (b"MSGF" + struct.pack("<II", CHUNK + 1, 1) + bytes(1000),)),
        ("a length below that of a header", (b"OPNF" + struct.pack("<II", 3, 1) + bytes(50),)),
        ("no protocol at all", (b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(100),)),
        ("an error", (b"ERRF" + struct.pack("<IIi", 16, 0x80AC0000, -1),)),
        ("a second acknowledgement", (ACKNOWLEDGE * 3,)),
        ("an open channel of nonsense", (b"OPNF" + struct.pack("<II", 60, 1) + b"\xff" * 48,)),
    ],
)
async def test_what_is_no_answer_ends_the_connection_at_once(
    tmp_path: Path, name: str, pieces: tuple[bytes, ...]
) -> None:
    """Reliability, fault 5."""
    async with answering(*pieces) as url:
        fault = await entered(tmp_path, url, PATIENT)
        assert fault.reason != quality.BAD_TIMEOUT, f"{name}: {fault}"


async def test_an_answer_that_trickles_is_given_up(tmp_path: Path) -> None:
    """Reliability, fault 7: one byte at a time, and never the whole."""
    pieces = [bytes([octet]) for octet in b"OPNF" + struct.pack("<II", 60_000, 1) + bytes(50_000)]
    async with answering(*pieces, pause=0.01) as url:  # for minutes
        assert "no answer within 0.25 s" in str(await entered(tmp_path, url, SECOND // 4))


async def test_nobody_is_waited_for_without_end(tmp_path: Path) -> None:
    async with answering() as url:
        began = asyncio.get_running_loop().time()
        assert "no answer within 0.25 s" in str(await entered(tmp_path, url, SECOND // 4))
        assert asyncio.get_running_loop().time() - began >= 0.2


def test_the_largest_message_has_room_for_a_thousand_long_texts() -> None:
    assert LARGEST == 16_000_000
    assert CHUNK == 65_535
