"""What is said on a broker, heard for a while: the values of each topic's messages, and the metrics that nodes are born
with.

Nothing lists the topics of a broker, so what is silent meanwhile is not found. A machine is the level of a topic that
differs where messages are alike, else the last level but one; what a message calls its time is taken for it.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from paho.mqtt._packet import PublishPacket

from config.addresses import SPARKPLUG
from config.json_path import Path, written
from config.plant import METERED, PIECES, SECOND, Plant, Source
from connectors import quality
from connectors.base import Disconnected
from connectors.clock import SYSTEM
from connectors.found import Findings, Found, name, unique
from connectors.mqtt import payload as sparkplug
from connectors.mqtt import stamp
from connectors.mqtt.cell import spoken
from connectors.mqtt.decode import bare
from connectors.mqtt.session import Name, Session

MOST_TOPICS = 2000
MOST_VALUES = 200
"""Of one topic."""
DEEPEST = 6
LONGEST_LIST = 8
_RECENT = 3600 * SECOND
_TIMES = ("ts", "time", "timestamp", "datetime", "date", "t")
_SUFFIXES = ("_q", "_text")  # what a store writes beside a point
_NAMED = 20


async def discover(source: Source, plant: Plant, topic: str = "#", seconds: float = 15.0) -> Findings:
    """All that is published in these seconds, and what the broker has retained. Raises `Disconnected` as entering a
    connector does, and where the topic is refused."""
    heard = _Heard()
    session: Session | None = None

    def listen(message: PublishPacket) -> None:
        if message.qos and session is not None:
            session.acknowledge([message.mid])
        heard.take(message)

    gone = asyncio.Event()
    visitor = Name(f"gemba-{plant.id}-discover-{os.urandom(4).hex()}", True)
    session = Session(source, visitor, listen, gone.set)
    try:
        await session.open()
        if await session.subscribe([topic], retained=True):
            text = f"{source.url}: the broker refuses the topic {topic}; name one that is allowed: --topic"
            raise Disconnected(text, quality.BAD_NOT_READABLE)
        until = SYSTEM.monotonic_ns() + round(seconds * SECOND)
        while (left := until - SYSTEM.monotonic_ns()) > 0:
            gone.clear()
            try:
                await asyncio.wait_for(gone.wait(), left / SECOND)
            except TimeoutError:
                break
            if session.fault or session.lost:
                raise session.fault or session.lost or AssertionError
    finally:
        await session.close()
    return heard.findings(source)


@dataclass(slots=True)
class _Topic:
    """The values of its messages by path (None: the payload itself), the last one of each, and when it was heard."""

    values: dict[Path | None, Any] = field(default_factory=dict)
    time: Path | None = None
    last: int = 0
    silence: int = 0


class _Heard:
    """Everything that came, by topic; metrics by the device that was born with them."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}
        self._metrics: dict[str, dict[str, Any]] = {}
        self._unborn: set[str] = set()
        self._left_out: dict[str, str] = {}

    def take(self, message: PublishPacket) -> None:
        try:
            topic = message.topic.decode()
        except UnicodeDecodeError:
            return
        if topic.startswith(SPARKPLUG):
            self._take_metrics(topic.split("/"), bytes(message.payload))
        elif not topic.isprintable():
            self._left_out[topic] = f"{topic!r}: a plant file cannot hold such a topic"
        elif topic in self._topics or len(self._topics) < MOST_TOPICS:
            self._take_values(topic, bytes(message.payload), message.retain)
        else:
            self._left_out["#"] = f"all topics beyond the first {MOST_TOPICS}"

    def _take_values(self, topic: str, payload: bytes, retained: bool) -> None:
        try:
            found = orjson.loads(payload)
        except orjson.JSONDecodeError:
            found = bare(payload)[0]
        if found is None or found == "":
            self._left_out[topic] = f"{topic}: neither JSON nor text"
            return
        one, now = self._topics.setdefault(topic, _Topic()), SYSTEM.wall_ns()
        self._left_out.pop(topic, None)
        if not retained:
            one.silence = max(one.silence, now - one.last if one.last else 0)
            one.last = now
        for path, value in _values(found):
            if path is not None and _is_time(path, value, now, retained):
                one.time = one.time or path
            elif path in one.values or len(one.values) < MOST_VALUES:
                one.values[path] = value

    def _take_metrics(self, levels: Sequence[str], payload: bytes) -> None:
        if len(levels) not in (4, 5) or levels[2] not in ("NBIRTH", "DBIRTH", "NDATA", "DDATA"):
            return
        topic = "/".join([*levels[:2], "+", *levels[3:]])
        try:
            metrics = sparkplug.decode(payload).metrics
        except ValueError:
            self._left_out[topic] = f"{topic}: no Sparkplug payload"
            return
        if not levels[2].endswith("BIRTH"):
            self._unborn.add(topic)
            return
        for metric in metrics:
            if metric.name and metric.name.isprintable() and metric.name != "bdSeq" and sparkplug.kind(metric.datatype):
                value, code = sparkplug.value(metric.raw, metric.datatype)
                self._metrics.setdefault(topic, {})[metric.name] = value if code == quality.GOOD else None

    # -- as a plant file -----------------------------------------------------------------------------------------------
    def findings(self, source: Source) -> Findings:
        names = _Names(source.id)
        found: list[Found] = []
        machines = _machines(self._topics)
        for topic, one in sorted(self._topics.items()):
            levels = topic.split("/")
            asset = names.asset(levels[machines[topic]])
            for path, value in one.values.items():
                words = [levels[-1]] if path is None else [str(step) for step in path]
                at = {"topic": topic}
                if path is not None:
                    at["path"] = written(path)
                    at |= {"time": written(one.time)} if one.time else {}
                point = names.point(asset, words, value)
                found.append(Found(asset, point, at, shown=_shown(value)))
        for topic, metrics in sorted(self._metrics.items()):
            asset = names.asset(topic.split("/")[-1])
            for metric, value in metrics.items():
                point = names.point(asset, [metric], value)
                found.append(Found(asset, point, {"topic": topic, "path": metric}, shown=_shown(value)))
        found.sort(key=lambda one: one.asset)
        return Findings(tuple(found), self._advice(), tuple(self._missing()))

    def _advice(self) -> dict[str, str]:
        silences = [one.silence for one in self._topics.values() if one.silence]
        if not silences:
            return {}
        longest = max(silences) / SECOND
        return {"every": f"the longest silence of a topic was {longest:.1f} s; give the source an `every` above it"}

    def _missing(self) -> Iterator[str]:
        for topic in sorted(self._unborn - self._metrics.keys()):
            yield f"{topic}: data without a birth; make the node send one, as connectors/mqtt/README.md says"
        missing = sorted(self._left_out.values())
        yield from missing[:_NAMED]
        if len(missing) > _NAMED:
            yield f"and {len(missing) - _NAMED} more"


