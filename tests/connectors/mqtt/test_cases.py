"""tests/cases/mqtt: each folder is a plant file with what is published, and the frames that must come of it.

It is published once by Mosquitto and once, byte for byte, by the tests' own broker. `!bad` is the name of a quality;
`time` is that of the frame to the millisecond, or `received`; frames are live unless it says otherwise.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from config.faults import PlantError
from config.load import load
from config.plant import Plant
from connectors.base import Frame
from connectors.mqtt import Mqtt
from tests.connectors.mqtt.broker import publish, silence, take, until
from tests.connectors.mqtt.fake import Broker, served
from tests.connectors.mqtt.points import PATIENT, said
from tests.connectors.mqtt.proto import metric, payload
from tests.servers.mosquitto import Mosquitto

CASES = Path(__file__).parents[2] / "cases" / "mqtt"
FOLDERS = sorted(folder for folder in CASES.iterdir() if folder.is_dir())
WRONG = [folder for folder in FOLDERS if (folder / "error.txt").exists()]
RIGHT = [folder for folder in FOLDERS if folder not in WRONG]


class Loader(yaml.SafeLoader):
    """YAML with `!bad NAME`."""


Loader.add_constructor("!bad", lambda loader, node: f"!{loader.construct_scalar(node)}")


def messages(folder: Path) -> list[tuple[str, bytes, bool]]:
    """Topic, payload, and whether it is retained."""
    found = []
    for written in yaml.safe_load((folder / "messages.yaml").read_text()):
        if "json" in written:
            body = orjson.dumps(written["json"], option=orjson.OPT_NON_STR_KEYS)
        elif "sparkplug" in written:
            words = written["sparkplug"]
            metrics = [metric(**one) for one in words.pop("metrics")]
            body = payload(*metrics, **words)
        else:
            body = bytes.fromhex(written["hex"]) if "hex" in written else written["text"].encode()
        found.append((written["topic"], body, written.get("retained", False)))
    return found


def told(frame: Frame, expected: dict[str, Any], began: int) -> dict[str, Any]:
    """What a frame says, as far as the case looks at it."""
    names = {"Bad", *(word.removeprefix("!") for word in expected.values() if str(word).startswith("!"))}
    found = {key: f"!{value}" if value in names else value for key, value in said(frame).items()}
    if "time" in expected:
        received = began <= frame.time <= time.time_ns()
        text = datetime.fromtimestamp(frame.time // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        found["time"] = "received" if received else f"{text}.{frame.time // 10**6 % 1000:03d}Z"
    if not frame.live:
        found["live"] = False
    return found


def exact(found: Sequence[dict[str, Any]]) -> list[dict[str, tuple[str, Any]]]:
    """With the types of the values: 1 is not 1.0."""
    return [{key: (type(value).__name__, value) for key, value in frame.items()} for frame in found]


async def collected(plant: Plant, url: str, client: str, folder: Path, publishing: Any) -> None:
    wanted = yaml.load((folder / "expected.yaml").read_text(), Loader)
    one = replace(plant.sources["broker"], url=url, client_id=client, timeout=PATIENT)
    made = Mqtt(one, plant.points(), plant)
    began = time.time_ns()
    async with made:
        await publishing()
        frames = await take(made, len(wanted))
        assert await silence(made, 0.05)
        assert exact([told(f, w, began) for f, w in zip(frames, wanted, strict=True)]) == exact(wanted)
        made.durable(len(frames))
        assert made.waiting == 0


def plant_of(folder: Path, data: Path) -> Plant:
    return replace(load(folder / "plant.yaml"), data=data)


@pytest.mark.parametrize("folder", RIGHT, ids=lambda folder: folder.name)
async def test_what_is_published_is_what_the_plant_file_says(folder: Path, tmp_path: Path) -> None:
    async with served(Broker()) as broker:

        async def publishing() -> None:
            for topic, body, retained in messages(folder):
                broker.send(topic, body, retained=retained)

        await collected(plant_of(folder, tmp_path), broker.url, "c", folder, publishing)
        await until(lambda: len(broker.acknowledged) == len(messages(folder)))
        assert broker.acknowledged == list(range(1, len(messages(folder)) + 1))


@pytest.mark.parametrize("folder", RIGHT, ids=lambda folder: folder.name)
async def test_mosquitto_makes_no_difference(folder: Path, tmp_path: Path, mosquitto: Mosquitto) -> None:
    sent = messages(folder)
    await publish(mosquitto, *((topic, body, 1, True) for topic, body, retained in sent if retained))

    async def publishing() -> None:
        await publish(mosquitto, *((topic, body) for topic, body, retained in sent if not retained))

    await collected(plant_of(folder, tmp_path), mosquitto.url, folder.name, folder, publishing)


@pytest.mark.parametrize("folder", WRONG, ids=lambda folder: folder.name)
def test_what_cannot_be_is_a_fault_of_the_plant_file(folder: Path) -> None:
    with pytest.raises(PlantError) as caught:
        load(folder / "plant.yaml")
    assert [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults] == (
        (folder / "error.txt").read_text().splitlines()
    )


def test_the_sample_checks() -> None:
    """Its profile is shared by two machines, each with topics of its own."""
    assert load(CASES.parents[2] / "connectors" / "mqtt" / "sample.yaml").warnings == ()


def test_every_case_is_run() -> None:
    assert len(RIGHT) >= 13
    assert len(WRONG) >= 4
