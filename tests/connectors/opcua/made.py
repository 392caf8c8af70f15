"""Connectors of a server's nodes by name, directly and through a proxy that spoils what passes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asyncua import ua

from config.plant import Source
from connectors.base import Connector, Frame
from connectors.clock import SYSTEM, Clock
from connectors.opcua import OpcUa, connect
from simulators.faults import Proxy
from tests.connectors.opcua.plants import plant, point, said
from tests.connectors.opcua.served import Served

V = ua.VariantType
NODES: dict[str, tuple[Any, ua.VariantType]] = {
    "double": (1.5, V.Double),
    "int": (-12, V.Int32),
    "text": ("läuft", V.String),
    "flag": (True, V.Boolean),
    "state": (ua.LocalizedText("运行", "zh-CN"), V.LocalizedText),
    "list": ([1.0, 2.0], V.Double),
}
VALUES = {"double": 1.5, "int": -12, "text": "läuft", "flag": 1, "state": "运行", "list": "BadTypeMismatch"}


def made(of: Source, folder: Path, *names: str, clock: Clock = SYSTEM, **words: Any) -> OpcUa:
    points = [point(name, of, **words) for name in names or NODES]
    found = connect(of, points, plant(folder, of, points), clock=clock)
    assert isinstance(found, OpcUa)
    return found


async def until(of: Connector, done: Callable[[dict[str, Any]], bool]) -> list[Frame]:
    now: dict[str, Any] = {}
    taken = []
    async with asyncio.timeout(60):
        async for frame in of.frames():
            taken.append(frame)
            now |= said(frame)
            if done(now):
                break
    return taken


async def one(of: Connector) -> dict[str, Any]:
    return said((await until(of, lambda _: True))[0])


@asynccontextmanager
async def through(server: Served) -> AsyncIterator[tuple[Proxy, str]]:
    proxy = Proxy(urlsplit(server.url).port or 0)
    port = await proxy.open()
    try:
        yield proxy, f"opc.tcp://127.0.0.1:{port}"
    finally:
        await proxy.close()
