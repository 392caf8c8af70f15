"""A coded machine behind a broker. It publishes at QoS 2: what comes twice is not its doing."""

import asyncio
import threading
from itertools import count

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.edge.child import PATIENCE
from tests.edge.coded import POINTS, coded
from tests.servers.mosquitto import Mosquitto

NUMBER = 20
WALL = 1_790_000_000_000  # [ms] of the first message, where they say when they were
EVERY = 700  # [ms], so that no gap, which begins an interval after a message, has the time of another
AHEAD = 50  # messages that the broker has not taken: of too many at once, after its restart, it would tire
SETTINGS = {"max_queued_messages": 0, "max_inflight_messages": 100}


class Messages:
    """Like a coded device to who judges. `timed`: each message says when it was."""

    writes: tuple[str, ...] = ()

    def __init__(self, broker: Mosquitto, timed: bool = False, port: int | None = None) -> None:
        self.number = NUMBER
        self.broker, self.timed = broker, timed
        self.issued: list[int] = []
        self.taken = 0
        self._lock = threading.Lock()
        self._port = port or broker.port
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "machine", clean_session=False)
        self._client.reconnect_delay_set(0.1, 0.1)  # type: ignore[arg-type]
        self._client.on_publish = self._published
        self._publishing: asyncio.Task[None] | None = None

    # -- the plant file ------------------------------------------------------------------------------------------------
    @property
    def source(self) -> str:
        return (
            f'  d{NUMBER}: {{protocol: mqtt, url: "mqtt://127.0.0.1:{self._port}", every: 1s, timeout: 10s, '
            "security: {insecure: true}}\n"
        )

    @property
    def asset(self) -> str:
        stamp = ", time: t" if self.timed else ""
        points = (f"{name}: {{type: int32, at: {{topic: a/m, path: {name}{stamp}}}}}" for name in POINTS)
        return f"  m{NUMBER}: {{source: d{NUMBER}, points: {{{', '.join(points)}}}}}\n"

    # -- the machine ---------------------------------------------------------------------------------------------------
    def begin(self, every: float) -> None:
        """Publishes from now on. An agent is to have subscribed before."""
        self._client.connect("127.0.0.1", self.broker.port)
        self._client.loop_start()
        self._publishing = asyncio.create_task(self._publish(every))

    async def _publish(self, every: float) -> None:
        for n in count():
            while len(self.issued) - self.taken >= AHEAD:
                await asyncio.sleep(every)
            values = ", ".join(f'"{name}": {coded(NUMBER, name, n)}' for name in POINTS)
            self._client.publish("a/m", f'{{{values}, "t": {WALL + EVERY * n}}}', qos=2)
            self.issued.append(coded(NUMBER, POINTS[0], n))
            await asyncio.sleep(every)

    def _published(self, _: object, __: object, ___: int, ____: object, _____: object) -> None:
        with self._lock:
            self.taken += 1

    async def end(self) -> None:
        """Publishes no more, and returns when the broker has all of it."""
        if self._publishing is not None:
            self._publishing.cancel()
            async with asyncio.timeout(PATIENCE):
                while self.taken < len(self.issued):
                    await asyncio.sleep(0.05)
            await asyncio.to_thread(self._client.disconnect)
            await asyncio.to_thread(self._client.loop_stop)
            self._publishing = None

    async def fault(self, kind: str = "", by: int = 0) -> None:
        """`refuse`: the broker is gone."""
        if kind == "refuse" and self.broker.alive:
            await asyncio.to_thread(self.broker.stop)
