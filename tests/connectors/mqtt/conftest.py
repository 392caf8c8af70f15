"""Which event loop a test runs on: faults look different on each, and the agent itself runs on uvloop."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

BOTH: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    module = item.nodeid.partition("::")[0].rpartition("/")[2]
    if module in ("test_faults.py", "test_security.py"):
        return BOTH
    name = "uvloop" if module == "test_restarts.py" else "asyncio"
    return {name: BOTH[name]}
