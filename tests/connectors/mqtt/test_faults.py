"""A broker that is gone, hung, late or foreign: Disconnected, soon, with its reason."""

import asyncio
import os
import select
import time
from pathlib import Path
from typing import Any

import pytest

from config.plant import SECOND
from connectors import quality
from connectors.base import Disconnected
from connectors.mqtt.session import Client
from tests.connectors.mqtt.broken import MS, collector, gone
from tests.connectors.mqtt.broker import numbers, publish, take, until
from tests.connectors.mqtt.fake import Broker, served
from tests.connectors.mqtt.test_wire import packet
from tests.servers.mosquitto import Mosquitto
from tests.servers.process import free_port


# -- gone, hung, late --------------------------------------------------------------------------------------------------
async def test_nobody_listens(tmp_path: Path) -> None:
    made = collector(f"mqtt://127.0.0.1:{free_port()}", tmp_path)
    assert (await gone(made))[1] == "BadNotConnected"


async def test_a_name_that_nobody_has(tmp_path: Path) -> None:
    assert (await gone(collector("mqtt://nowhere.invalid:1883", tmp_path)))[1] == "BadNotConnected"


@pytest.mark.server("mosquitto")
async def test_a_broker_that_ends_is_known_at_once(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        made = collector(broker.url, tmp_path)
        async with made:
            await publish(broker, ("t", b'{"p":1}'), ("t", b'{"p":2}'))
            await until(lambda: made.waiting == 2)
            broker.stop()
            assert numbers(await take(made, 2)) == [1, 2]  # what has come is handed over first
            with pytest.raises(Disconnected, match="the connection is lost"):  # and no sign of life was waited for
                await take(made, 1)
            made.durable(2)  # late, and harmless
        broker.start()
        async with made:
            await publish(broker, ("t", b'{"p":3}'))
            assert 3 in numbers(await take(made, 1))


@pytest.mark.server("mosquitto")
async def test_another_client_of_the_same_name(tmp_path: Path) -> None:
    """Two agents on one plant file put each other out; whoever is put out says so."""
    with Mosquitto(tmp_path / "broker") as broker:
        first, second = collector(broker.url, tmp_path / "1"), collector(broker.url, tmp_path / "2")
        async with first, second:
            with pytest.raises(Disconnected, match=r"or another client is called gemba-[-a-z0-9]+ too"):
                await take(first, 1)


@pytest.mark.server("mosquitto")
async def test_a_hung_broker_is_given_up(tmp_path: Path) -> None:
    """collectors.md 2; reliability.md, faults 3 and 4: connected is not alive. Within three of the longest silences."""
    with Mosquitto(tmp_path / "broker") as broker:
        made = collector(broker.url, tmp_path, every=SECOND, timeout=None)
        async with made:
            broker.suspend()
            try:
                with pytest.raises(Disconnected, match="no sign of life within 1 s") as caught:
                    await take(made, 1, 20)
                assert caught.value.reason == quality.BAD_TIMEOUT
                late = collector(broker.url, tmp_path, timeout=300 * MS)
                assert await gone(late) == ("no answer within 0.3 s", "BadTimeout")
            finally:
                broker.resume()
        async with made:
            await publish(broker, ("t", b'{"p":1}'))
            assert numbers(await take(made, 1)) == [1]


@pytest.mark.parametrize("silent", [Broker(accepts=None), Broker(late=120.0)])
async def test_a_broker_that_does_not_answer(tmp_path: Path, silent: Broker) -> None:
    async with served(silent) as broker:
        said = await gone(collector(broker.url, tmp_path, timeout=200 * MS))
        assert said == ("no answer within 0.2 s", "BadTimeout")


async def test_a_slow_broker_is_waited_for(tmp_path: Path) -> None:
    """reliability.md, fault 2: just within its deadline."""
    async with served(Broker(late=0.15)) as broker:
        made = collector(broker.url, tmp_path, timeout=10 * SECOND)
        async with made:
            broker.send("t", b'{"p":1}')
            assert numbers(await take(made, 1)) == [1]


async def test_a_broker_that_answered_while_we_stood_still_is_there(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine of the agent may stand still for longer than a deadline; the broker did answer within it."""
    send, stood = Client.connect, [False]

    def stand_still(wire: Any) -> None:
        select.select([wire.get_extra_info("socket").fileno()], [], [], 60)
        time.sleep(0.06)
        stood[0] = True

    def connect(client: Client, *words: Any, **more: Any) -> Any:
        sent = send(client, *words, **more)
        asyncio.get_running_loop().call_soon(stand_still, client.wire._transport)
        return sent

    made = collector(mosquitto.url, tmp_path, client_id="stood-still", timeout=50 * MS)
    with monkeypatch.context() as patched:
        patched.setattr(Client, "connect", connect)
        async with asyncio.timeout(60):
            while True:
                stood[0] = False
                try:
                    async with made:
                        return
                except Disconnected as fault:  # before that, and for what comes then, there are 50 ms that have to do
                    assert not stood[0] or "no answer to subscribe" in str(fault)


async def test_it_never_tries_again_by_itself(tmp_path: Path) -> None:
    """collectors.md 1: one owner of reconnection."""
    async with served(Broker()) as broker:
        made = collector(broker.url, tmp_path)
        async with made:
            broker.drop()
            with pytest.raises(Disconnected):
                await take(made, 1)
            await asyncio.sleep(0.1)
            assert broker.connections == 1
            assert broker.asked == [1, 8]
        assert broker.connections == 1
        async with made:
            assert broker.connections == 2
        await until(lambda: len(broker.asked) == 5)
        assert broker.asked == [1, 8, 1, 8, 14]


# -- foreign -----------------------------------------------------------------------------------------------------------
GARBAGE = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x20\x03\x00\x00\x00",
    b"\x20\xff\xff\xff\xff\xff\xff",
    b"\x00" * 50,
    os.urandom(500),
    packet(0x90, b"\x00\x01\x00"),
    packet(0x36, b"\x00\x01tx"),
]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_what_is_no_broker_is_told(tmp_path: Path, garbage: bytes) -> None:
    """reliability.md, fault 5: garbage is rejected, and the connection reset."""
    async with served(Broker(says=garbage)) as broker:
        _, reason = await gone(collector(broker.url, tmp_path, timeout=300 * MS))
        assert reason in ("BadCommunicationError", "BadTimeout", "BadNoCommunication")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x31",  # half a header, and nothing more
        packet(0x30, b"\x00\x09t"),  # a topic that is longer than its packet
        packet(0x32, b"\x00\x01t\x00"),  # half a packet identifier
        packet(0x30, b"\x00\x00x"),  # no topic
        packet(0x30, b"\x00\x02\xff\xfex"),  # a topic that is no text
        packet(0xF0, b""),
        packet(0x40, b"\x00\x01"),  # an acknowledgement of what we never sent
        packet(0x62, b"\x00\x01"),
        b"\x30\xff\xff\xff\xff\xff",
    ],
)
async def test_nonsense_in_mid_stream_is_survived_or_ends_the_connection(tmp_path: Path, garbage: bytes) -> None:
    """No value comes of it, and no exception but ours."""
    async with served(Broker()) as broker:
        made = collector(broker.url, tmp_path, every=SECOND)
        async with made:
            broker.send("t", b'{"p":1}')
            assert numbers(await take(made, 1)) == [1]
            broker.raw(garbage)
            broker.send("t", b'{"p":2}')
            try:
                assert numbers(await take(made, 1, 0.2)) == [2]
            except (Disconnected, TimeoutError):
                pass


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [
        (1, "does not speak MQTT 3.1.1", "BadCommunicationError"),
        (2, "Client identifier not valid", "BadNoCommunication"),
        (3, "Server unavailable", "BadNoCommunication"),
        (4, "Bad user name or password", "BadUserAccessDenied"),
        (5, "Not authorized", "BadUserAccessDenied"),
    ],
)
async def test_a_refusal_is_told_in_its_own_words(tmp_path: Path, code: int, words: str, reason: str) -> None:
    """The codes of MQTT 3.1.1, table 3.1."""
    async with served(Broker(accepts=code)) as broker:
        text, told = await gone(collector(broker.url, tmp_path))
        assert words in text
        assert told == reason
        assert broker.connections == 1
