"""The server in the loop of a test module, with the nodes by which most tests know it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.connectors.opcua.made import NODES
from tests.connectors.opcua.served import Served, served


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running() -> AsyncIterator[Served]:
    async with served() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def server(running: Served) -> Served:
    """The module's server with nothing but NODES."""
    await running.reset(NODES)
    return running
