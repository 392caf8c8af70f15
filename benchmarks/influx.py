"""To InfluxDB: what a value costs from the journal to an accepted line, how much of that is the server's share, how
fast a backlog of four hours goes, what a plant costs from the wire to the database, and what its facts cost out of it.
Servers have the other core."""

import asyncio
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psutil

from benchmarks import _api_plant
from benchmarks._figure import Row, cores, on, pinned, spent, told
from benchmarks.edge import DEVICES, SPAN, measured, plant_file
from config.plant import InfluxDB, Keep, Plant, Secret
from connectors.base import Column, Frame, Layout, layout
from edge.forward import CONSUMER, FLUSH, Forwarder
from kpi.facts.archive import Archive
from kpi.facts.facts import facts
from store.influx import InfluxReader
from store.influx.delivery import deliver
from store.influx.lines import Encoder
from store.influx.server import Server, connect
from store.journal import Journal, place
from store.reader import Reader
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.libmodbus import LibModbus
from tests.servers.victoria import VictoriaMetrics

SECOND = 10**9
ASSETS, POINTS, SECONDS = 100, 100, 200  # two million values
NULL_BAR = 1.0  # million values a second, at least
DRAIN_BAR = 5.0  # times live speed, at least
HOURS = 4
WATCHED = 20.0  # seconds of draining
CPU_BAR, MEMORY_BAR = 2.0, 100.0  # us a value, MB
KEEP = Keep(free=Fraction(0))
MACHINES, DAYS = 100, 2  # whose facts are formed
FACTS_BAR = 4.0  # seconds of CPU, of both
DAY = 86400 * SECOND
AGO = 6 * 3600  # [s] when the backlog begins: nothing of it is as young as a live row


def layouts() -> list[Layout]:
    return [
        layout(f"d{d}", "poll 1s 0", [Column(f"m{d}", f"r{p}", "float") for p in range(POINTS)]) for d in range(ASSETS)
    ]


def filled(journal: Journal, seconds: float) -> None:
    """Every value another one, with two decimals, as a transducer has them."""
    chance, of, begin = np.random.default_rng(1), layouts(), time.time_ns() - AGO * SECOND
    for start in range(0, round(seconds), 100):
        values = np.round(chance.random((100, ASSETS, POINTS)) * 100, 2)
        times = range(start, min(start + 100, round(seconds)))
        journal.append([Frame(of[d], begin + t * SECOND, values[t - start, d]) for t in times for d in range(ASSETS)])


@contextmanager
def null(core: int) -> Iterator[str]:
    """A server that reads what it is sent and says 204, in a process of its own."""
    code = "import benchmarks.influx as b; b.swallow()"
    words = [*on(core), sys.executable, "-c", code]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield f"http://127.0.0.1:{child.stdout.readline().strip()}"
    finally:
        child.kill()
        child.wait()


def swallow() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        print(door.getsockname()[1], flush=True)
        while True:
            line, _ = door.accept()
            threading.Thread(target=_answer, args=(line,), daemon=True).start()


def _answer(line: socket.socket) -> None:
    held, room = bytearray(), bytearray(1 << 20)
    while True:
        while (end := held.find(b"\r\n\r\n")) < 0:
            count = line.recv_into(room)
            if not count:
                return
            held += room[:count]
        head = bytes(held[:end]).lower()
        left = int(head.split(b"content-length: ")[1].split(b"\r\n")[0]) - (len(held) - end - 4)
        held.clear()
        while left > 0:
            left -= line.recv_into(room, min(left, len(room)))
        line.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def sent(journal: Journal, made: Server, plant: Plant) -> int:
    """Everything of the journal; how many values that was."""
    encoder, consumer, count = Encoder(plant), made.of.url, 0
    while (batch := journal.pending_columns(consumer, 2000)) is not None:
        written = encoder.batch(batch, 1)
        if deliver(made, written.lines).answer.verdict != "done":
            raise RuntimeError("not taken")
        journal.acknowledge(consumer, batch.last, batch.first)
        count += written.values
    return count


