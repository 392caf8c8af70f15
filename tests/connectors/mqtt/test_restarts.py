"""A broker that restarts, is killed, or is flooded while nobody listens: every message that it took is a row, once."""

import asyncio
import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.plant import Secret, Security
from connectors.base import Disconnected, Frame
from connectors.mqtt import Mqtt
from tests.connectors.mqtt.broker import Publisher, collect, numbers, publish, silence
from tests.connectors.mqtt.points import plant, point, source
from tests.servers.certificates import Authority
from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.server("mosquitto")
SHIPPED = Path(__file__).parents[3] / "deploy" / "mosquitto.conf"
LIMITS = ("max_inflight_messages", "max_queued_messages", "max_queued_bytes", "set_tcp_nodelay", "autosave_interval")


def shipped() -> dict[str, str | int]:
    """The limits of deploy/mosquitto.conf."""
    lines = [line.split(" ", 1) for line in SHIPPED.read_text().splitlines() if line and not line.startswith("#")]
    return {key: value for key, value in lines if key in LIMITS}


class Machine:
    """Publishes a sequence at QoS 1 for as long as it is told to, whatever becomes of the broker."""

    def __init__(self, broker: Mosquitto) -> None:
        self.count = 0
        self._publisher = Publisher(broker)
        self._publisher.client.reconnect_delay_set(0.05, 0.05)  # type: ignore[arg-type]
        self._go, self._paused, self._stop = threading.Event(), threading.Event(), False
        self._go.set()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop:
            if not self._go.is_set():
                self._paused.set()
                self._go.wait()
                continue
            document = {"n": self.count, "ts": time.time_ns()}
            self._publisher.client.publish("machine", json.dumps(document), 1)
            self.count += 1
            time.sleep(0.001)

    def pause(self) -> None:
        """Nothing more is published, and all that was has reached the broker."""
        self._paused.clear()
        self._go.clear()
        assert self._paused.wait(60)
        self._drained()

    def resume(self) -> None:
        self._go.set()

    def close(self) -> None:
        self._stop = True
        self._go.set()
        self._thread.join()
        self._drained()
        self._publisher.close()

    def _drained(self) -> None:
        until = time.monotonic() + 60
        while self._publisher.client._out_messages:
            assert time.monotonic() < until
            time.sleep(0.005)


