"""What a proxy refuses it refuses at once: connections that are being made, too."""

import asyncio

import pytest

from simulators.faults import Proxy


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize("fault", ["refuse", "restart"])
async def test_a_connection_that_is_being_made_is_refused_as_well(fault: str) -> None:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        for turns in range(15):  # of the loop, from the first of accepting to long after
            proxy = Proxy(server.sockets[0].getsockname()[1])
            reader, writer = await asyncio.open_connection("127.0.0.1", await proxy.open())
            for _ in range(turns):
                await asyncio.sleep(0)
            await proxy.set(fault)
            said = b""
            try:
                writer.write(b"still there")
                said = await reader.read(100)
            except ConnectionError:
                pass
            assert said == b"", f"after {turns} turns"
            writer.close()
            await proxy.close()