def delivered(journal: Journal, store: InfluxDB, server: psutil.Process | None, provisioned: bool) -> Row:
    """Everything of the journal, by the forwarder's own means, one request after another."""
    made, of = connect(store), Plant("bench-01", "", ZoneInfo("UTC"), Path(), Path(), "")
    if provisioned:
        made.prepare(800)
    theirs = spent(server) if server else 0.0
    cpu, began = time.process_time(), time.perf_counter()
    count = sent(journal, made, of)
    took, own = time.perf_counter() - began, time.process_time() - cpu
    made.close()
    if provisioned and len(InfluxReader(store, "bench-01").series("m0", ["r0"], 0, 2**62)["r0"]) != SECONDS:
        raise RuntimeError("not all of it arrived")
    note = f"{1e6 * own / count:.3f} us CPU/value here"
    if server:
        theirs = spent(server) - theirs
        note += f", {1e6 * theirs / count:.2f} there: its share is {100 * theirs / (own + theirs):.0f} %"
    return Row("", count / took / 1e6, "M values/s", None if server else NULL_BAR, True, note)


def speeds(folder: Path, core: int) -> Iterator[Row]:
    secret = folder / "token"
    secret.write_text(InfluxDB2.token)
    two, one, other = InfluxDB2(folder / "two"), InfluxDB1(folder / "one"), VictoriaMetrics(folder / "victoria")
    two.prefix = one.prefix = other.prefix = on(core)
    with null(core) as url, two, one, other:
        stores = {
            "a null server": (InfluxDB(url, database="null"), None),
            "InfluxDB 2.7.12": (InfluxDB(two.url, org="gemba", bucket="own", token=Secret(file=secret)), two),
            "InfluxDB 1.6.7": (InfluxDB(one.url, database="own"), one),
            "VictoriaMetrics 1.79": (InfluxDB(other.url, org="gemba", bucket="own", token=Secret(file=secret)), other),
        }
        with Journal.open(folder / "journal", KEEP, [of.url for of, _ in stores.values()]) as journal:
            filled(journal, SECONDS)
            for name, (of, server) in stores.items():
                process = psutil.Process(server.pid) if server else None
                found = delivered(journal, of, process, server in (one, two))
                yield replace(found, name=f"journal to line protocol, taken by {name}")


# -- a backlog of four hours -------------------------------------------------------------------------------------------
async def draining(journal: Journal, plant: Plant, server: InfluxDB2) -> tuple[float, float]:
    """Seconds of history a second beside live rows that go on coming, and the age [s] of the newest live row that the
    server can tell of, at worst."""
    forwarder = Forwarder(plant, journal)
    task = asyncio.create_task(forwarder.run())
    of, values, asked = layouts(), np.arange(POINTS) / 7, f"SELECT last(r0) FROM asset WHERE asset = 'm{ASSETS - 1}'"
    while not forwarder.status()["delivered"]:
        await asyncio.sleep(0.05)
    before, began, live, oldest = journal.backlog(CONSUMER), time.perf_counter(), 0, 0.0
    while (took := time.perf_counter() - began) < WATCHED and journal.backlog(CONSUMER) > 10 * ASSETS:
        now = time.time_ns()
        await asyncio.to_thread(journal.append, [Frame(of[d], now + d, values + live) for d in range(ASSETS)])
        live += ASSETS
        await asyncio.sleep(1.0)
        last = await asyncio.to_thread(server.query, asked, "own")
        if took > 2 * FLUSH:
            oldest = max(oldest, (time.time_ns() - int(last.splitlines()[1].split(",")[2])) / SECOND)
    left = journal.backlog(CONSUMER)
    task.cancel()
    await asyncio.wait({task})
    await asyncio.to_thread(_ended)  # what is on its way ends before the server does
    return (before + live - left) / ASSETS / took - 1, oldest


def _ended() -> None:
    for thread in threading.enumerate():
        if thread.name == "gemba-influxdb":
            thread.join(30)