class Collected:
    """What an agent would: enters again whenever the connection is lost, commits each 50 ms."""

    def __init__(self, broker: Mosquitto, folder: Path) -> None:
        points = [point("total", "machine", "n", type="int64", time="ts")]
        self.made = Mqtt(source(broker.url), points, plant(folder))
        self.frames: list[Frame] = []
        self.committed = self.connections = 0
        self.subscribed = asyncio.Event()

    def commit(self) -> None:
        new, self.committed = len(self.frames) - self.committed, len(self.frames)
        self.made.durable(new)

    async def run(self) -> None:
        committing = asyncio.create_task(self._commits())
        try:
            while True:
                with contextlib.suppress(Disconnected):
                    async with self.made:
                        self.connections += 1
                        self.subscribed.set()
                        async for frame in self.made.frames():
                            self.frames.append(frame)
                await asyncio.sleep(0.02)
        finally:
            committing.cancel()

    async def _commits(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            self.commit()

    async def has(self, count: int) -> None:
        """Waits until the last of so many is there."""
        async with asyncio.timeout(60):
            while not any(frame.ints.tolist() == [count - 1] for frame in self.frames[-2000:]):
                await asyncio.sleep(0.01)
        self.commit()
        await asyncio.sleep(0.02)

    def rows(self) -> dict[int, int]:
        """By series time, as a store has them."""
        return {frame.time: int(frame.ints[0]) for frame in self.frames}


@contextlib.contextmanager
def machine(broker: Mosquitto) -> Iterator[Machine]:
    made = Machine(broker)
    try:
        yield made
    finally:
        made.close()


async def test_twenty_restarts_and_a_kill_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """reliability.md, fault 8. The broker saves its sessions when it is stopped, and before it is killed."""
    with Mosquitto(tmp_path / "broker", settings=shipped() | {"autosave_interval": 0}) as broker:
        collected = Collected(broker, tmp_path)
        task = asyncio.create_task(collected.run())
        await collected.subscribed.wait()
        with machine(broker) as made:
            for restart in range(20):
                await asyncio.sleep(0.05)  # so that something is under way
                await asyncio.to_thread(made.pause)  # what Mosquitto took last before it stops, it does not always save
                if restart == 10:
                    await asyncio.to_thread(broker.save)
                    broker.kill()
                    broker.start()
                else:
                    await asyncio.to_thread(broker.restart)
                made.resume()
            await asyncio.to_thread(made.pause)
            count = made.count
        await collected.has(count)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert collected.connections > 15
    rows = collected.rows()
    assert len(collected.frames) == count  # each of them, and each once
    assert [rows[at] for at in sorted(rows)] == list(range(count))
    assert all(frame.live and frame.quality is None for frame in collected.frames)


async def test_a_broker_that_comes_back_while_the_agent_commits(tmp_path: Path) -> None:
    """Without a pause: whatever the broker acknowledged to the machine and did not lose itself comes, in order."""
    with Mosquitto(tmp_path / "broker", settings=shipped()) as broker:
        collected = Collected(broker, tmp_path)
        task = asyncio.create_task(collected.run())
        await collected.subscribed.wait()
        with machine(broker) as made:
            for _ in range(3):
                await asyncio.sleep(0.2)
                await asyncio.to_thread(broker.restart)
            await asyncio.to_thread(made.pause)
            count = made.count
            await collected.has(count)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    rows = collected.rows()
    values = [rows[at] for at in sorted(rows)]
    assert values == sorted(set(values))
    assert len(values) > 0.9 * count


# -- bursts ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("settings", "survive"), [(shipped(), 3000), ({}, 1000)])
async def test_a_burst_while_the_agent_is_away(tmp_path: Path, settings: dict[str, str | int], survive: int) -> None:
    """Mosquitto's own limits lose two thirds of 3000 messages, and say nothing; the shipped ones lose none."""
    with Mosquitto(tmp_path / "broker", settings=settings) as broker:
        made = Mqtt(source(broker.url), [point("power", "t", "p", unit="kW")], plant(tmp_path))
        async with made:
            pass
        await publish(broker, *(("t", b'{"p":%d}' % n) for n in range(3000)))
        async with made:
            assert numbers(await collect(made, survive)) == list(range(survive))
            made.durable(survive)
            assert await silence(made)


async def test_a_burst_while_the_agent_listens(tmp_path: Path) -> None:
    """What is not acknowledged at once waits in the broker: 3000 at once, committed each 200 ms."""
    with Mosquitto(tmp_path / "broker", settings=shipped()) as broker:
        made = Mqtt(source(broker.url), [point("power", "t", "p", unit="kW")], plant(tmp_path))
        async with made:
            sending = asyncio.create_task(publish(broker, *(("t", b'{"p":%d}' % n) for n in range(3000))))
            assert numbers(await collect(made, 3000)) == list(range(3000))
            await sending
            assert made.waiting == 0


# -- what we ship ------------------------------------------------------------------------------------------------------
async def test_the_shipped_setting_is_one_that_mosquitto_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """deploy/mosquitto.conf as it stands, but for its folders and its port; read with a user who may read only."""
    broker = Mosquitto(tmp_path / "broker", tls=True, password="canary")
    authority = broker.authority
    assert isinstance(authority, Authority)
    pair = authority.server("broker")
    (tmp_path / "acl").write_text(f"user {broker.user}\ntopic read #\nuser machine\ntopic readwrite #\n")
    text = SHIPPED.read_text()
    for place, path in (
        ("/etc/mosquitto/certs/ca.pem", authority.ca),
        ("/etc/mosquitto/certs/broker.pem", pair.cert),
        ("/etc/mosquitto/certs/broker-key.pem", pair.key),
        ("/etc/mosquitto/passwords", tmp_path / "broker" / "passwords"),
        ("/etc/mosquitto/acl", tmp_path / "acl"),
        ("/var/lib/mosquitto/", f"{tmp_path}/"),
        ("listener 8883", f"listener {broker.port} 127.0.0.1"),
    ):
        assert place in text
        text = text.replace(place, str(path))
    assert not re.findall(r"^\w+ /(?:etc|var)/.*", text, re.MULTILINE)
    broker._config()  # makes the password file
    monkeypatch.setattr(broker, "_config", lambda: [("user", "root"), *_lines(text)])
    monkeypatch.setenv("CANARY", "canary")
    with broker:
        security = Security(ca=broker.ca, user=broker.user, password=Secret(env="CANARY"))
        made = Mqtt(source(broker.url, security=security), [point("power", "t", "p", unit="kW")], plant(tmp_path))
        async with made:
            await publish(broker, ("t", b'{"p":1}'))  # by the same user, who may not
            assert await silence(made)
        with pytest.raises(Disconnected, match="the broker does not let us in"):
            await Mqtt(source(broker.url, security=Security(ca=broker.ca)), [], plant(tmp_path)).__aenter__()


def _lines(text: str) -> list[tuple[str, str]]:
    written = [line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    return [(key, value) for key, value in written]
