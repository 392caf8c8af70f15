"""tests/cases/opcua: each folder is a plant file, what a server sent, and the rows that must come of it.

`replies.txt` are read responses, `messages.txt` those of a subscription that publishes every second: a DataValue a
line, in hex. A value that is not Good is expected as the name of its StatusCode; times are seconds of 2027, UTC.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.load import load
from config.plant import SECOND
from connectors import quality
from connectors.base import Frame
from connectors.opcua import decode, notify, plan
from connectors.opcua.columns import columns
from tests.connectors.opcua import encode

CASES = Path(__file__).parents[2] / "cases" / "opcua"
FOLDERS = sorted(folder for folder in CASES.iterdir() if folder.is_dir())
BEGIN = 1_798_761_600 * SECOND


class Sent(encode.Item):
    """A DataValue as it stands in the case."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)

    def encoded(self) -> bytes:
        assert self.variant is not None
        return self.variant


def blocks(file: Path) -> Iterator[tuple[str, list[tuple[str, Sent]]]]:
    head, items = "", []
    for line in file.read_text().splitlines():
        words = line.partition("#")[0].rstrip()
        if words.startswith("  "):
            name, _, octets = words.strip().partition(": ")
            items.append((name, Sent(bytes.fromhex(octets))))
        else:
            if head:
                yield head, items
            head, items = words, []
    yield head, items


def group(folder: Path) -> plan.Group:
    plant = load(folder / "plant.yaml")
    items = plan.items(plant.points(), ["http://opcfoundation.org/UA/", "urn:own", "urn:device"])
    return plan.groups(plant.sources["cell"], "poll", items, 1000)[0]


def said(frame: Frame) -> list[tuple[str, Any]]:
    """Of each row of a frame the point, and its value or what is wrong with it."""
    own = frame.layout.columns
    places = range(len(own)) if frame.columns is None else frame.columns.tolist()
    values = [*frame.floats.tolist(), *frame.ints.tolist(), *frame.texts]
    codes = [0] * len(values) if frame.quality is None else frame.quality.tolist()
    assert len(values) == len(codes) == len(places)
    found = []
    for place, value, code in zip(places, values, codes, strict=True):
        good = code < quality.UNCERTAIN
        found.append((own[place].point, value if good else quality.name(code)))
    return found


def typed(value: Any) -> tuple[type, Any]:
    return type(value), value


REPLIES = [folder for folder in FOLDERS if (folder / "replies.txt").exists()]
MESSAGES = [folder for folder in FOLDERS if (folder / "messages.txt").exists()]


@pytest.mark.parametrize("folder", REPLIES, ids=lambda folder: folder.name)
def test_replies(folder: Path) -> None:
    own = group(folder)
    reader, codes = decode.Reply(len(own.items)), {}
    for n, ((_, sent), expected) in enumerate(
        zip(blocks(folder / "replies.txt"), yaml.safe_load((folder / "expected.yaml").read_text()), strict=True)
    ):
        items = dict(sent)
        for turn in (0, 1) if n == 0 else (1,):  # the first reply teaches the kinds, as when a connection is made
            names = [item.point.name for item in own.items]
            values = reader.values(encode.read_response(items[name] for name in names))
            found = columns(values, own.shape)
            codes = {int(place): int(values.codes[place]) for place in found.misfits}
            if turn:
                frame = Frame(own.layout, 0, found.floats, found.ints, found.texts, found.quality)
                assert {p: typed(v) for p, v in said(frame)} == {p: typed(v) for p, v in expected.items()}, n
            own = plan.learned(own, codes)


def seconds(text: str) -> int:
    return BEGIN + int(Decimal(text) * SECOND)


@pytest.mark.parametrize("folder", MESSAGES, ids=lambda folder: folder.name)
def test_messages(folder: Path) -> None:
    own = group(folder)
    written = list(blocks(folder / "messages.txt"))
    for name, sent in written[0][1]:  # as the read when a connection is made
        if name != "beat":
            place = next(i for i, item in enumerate(own.items) if item.point.name == name)
            own = plan.learned(own, {place: sent.encoded()[1]})
    handles = {item.point.name: i for i, item in enumerate(own.items)} | {"beat": len(own.items)}
    watch = notify.Watch(own, "opc.tcp://device:4840", SECOND, 0)
    for (head, sent), expected in zip(written, yaml.safe_load((folder / "expected.yaml").read_text()), strict=True):
        matched = re.fullmatch(r"message (\d+) at ([\d.]+)", head)
        assert matched
        data = encode.publish_response([(handles[name], item) for name, item in sent], int(matched[1]))
        wall = seconds(matched[2])
        frames, misfits = watch.frames(decode.publication(data), wall, wall)
        assert not misfits
        assert len(frames) == len(expected)
        for frame, wanted in zip(frames, expected, strict=True):
            assert frame.time == (seconds(wanted["at"]) if "at" in wanted else wall)
            times = [None] * len(wanted["rows"]) if frame.times is None else frame.times.tolist()
            rows = [(point, time, typed(value)) for (point, value), time in zip(said(frame), times, strict=True)]
            told = [(p, None if t is None else seconds(t), typed(v)) for p, t, v in wanted["rows"]]
            assert sorted(rows, key=str) == sorted(told, key=str)
            assert watch.overflows == wanted.get("overflows", 0)