def drain(folder: Path, core: int) -> Iterator[Row]:
    secret = folder / "token"
    secret.write_text(InfluxDB2.token)
    server = InfluxDB2(folder / "drain")
    server.prefix = on(core)
    with server, Journal.open(folder / "backlog", KEEP, [CONSUMER]) as journal:
        filled(journal, HOURS * 3600)
        store = InfluxDB(server.url, org="gemba", bucket="own", token=Secret(file=secret))
        plant = Plant("bench-01", "", ZoneInfo("UTC"), folder, folder / "plant.yaml", "", store=store)
        speed, oldest = asyncio.run(draining(journal, plant, server))
    note = f"{ASSETS} assets x {POINTS} points at 1 s; gone in {HOURS * 60 / speed:.1f} minutes"
    yield Row(f"a backlog of {HOURS:g} hours into InfluxDB 2.7.12", speed, "x live", DRAIN_BAR, True, note)
    yield Row("meanwhile the newest live row there, at worst", oldest, "s old", note=f"sent every {FLUSH:g} s")


# -- the whole plant ---------------------------------------------------------------------------------------------------
def whole(folder: Path, own: int, other: int) -> Iterator[Row]:
    """As benchmarks/edge.py at 1 s, with the database behind it."""
    devices = LibModbus(folder / "devices", devices=DEVICES, size=1000, step=True)
    server = InfluxDB2(folder / "whole")
    server.prefix = devices.prefix = on(other)
    with server, devices:
        file = plant_file(folder / "plant", devices.ports, "1s")
        file.write_text(file.read_text() + stored(file.with_name("token"), server, "own"))
        found: dict[str, Any] = measured(file, own, SPAN)
        store = InfluxDB(server.url, org="gemba", bucket="own", token=Secret(file=file.with_name("token")))
        if not len(InfluxReader(store, "bench-01").series("m0", ["r0"], 0, 2**62)["r0"]):
            raise RuntimeError("nothing arrived")
        note = f"{found['rate']:.4f} M values/s, {found['core']:.1f} % of a core"
        yield Row("every 1 s, wire to journal to InfluxDB 2.7.12", found["cpu"], "us CPU/value", CPU_BAR, note=note)
        yield Row("the same, resident", found["memory"], "MB", MEMORY_BAR)


def stored(token: Path, server: InfluxDB2, bucket: str) -> str:
    """What a plant file says of its database."""
    token.write_text(server.token)
    token.chmod(0o600)
    place = f'url: "{server.url}", org: {server.org}, bucket: {bucket}, token: {{file: {token.name}}}'
    return f"store: {{influxdb: {{{place}}}}}\n"


# -- facts out of the database -----------------------------------------------------------------------------------------
def cold(folder: Path, core: int) -> Iterator[Row]:
    """As `gemba kpi` on a machine without the journal, the first time: nothing is kept of any day."""
    folder.mkdir()
    plant, end = _api_plant.plant(folder, MACHINES), time.time_ns() // DAY * DAY
    _api_plant.history(plant, end, DAYS, lambda _: None)
    server = InfluxDB2(folder / "server")
    server.prefix = on(core)
    (folder / "token").write_text(InfluxDB2.token)
    with server:
        made = connect(InfluxDB(server.url, org="gemba", bucket="own", token=Secret(file=folder / "token")))
        made.prepare(800)
        with Journal.open(place(plant), KEEP, [made.of.url]) as journal:
            process = psutil.Process(server.pid)
            sent(journal, made, plant)
            readers: list[Reader] = [journal, InfluxReader(made, plant)]
            for reader in readers:
                theirs, cpu, began = spent(process), time.process_time(), time.perf_counter()
                found = facts(reader, plant, end - DAYS * DAY, end, Archive(folder / reader.store, plant.id), end + DAY)
                own, took = time.process_time() - cpu, time.perf_counter() - began
                theirs = spent(process) - theirs
                if len(np.unique(found.slices["asset"])) != MACHINES:
                    raise RuntimeError("not all of them")
                bar = FACTS_BAR if reader.store == "influxdb" else None
                note = f"{own:.2f} here, {theirs:.2f} there; {took:.2f} s"
                name = f"facts of {MACHINES} machines x {DAYS} days, cold, from {reader.store}"
                yield Row(name, own + theirs, "s CPU", bar, note=note)
        made.close()


def run() -> Iterator[Row]:
    own, other = cores()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        yield from whole(folder, own, other)
        with pinned():
            yield from speeds(folder, other)
            yield from drain(folder, other)
            yield from cold(folder / "facts", other)


if __name__ == "__main__":
    sys.exit(told(run, "influxdb2", "influxdb1", "victoria", "libmodbus"))
