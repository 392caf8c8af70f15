"""Beside its peers: Gemba, Telegraf and thingsboard-gateway, one after another on the same simulated Modbus devices.

A hundred devices of a hundred registers, each register another number at every poll, read in one request by all three.
Whoever is measured has the first core; devices, database and broker have the other. Gemba and Telegraf write to the
same InfluxDB 2.7.12, each to a bucket of its own; thingsboard-gateway can only speak to a ThingsBoard server, so
Mosquitto and a counting subscriber take its place. What was delivered is counted there, by the time of measurement.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import psutil

from benchmarks._figure import Row, child, cores, on, spent, telegraf, told
from benchmarks.edge import plant_file
from benchmarks.influx import stored
from benchmarks.modbus import inputs
from config.plant import InfluxDB, Secret
from store.influx.server import connect
from tests.servers import provide
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.libmodbus import LibModbus
from tests.servers.mosquitto import Mosquitto

DEVICES, REGISTERS = 100, 100
INTERVALS = (1.0, 0.1)  # [s]
WARM, SPAN, LATE = 8, 20, 6  # [s] from the first value on, measured, and until the last of that must have arrived
PATIENCE = 60.0  # [s] until the first value
PEERS = {"Gemba": "libmodbus", "Telegraf": "telegraf", "thingsboard-gateway": "thingsboard"}  # and what each needs
HERE = Path(__file__).with_suffix("")

Counted = Callable[[int, int], int]  # values delivered of these seconds since 1970
Peer = AbstractContextManager[tuple[psutil.Process, Counted]]


@dataclass(frozen=True)
class Place:
    """What all of them share."""

    folder: Path
    devices: LibModbus
    database: InfluxDB2
    broker: Mosquitto

    def counted(self, bucket: str, measurement: str) -> Counted:
        def count(begin: int, end: int) -> int:
            asked = f"SELECT count(*) FROM {measurement} WHERE time >= {begin}s AND time < {end}s"
            lines = self.database.query(asked, bucket).splitlines()
            if not lines:
                return 0
            found = zip(lines[0].split(","), lines[1].split(","), strict=True)
            return sum(int(number) for name, number in found if name.startswith("count_r"))

        return count


# -- the three ---------------------------------------------------------------------------------------------------------
@contextmanager
def gemba(at: Place, interval: float) -> Iterator[tuple[psutil.Process, Counted]]:
    file = plant_file(at.folder / f"plant-{interval}", at.devices.ports, f"{round(interval * 1000)}ms")
    bucket = f"gemba-{interval}"
    file.write_text(file.read_text() + stored(file.with_name("token"), at.database, bucket))
    words = [str(Path(sys.executable).with_name("gemba")), "agent", str(file)]
    with child(cores()[0], words, at.folder / "gemba.log") as process:
        yield process, at.counted(bucket, "asset")


@contextmanager
def telegrafs(at: Place, interval: float) -> Iterator[tuple[psutil.Process, Counted]]:
    settings = {"interval": f"{round(interval * 1000)}ms", "url": at.database.url, "token": at.database.token}
    head = Template((HERE / "telegraf.conf").read_text()).substitute(settings, org=at.database.org)
    with telegraf(head + inputs(at.devices.ports, REGISTERS), at.folder) as process:
        yield process, at.counted("telegraf", "modbus")


@contextmanager
def thingsboard(at: Place, interval: float) -> Iterator[tuple[psutil.Process, Counted]]:
    folder = at.folder / f"thingsboard-{interval}"
    folder.mkdir()
    shutil.copy(HERE / "logs.json", folder)
    gateway = json.loads((HERE / "tb_gateway.json").read_text())
    gateway["thingsboard"]["port"] = at.broker.port
    (folder / "tb_gateway.json").write_text(json.dumps(gateway))
    (folder / "modbus.json").write_text(json.dumps(slaves(at.devices.ports, interval)))
    words = [str(provide.ensure("thingsboard")), "-m", "thingsboard_gateway.tb_gateway"]
    with sink(at.broker) as count, child(cores()[0], words, folder / "log", {"TB_GW_CONFIG_DIR": str(folder)}) as own:
        yield own, count


def slaves(ports: Sequence[int], interval: float) -> object:
    """Its configuration of the devices."""
    read = {
        "tag": "r${address}",
        "type": "16uint",
        "functionCode": 3,
        "objectsCount": 1,
        "address": f"0-{REGISTERS - 1}",
        "maxRegistersPerRequest": REGISTERS,
    }
    common = {"host": "127.0.0.1", "type": "tcp", "method": "socket", "unitId": 1, "timeout": 5, "byteOrder": "BIG"}
    own = {"pollPeriod": round(interval * 1000), "deviceType": "default", "wordOrder": "BIG", "retries": 0}
    rest: dict[str, list[object]] = {"attributes": [], "timeseries": [read], "attributeUpdates": [], "rpc": []}
    return {"master": {"slaves": [{**common, **own, **rest, "port": port, "deviceName": f"d{port}"} for port in ports]}}


@contextmanager
def sink(broker: Mosquitto) -> Iterator[Counted]:
    words = [*on(cores()[1]), sys.executable, str(HERE / "sink.py"), str(broker.port)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    said, told_ = process.stdin, process.stdout
    assert said is not None and told_ is not None

    def count(begin: int, end: int) -> int:
        print(begin, end, file=said, flush=True)
        return int(told_.readline())

    try:
        told_.readline()
        yield count
    finally:
        said.close()
        process.wait(60)
        told_.close()


# -- the run -----------------------------------------------------------------------------------------------------------
STARTED: dict[str, Callable[[Place, float], Peer]] = {
    "Gemba": gemba,
    "Telegraf": telegrafs,
    "thingsboard-gateway": thingsboard,
}


def measured(name: str, peer: Peer, interval: float) -> Iterator[Row]:
    with peer as (process, count):
        since = time.time()
        while not count(int(since), int(time.time()) + 1):
            if time.time() - since > PATIENCE:
                raise RuntimeError(f"{name} delivers nothing")
            time.sleep(0.5)
        time.sleep(WARM)
        begin = int(time.time()) + 1
        time.sleep(max(0.0, begin - time.time()))
        before = spent(process)
        time.sleep(max(0.0, begin + SPAN - time.time()))
        used, memory = spent(process) - before, process.memory_info().rss / 1e6
        time.sleep(LATE)
        values = count(begin, begin + SPAN)
    due = DEVICES * REGISTERS * SPAN / interval
    note = f"{values:,} values, {100 * values / due:.1f} % of those due; {100 * used / SPAN:.1f} % of a core"
    label = f"{name}, every {interval:g} s"
    yield Row(label, 1e6 * used / values, "us CPU/value", note=note)
    yield Row(label, memory, "MB")


def run() -> Iterator[Row]:
    other, names = cores()[1], []
    for name, needs in PEERS.items():
        if provide.find(needs) is None:
            print(f"left out: {name}; {provide.SOURCES[needs].how(needs)}", file=sys.stderr)
        else:
            names.append(name)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        devices = LibModbus(folder / "devices", devices=DEVICES, size=1000, step=True)
        database, broker = InfluxDB2(folder / "database"), Mosquitto(folder / "broker", settings={"log_type": "error"})
        devices.prefix = database.prefix = broker.prefix = on(other)
        with devices, database, broker:
            at = Place(folder, devices, database, broker)
            create(database, "telegraf")
            for interval in INTERVALS:
                for name in names:
                    yield from measured(name, STARTED[name](at, interval), interval)


def create(database: InfluxDB2, bucket: str) -> None:
    """A bucket that keeps for ever."""
    token = database.folder / "token"
    token.write_text(database.token)
    made = connect(InfluxDB(database.url, org=database.org, bucket=bucket, token=Secret(file=token)))
    made.prepare(800)
    made.close()


if __name__ == "__main__":
    sys.exit(told(run, "libmodbus", "influxdb2", "mosquitto"))
