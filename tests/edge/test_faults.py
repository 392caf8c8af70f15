"""What the world does to an agent: a cable pulled, a device hung, a disk full, a broker restarted again and again."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from config.load import load
from config.plant import Plant
from connectors import quality
from store.journal import History, place
from tests.edge.child import child, until
from tests.edge.coded import collecting, site
from tests.servers.libmodbus import LibModbus
from tests.servers.mosquitto import Mosquitto
from tests.servers.process import free_port

RESTARTS = int(os.environ.get("GEMBA_RESTARTS", "4"))
HEAD = "plant: faults-01\ntimezone: Asia/Shanghai\ndata: ./data\n"


def modbus_plant(folder: Path, url: str) -> Plant:
    file = folder / "plant.yaml"
    file.write_text(
        f'{HEAD}sources:\n  dev: {{protocol: modbus, url: "{url}", every: 100ms, timeout: 300ms}}\n'
        'assets:\n  m: {points: {count: {source: dev, at: "holding:0", type: uint16}}}\n',
        encoding="utf-8",
    )
    return load(file)


def rows(plant: Plant, asset: str = "m", point: str = "count") -> list[tuple[int, int, int]]:
    """Time, number and quality."""
    history = History(place(plant))
    series = history.series(asset, [point], 0, 2**62)[point]
    history.close()
    return list(zip(series.time.tolist(), series.numbers.tolist(), series.quality.tolist(), strict=True))


async def outage(plant: Plant, begin: object, end: object) -> None:
    """A device that falls silent is a gap within three polls and their timeout; it comes back by itself."""
    async with collecting(plant) as agent:
        source = agent.collectors["dev"]
        await until(lambda: source.seen.frames > 5)
        begin()  # type: ignore[operator]
        await until(lambda: source.seen.state == "retrying", 3.0)
        end()  # type: ignore[operator]
        frames = source.seen.frames
        await until(lambda: source.seen.state == "up" and source.seen.frames > frames + 3, 20.0)
    codes = [code for _, _, code in rows(plant)]
    gaps = [i for i, code in enumerate(codes) if code in (quality.BAD_TIMEOUT, quality.BAD_NOT_CONNECTED)]
    assert gaps
    assert 0 in codes[: gaps[0]]
    assert 0 in codes[gaps[0] :]


@pytest.mark.server("libmodbus")
async def test_a_device_that_hangs_with_its_socket_open(tmp_path: Path) -> None:
    with LibModbus(tmp_path / "server", step=True) as device:
        await outage(modbus_plant(tmp_path, device.url), device.suspend, device.resume)
        assert device.writes == []


@pytest.fixture
def cable() -> Iterator[tuple[str, str, str]]:
    """A network namespace at the far end of a cable: its name, the near end, and the far end's address."""
    number = os.getpid() % 200 + 20
    name, near, far = f"gemba-{os.getpid()}", f"gn{os.getpid()}", f"gf{os.getpid()}"
    steps = [
        f"netns add {name}",
        f"link add {near} type veth peer name {far}",
        f"link set {far} netns {name}",
        f"addr add 10.213.{number}.1/30 dev {near}",
        f"link set {near} up",
        f"-n {name} addr add 10.213.{number}.2/30 dev {far}",
        f"-n {name} link set {far} up",
        f"-n {name} link set lo up",
    ]
    try:
        for step in steps:
            subprocess.run(["ip", *step.split()], check=True, capture_output=True)
        yield name, near, f"10.213.{number}.2"
    finally:
        subprocess.run(["ip", "link", "delete", near], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


@pytest.mark.privilege("netns")
@pytest.mark.server("libmodbus")
async def test_a_cable_that_is_pulled(tmp_path: Path, cable: tuple[str, str, str]) -> None:
    name, near, address = cable

    def link(state: str) -> None:
        subprocess.run(["ip", "link", "set", near, state], check=True)

    device = LibModbus(tmp_path / "server", step=True)
    device.host, device.prefix = address, ("ip", "netns", "exec", name)
    with device:
        await outage(modbus_plant(tmp_path, device.url), lambda: link("down"), lambda: link("up"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.privilege("tmpfs")
async def test_a_full_disk_costs_no_poll_and_it_goes_on_by_itself(disk: Path) -> None:
    async with (
        site(disk, 2, every="50ms", more="keep: {free: 0%}\n") as plant,
        child(plant.plant, log=disk.parent) as agent,
    ):
        await until(lambda: all(plant.kept(device.number) for device in plant.devices))
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        await until(lambda: "frames wait in memory" in agent.said, 40)
        assert "the disk is full" in agent.said
        issued = [len(device.issued) for device in plant.devices]
        await until(lambda: all(len(d.issued) > n + 20 for d, n in zip(plant.devices, issued, strict=True)))
        assert (await agent.status())["trouble"]
        ballast.unlink()
        await until(lambda: "commits work again" in agent.said)
        assert (await agent.status())["trouble"] == ""
        lost = (await agent.status())["journal"]["lost"]
        assert await agent.stop() < 5
        plant.judge()
        history = History(place(plant.plant))
        told = sum(int(str(event.detail["frames"])) for event in history.events(0, 2**62, ["loss"]))
        history.close()
        assert told == lost
        for device in plant.devices:
            assert len(device.issued) - len(plant.kept(device.number)) <= lost + 3


class Publisher:
    """Numbers to a topic at QoS 1; `acknowledged` are those that the broker took."""

    def __init__(self, port: int, topic: str) -> None:
        self.acknowledged: set[int] = set()
        self._topic, self._mids = topic, dict[int, int]()
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "publisher", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._published
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def publish(self, number: int, time: int) -> None:
        with self._lock:
            sent = self._client.publish(self._topic, f'{{"n": {number}, "t": {time}}}', qos=1)
            self._mids[sent.mid] = number

    def _published(self, _: object, __: object, mid: int, ___: object, ____: object) -> None:
        with self._lock:
            if mid in self._mids:
                self.acknowledged.add(self._mids[mid])

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.mark.server("mosquitto")
async def test_a_broker_that_is_restarted_again_and_again_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "plant.yaml"
    port = free_port()
    file.write_text(
        f'{HEAD}sources:\n  broker: {{protocol: mqtt, url: "mqtt://127.0.0.1:{port}", every: 1s, timeout: 1s, '
        "security: {insecure: true}}\nassets:\n  m: {points: {count: {source: broker, type: int32, "
        "at: {topic: a/m, path: n, time: t}}}}\n",
        encoding="utf-8",
    )
    plant = load(file)
    wall = 1_790_000_000_000  # [ms] of the first message: series time is the payload's
    settings = {"max_queued_messages": 0, "max_inflight_messages": 100}
    with Mosquitto(tmp_path / "broker", port, settings=settings) as broker:
        async with child(plant) as agent:
            await until(lambda: '"state": "up"' in str(agent.said) or "connected" in agent.said)
            publisher = Publisher(port, "a/m")
            number = 0
            for _ in range(RESTARTS):
                for _ in range(60):
                    publisher.publish(number, wall + 1000 * number)
                    number += 1
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(broker.restart)
            await until(lambda: len(publisher.acknowledged) == number, 30)
            await until(lambda: len({n for _, n, code in rows(plant) if code == 0}) >= number, 60)
            publisher.close()
            agent.send(signal.SIGTERM)
            assert await agent.wait() == 0
    found = [(time, n) for time, n, code in rows(plant) if code == 0]
    assert {n for _, n in found} == set(range(number))
    assert all(time == (wall + 1000 * n) * 1_000_000 for time, n in found), "foreign"
    assert len(found) == len(set(found)), "twice"
