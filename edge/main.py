"""Runs an agent until a signal: TERM and INT stop it within five seconds, HUP reads the plant file again."""

import asyncio
import logging
import signal
from collections.abc import Callable

from config.plant import Plant
from edge.agent import STOP, Agent
from store import StoreError

_log = logging.getLogger("gemba.agent")


def serve(plant: Plant, gateway: str | None = None, beside: Callable[[], None] = lambda: None) -> int:
    """The exit code: 0 stopped as told, 1 the journal or its disk failed. `beside` is called when a signal stops it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(_run(plant, gateway, beside))
    code: int = uvloop.run(_run(plant, gateway, beside))
    return code


async def _run(plant: Plant, gateway: str | None, beside: Callable[[], None]) -> int:
    agent = Agent(plant, gateway)
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(agent.run())
    reloads: set[asyncio.Task[bool]] = set()

    def stop() -> None:
        agent.stop()
        beside()
        loop.call_later(STOP + 1, running.cancel)  # it may still be opening the journal of a disk that hangs

    def reload() -> None:
        task = asyncio.ensure_future(agent.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        await running
    except StoreError as error:
        _log.critical("%s", error)
        return 1
    except asyncio.CancelledError:
        _log.critical("%s: the journal could not be opened before the end", agent.folder)
        return 1
    return 0
