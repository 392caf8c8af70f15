"""A broker that is gone, hung, late, foreign or suspicious: Disconnected, soon, with its reason and no secret."""

import asyncio
import contextlib
import os
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from config.plant import SECOND, Secret, Security
from connectors import quality
from connectors.base import Disconnected
from connectors.mqtt import Mqtt
from tests.connectors.mqtt.broker import numbers, publish, take, until
from tests.connectors.mqtt.fake import Broker, served
from tests.connectors.mqtt.points import plant, point, source
from tests.connectors.mqtt.test_wire import packet
from tests.servers.certificates import Authority
from tests.servers.mosquitto import Mosquitto
from tests.servers.process import free_port

MS = 1_000_000
PASSWORD = "canary-7f3b"


def collector(url: str, folder: Path, **more: Any) -> Mqtt:
    return Mqtt(source(url, **more), [point("power", "t", "p", unit="kW")], plant(folder))


async def gone(made: Mqtt, within: float = 60.0) -> tuple[str, str]:
    """What entering, or waiting for frames, says; and the name of its reason."""
    with pytest.raises(Disconnected) as caught:
        async with asyncio.timeout(within), made:
            await take(made, 1, within)
    return str(caught.value).removeprefix(f"{made.source.url}: "), quality.name(caught.value.reason)


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


# -- suspicious --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """TLS, a password, and nobody without a certificate of its own."""
    from tests.servers.fixtures import require

    require("mosquitto")
    folder = tmp_path_factory.mktemp("secure")
    with Mosquitto(folder, tls=True, password=PASSWORD) as broker:
        yield broker


def trusting(broker: Mosquitto, **more: Any) -> Security:
    return Security(**{"ca": broker.ca, "user": broker.user, "password": Secret(env="CANARY"), **more})


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", PASSWORD)


def named(broker: Mosquitto) -> str:
    return broker.url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_tls_with_a_password(secure: Mosquitto, tmp_path: Path, version: str) -> None:
    kept = tmp_path / "password"
    kept.write_text(PASSWORD + "\n")
    for security in (trusting(secure), trusting(secure, password=Secret(file=kept))):
        made = collector(named(secure), tmp_path, security=security, version=version)
        async with made:
            await publish(secure, ("t", b'{"p":1}'))
            assert numbers(await take(made, 1)) == [1]
            made.durable(1)


async def test_whom_nobody_vouches_for_is_not_trusted(secure: Mosquitto, tmp_path: Path) -> None:
    for ca in (None, Authority(tmp_path / "other").ca):
        text, reason = await gone(collector(named(secure), tmp_path, security=trusting(secure, ca=ca)))
        assert text.startswith("the broker's certificate is not trusted")
        assert text.endswith("give its authority as `ca`")
        assert reason == "BadCertificateUntrusted"


@pytest.mark.server("mosquitto")
async def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker", tls=True)
    assert broker.authority is not None
    broker._pair = broker.authority.server("elsewhere")
    with broker:
        text, reason = await gone(collector(named(broker), tmp_path, security=Security(ca=broker.ca)))
        assert text == "the broker's certificate is not for localhost; write its name in `url`"
        assert reason == "BadCertificateUntrusted"
        async with collector(named(broker), tmp_path, security=Security(ca=broker.ca, insecure=True)):
            pass
        async with collector(named(broker), tmp_path, security=Security(insecure=True)):
            pass


@pytest.mark.server("mosquitto")
async def test_a_certificate_that_has_expired_is_told(tmp_path: Path) -> None:
    """collectors.md 18; reliability.md, fault 21: fail closed, with a clear reason."""
    broker = Mosquitto(tmp_path / "broker", tls=True)
    assert broker.authority is not None
    broker._pair = broker.authority.server(days=-0.01)
    with broker:
        text, reason = await gone(collector(broker.url, tmp_path, security=Security(ca=broker.ca)))
        assert (text, reason) == ("the broker's certificate has expired", "BadCertificateUntrusted")


@pytest.mark.server("mosquitto")
async def test_a_client_certificate_is_asked_for(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker", client_certificates=True) as broker:
        assert broker.authority is not None
        text, reason = await gone(collector(broker.url, tmp_path, security=Security(ca=broker.ca)))
        assert "give `cert` and `key`" in text
        assert reason == "BadSecurityChecksFailed"
        own = broker.authority.client("gemba")
        async with collector(broker.url, tmp_path, security=Security(ca=broker.ca, cert=own.cert, key=own.key)):
            pass
        foreign = Authority(tmp_path / "other").client("gemba")
        security = Security(ca=broker.ca, cert=foreign.cert, key=foreign.key)
        assert (await gone(collector(broker.url, tmp_path, security=security)))[1] == "BadSecurityChecksFailed"


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_wrong_password_is_told_and_not_shown(
    secure: Mosquitto, tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "wrong-" + PASSWORD)
    text, reason = await gone(collector(secure.url, tmp_path, security=trusting(secure), version=version))
    assert text.startswith("the broker does not let us in")
    assert reason == "BadUserAccessDenied"
    assert PASSWORD not in text


async def test_a_secret_that_is_not_there_is_told(
    secure: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CANARY")
    with pytest.raises(Disconnected, match="the secret in CANARY cannot be read"):
        await collector(secure.url, tmp_path, security=trusting(secure)).__aenter__()


async def test_files_that_cannot_be_used_are_told(secure: Mosquitto, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate\n")
    for security in (Security(ca=tmp_path / "none.pem"), Security(ca=nothing), Security(cert=nothing, key=nothing)):
        text, _ = await gone(collector(secure.url, tmp_path, security=security))
        assert "cannot be read" in text


async def test_plain_text_to_a_port_with_tls_and_the_other_way(
    secure: Mosquitto, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    plain = secure.url.replace("mqtts", "mqtt")
    assert (await gone(collector(plain, tmp_path, timeout=500 * MS)))[1] in ("BadCommunicationError", "BadTimeout")
    tls = mosquitto.url.replace("mqtt:", "mqtts:")
    security = Security(ca=secure.ca)
    assert (await gone(collector(tls, tmp_path, security=security, timeout=500 * MS)))[1] in (
        "BadSecurityChecksFailed",
        "BadNotConnected",
        "BadTimeout",
    )


async def test_tls_older_than_1_2_is_not_spoken(tmp_path: Path) -> None:
    """reliability.md, section 2.3."""
    authority = Authority(tmp_path / "tls")
    pair = authority.server()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(pair.cert, pair.key)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            with listening.accept()[0] as connection, contextlib.suppress(ssl.SSLError):
                old.wrap_socket(connection, server_side=True)

        refusing = asyncio.create_task(asyncio.to_thread(refuse))
        url = f"mqtts://127.0.0.1:{listening.getsockname()[1]}"
        text, reason = await gone(collector(url, tmp_path, security=Security(ca=authority.ca)))
        await refusing
    assert "TLS 1.1" in text
    assert reason == "BadSecurityChecksFailed"


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
