"""The server: what a page and a question cost with five hundred machines and ninety days of facts.

`gemba serve` has one core, whoever asks has the other. Memory is that of the server's process; facts that are formed
ahead are formed in another, which is waited for before anything is measured, save for the very first start.
"""

import http.client
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from urllib.parse import urlencode

import psutil

from benchmarks._api_plant import history, plant
from benchmarks._figure import Row, child, cores, pinned, told, watched
from config.plant import Plant
from config.zone import shown
from kpi.facts.archive import Archive
from kpi.facts.facts import facts
from store.journal import History, place

ASSETS, DAYS = 500, 90
DAY = 86_400 * 10**9
BLOCK = 8 * DAY
CLIENTS, SPAN = 4, 20.0  # at once, and for so many seconds
IDLE, SOON = 15.0, 2.0  # seconds
IDLE_RSS_BAR, WARM_RSS_BAR, IDLE_CPU_BAR = 150.0, 400.0, 1.0  # MB, MB, % of a core
PAGE_BAR, RATE_BAR, SLOWEST_BAR = 1.5, 50.0, 0.2  # s, 1/s, s


class Client:
    """One connection that stays open."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def seconds(self, path: str, **headers: str) -> float:
        """What an answer takes, to its last byte."""
        begun = time.perf_counter()
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status not in (200, 304):
            raise RuntimeError(f"{path}: answered {answer.status}")
        return time.perf_counter() - begun


@contextmanager
def served(of: Plant, folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    """The server on its core, once it listens."""
    log = folder / "serve.log"
    words = [str(Path(sys.executable).with_name("gemba")), "serve", str(of.file), "--port", "0"]
    with child(cores()[1], words, log) as process:
        while "http://" not in (text := log.read_text()):
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                raise RuntimeError(text)
            time.sleep(0.05)
        yield process, int(text.split("http://")[1].split("/")[0].rsplit(":", 1)[1])


def formed(process: psutil.Process) -> None:
    """Waits for what is formed ahead, which begins soon after the start."""
    begun = time.perf_counter()
    while process.children() or time.perf_counter() - begun < SOON:
        time.sleep(0.1)


def asked(of: Plant, end: int, days: int, **more: str) -> str:
    words = {"from": shown(end - days * DAY, of.timezone), "to": shown(end, of.timezone), **more}
    return f"/api/v1/kpis?{urlencode(words)}"


def memory(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


def first_start(of: Plant, folder: Path, end: int) -> Iterator[Row]:
    """Nothing was ever formed."""
    begun = time.perf_counter()
    with served(of, folder) as (_, port):
        Client(port).seconds(asked(of, end, 1))
        yield Row("first start, no facts: until KPIs of the last day", time.perf_counter() - begun, "s")


def ninety_days(of: Plant, end: int) -> None:
    reader, archive = History(place(of)), Archive(of.data, of.id)
    for start in range(end - DAYS * DAY, end, BLOCK):
        facts(reader, of, start, min(start + BLOCK, end), archive, end)
    reader.close()


def idle(process: psutil.Process) -> Iterator[Row]:
    yield Row("before the first request", memory(process), "MB", IDLE_RSS_BAR)
    cpu, wall = watched(process, IDLE)
    yield Row("  idle", 100 * cpu / wall, "% of a core", IDLE_CPU_BAR)


def first_page(of: Plant, port: int, end: int) -> Iterator[Row]:
    """The page as it stands, then the documents that it is filled from."""
    client = Client(port)
    yield Row("the first page stands", client.seconds("/"), "s", PAGE_BAR)
    rows, lines = client.seconds(asked(of, end, 1)), client.seconds(asked(of, end, 1, by="line"))
    yield Row("  and has the KPIs of each machine and line", rows + lines, "s", PAGE_BAR)
    yield Row("  the next page", client.seconds("/"), "s")
    for path in ("sources", "assets", "energy"):
        yield Row(f"  {path}, the first time", client.seconds(f"/api/v1/{path}"), "s")


def warm(of: Plant, process: psutil.Process, port: int, end: int) -> Iterator[Row]:
    questions = [asked(of, end, days) for days in (1, 7, 30)]
    for name, headers in (("as it is", {}), ("packed", {"Accept-Encoding": "gzip"})):
        for path in questions:
            Client(port).seconds(path, **headers)
        taken = sorted(load(port, questions, headers))
        count = len(taken)
        note = f"{ASSETS} rows a document; median {1e3 * taken[count // 2]:.1f} ms"
        yield Row(f"kpis by asset, {name}", count / SPAN, "/s", RATE_BAR, least=True, note=note)
        yield Row("  99 of 100 within", taken[int(0.99 * count)], "s", SLOWEST_BAR)
    yield Row("warm", memory(process), "MB", WARM_RSS_BAR)
    seconds = Client(port).seconds(asked(of, end, DAYS))
    yield Row(f"kpis of {DAYS} days, the first time", seconds, "s")
    yield Row("  and after it", memory(process), "MB", WARM_RSS_BAR)


def load(port: int, questions: list[str], headers: dict[str, str]) -> list[float]:
    """Seconds of every answer, to clients that ask without a pause."""
    until = time.perf_counter() + SPAN

    def one(first: int) -> list[float]:
        client, taken = Client(port), []
        for path in cycle(questions[first:] + questions[:first]):
            if time.perf_counter() >= until:
                break
            taken.append(client.seconds(path, **headers))
        return taken

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [each for some in pool.map(one, [n % len(questions) for n in range(CLIENTS)]) for each in some]


def run() -> Iterator[Row]:
    end = time.time_ns() // DAY * DAY  # 08:00 in the plant: its production day is over
    with tempfile.TemporaryDirectory() as name, pinned():
        folder = Path(name)
        of = plant(folder, ASSETS)
        history(of, end, DAYS, lambda words: print(words, file=sys.stderr, flush=True))
        yield from first_start(of, folder, end)
        ninety_days(of, end)
        with served(of, folder) as (process, port):
            formed(process)
            yield from idle(process)
            yield from first_page(of, port, end)
            yield from warm(of, process, port, end)


if __name__ == "__main__":
    sys.exit(told(run))