class _Names:
    """Names that a plant file takes, no point's twice, and none that would be read as what it is not."""

    def __init__(self, fallback: str) -> None:
        self._fallback = fallback
        self._points: dict[str, set[str]] = {}

    def asset(self, level: str) -> str:
        return name([level], self._fallback)

    def point(self, asset: str, words: Sequence[str], value: Any) -> str:
        wanted = name(words, "value")
        if wanted in (*PIECES, *METERED) and spoken(value) is value and isinstance(value, str):
            wanted += "-text"
        if wanted.endswith(_SUFFIXES):
            wanted += "-"
        return unique(wanted, self._points.setdefault(asset, set()))


def _values(found: Any, path: Path = ()) -> Iterator[tuple[Path | None, Any]]:
    """Every scalar of a document with its path; a payload that is one scalar has none."""
    if isinstance(found, dict) and len(path) < DEEPEST:
        for key, value in found.items():
            if key.isprintable():
                yield from _values(value, (*path, key))
    elif isinstance(found, list) and len(path) < DEEPEST:
        for index, value in enumerate(found[:LONGEST_LIST]):
            yield from _values(value, (*path, index))
    elif not isinstance(found, dict | list) and found is not None:
        yield path or None, found


def _is_time(path: Path, value: Any, now: int, retained: bool) -> bool:
    if str(path[-1]).lower().strip("_") not in _TIMES:
        return False
    said = stamp.nanoseconds(value)
    return said is not None and stamp.plausible(said, now) and (retained or now - said < _RECENT)


def _machines(topics: dict[str, _Topic]) -> dict[str, int]:
    """Which level of each topic names the machine."""
    alike: dict[tuple[int, frozenset[Path | None]], list[str]] = {}
    for topic, one in topics.items():
        alike.setdefault((topic.count("/"), frozenset(one.values)), []).append(topic)
    found: dict[str, int] = {}
    for (depth, paths), members in alike.items():
        differing = [i for i in range(depth + 1) if len({topic.split("/")[i] for topic in members}) > 1]
        usual = max(depth - 1, 0)
        level = differing[0] if len(differing) == 1 and paths != {None} else usual
        found |= dict.fromkeys(members, level)
    return found


def _shown(value: Any) -> str:
    text = "".join(sign if sign.isprintable() else " " for sign in str(value)[:200])
    return " ".join(text.split())[:60]
