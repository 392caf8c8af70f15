"""A broker that asks who we are, and of which we ask the same: certificates, passwords, and no secret in any word."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from config.plant import Secret, Security
from connectors.base import Disconnected
from tests.connectors.mqtt.broken import MS, collector, gone
from tests.connectors.mqtt.broker import numbers, publish, take
from tests.servers.certificates import Authority
from tests.servers.mosquitto import Mosquitto

PASSWORD = "canary-7f3b"


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
