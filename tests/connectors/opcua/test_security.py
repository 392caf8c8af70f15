"""Certificates: our own pair, whom we trust, and what is said when we do not."""

import datetime as dt
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from config.plant import Secret
from connectors.base import Disconnected
from connectors.opcua import OpcUa, security
from connectors.secret import secret
from gemba.cli import main
from gemba.table import width
from tests.connectors.opcua.plants import INSECURE, plant, point, said, secured, source
from tests.connectors.opcua.served import served
from tests.servers.certificates import application

URL = "opc.tcp://plc.example:4840"
FILE = Path("wuxi-01.yaml")
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def issued(
    subject: str,
    by: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None,
    ca: bool = False,
    host: str = "plc.example",
    days: float = 10,
    begun: float = -1,
) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by[0].subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=begun))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(by[1] if by else key, hashes.SHA256())
    )
    return made, key


def keep(certificate: x509.Certificate, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{security.fingerprint(certificate)}.der"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.DER))


# -- our own -----------------------------------------------------------------------------------------------------------
def test_our_pair_is_made_once_and_its_key_is_ours_alone(tmp_path: Path) -> None:
    """Collectors 18: no new certificate in a loop."""
    first = security.pair(None, None, tmp_path, "wuxi-01")
    assert security.pair(None, None, tmp_path, "wuxi-01") == first
    key = tmp_path / "own" / "gemba.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    found = x509.load_der_x509_certificate(first.certificate)
    assert first.uri == security.uri_of(found)
    assert first.uri.startswith("urn:")
    assert first.uri.endswith(":gemba:wuxi-01")
    assert found.not_valid_after_utc - dt.datetime.now(dt.UTC) > dt.timedelta(days=3600)
    usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.content_commitment and usage.key_encipherment and usage.data_encipherment
    assert [one.state for one in security.kept(tmp_path)] == ["own"]


def test_of_two_that_make_a_pair_at_once_the_first_counts(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: security.pair(None, None, tmp_path, "a"), range(4)))
    assert len({one.certificate for one in made}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["own"], "what was made in vain is gone"


def test_a_pair_of_the_plant_file(tmp_path: Path) -> None:
    """PEM as it is found everywhere; the application's URI is the certificate's."""
    own = application(tmp_path, "urn:plant:gemba")
    found = security.pair(own.cert, own.key, tmp_path / "trust", "a")
    assert found.uri == "urn:plant:gemba"
    assert not (tmp_path / "trust").exists()
    with pytest.raises(Disconnected, match="cannot be read from"):
        security.pair(own.key, own.cert, tmp_path, "a")
    with pytest.raises(Disconnected, match="cannot be read from"):
        security.pair(tmp_path / "none.pem", own.key, tmp_path, "a")


# -- whom we trust -----------------------------------------------------------------------------------------------------
def test_an_unknown_server_is_kept_and_named(tmp_path: Path) -> None:
    """Collectors 18: a server can be trusted, in one command."""
    certificate, _ = issued("plc")
    own = security.fingerprint(certificate)
    for _ in range(2):
        with pytest.raises(Disconnected) as raised:
            security.check(certificate, tmp_path, URL, FILE)
        assert own in str(raised.value)
        assert f"gemba trust wuxi-01.yaml --accept {own[:16]}" in str(raised.value)
    (seen,) = security.kept(tmp_path)
    assert (seen.state, seen.fingerprint, seen.url) == ("rejected", own, URL)
    assert security.accept(tmp_path, own[:7]) == [], "too short to name one"
    assert [one.fingerprint for one in security.accept(tmp_path, own[:8].upper())] == [own]
    security.check(certificate, tmp_path, URL, FILE)
    (kept,) = security.kept(tmp_path)
    assert (kept.state, kept.url) == ("accepted", URL)


@pytest.mark.parametrize(("begun", "days"), [(-10, -1), (1, 10)])
def test_a_certificate_out_of_its_time_is_refused_even_when_accepted(tmp_path: Path, begun: float, days: float) -> None:
    """Reliability, fault 21: it fails closed, and says why."""
    certificate, _ = issued("plc", begun=begun, days=days)
    keep(certificate, tmp_path / "accepted")
    with pytest.raises(Disconnected, match=r"not in its time \(valid \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d\); renew it"):
        security.check(certificate, tmp_path, URL, FILE)


def test_an_authority_speaks_for_the_hosts_that_it_names(tmp_path: Path) -> None:
    authority = issued("plant CA", ca=True)
    keep(authority[0], tmp_path / "accepted")
    security.check(issued("plc", authority)[0], tmp_path, URL, FILE)
    strangers = {
        "another host": issued("plc", authority, host="other.example")[0],
        "another authority of the same name": issued("plc", issued("plant CA", ca=True))[0],
        "self-signed": issued("plc")[0],
    }
    for who, certificate in strangers.items():
        with pytest.raises(Disconnected, match="not trusted"):
            security.check(certificate, tmp_path, URL, FILE)
            pytest.fail(who)


def test_who_is_no_authority_issues_nothing(tmp_path: Path) -> None:
    device = issued("plc")
    keep(device[0], tmp_path / "accepted")
    with pytest.raises(Disconnected, match="not trusted"):
        security.check(issued("plc", device)[0], tmp_path, URL, FILE)


def test_an_authority_past_its_time_issues_nothing(tmp_path: Path) -> None:
    authority = issued("plant CA", ca=True, begun=-9, days=-1)
    keep(authority[0], tmp_path / "accepted")
    with pytest.raises(Disconnected, match="not trusted"):
        security.check(issued("plc", authority)[0], tmp_path, URL, FILE)


def test_servers_that_show_a_new_certificate_each_time_fill_no_disk(tmp_path: Path) -> None:
    folder = tmp_path / "rejected"
    folder.mkdir()
    for n in range(120):
        (folder / f"{n}.pem").write_text("seen")
        os.utime(folder / f"{n}.pem", (n, n))
    with pytest.raises(Disconnected):
        security.check(issued("plc")[0], tmp_path, URL, FILE)
    left = list(folder.iterdir())
    assert len(left) == 100
    assert not (folder / "0.pem").exists()
    assert (folder / "119.pem").exists()


def test_a_file_that_is_no_certificate_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "accepted").mkdir()
    (tmp_path / "accepted" / "notes.txt").write_text("url: nothing")
    assert security.kept(tmp_path) == []


def test_the_first_of_a_chain_is_the_servers_own() -> None:
    authority = issued("plant CA", ca=True)
    own = issued("plc", authority)[0]
    chain = b"".join(one.public_bytes(serialization.Encoding.DER) for one in (own, authority[0]))
    assert security.leaf(chain) == own
    with pytest.raises(ValueError, match=r".+"):
        security.leaf(b"")


@pytest.mark.parametrize(
    ("days", "expected"),
    [(31, None), (30, None), (29.9, 30), (7, 30), (6.9, 7), (1, 7), (0.9, 1), (0.001, 1), (-0.001, 0)],
)
def test_an_end_is_reported_at_30_7_and_1_days(days: float, expected: int | None) -> None:
    certificate, _ = issued("plc", days=40)
    now = certificate.not_valid_after_utc - dt.timedelta(days=days)
    assert security.warning(certificate, now) == expected


# -- connections -------------------------------------------------------------------------------------------------------
async def test_no_policy_only_where_the_plant_file_says_so(tmp_path: Path) -> None:
    of = source("opc.tcp://127.0.0.1:1", security=replace(INSECURE, insecure=False))
    points = [point("a", of)]
    with pytest.raises(Disconnected, match="no security policy, which only `insecure: true` allows"):
        await OpcUa(of, points, plant(tmp_path, of, points)).__aenter__()


async def test_a_servers_certificate_that_ends_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And `insecure: true` with a policy encrypts to whoever answers."""
    pair = application(tmp_path / "server", "urn:gemba:tests:asyncua", days=6.5)
    async with served(pair) as server:
        await server.reset({})
        of = source(server.url, security=secured("Basic256Sha256", tmp_path, insecure=True))
        points = [point("i=2261", of)]
        for _ in range(2):
            async with OpcUa(of, points, plant(tmp_path, of, points)) as own:
                assert said(await anext(own.frames())) == {"2261": "FreeOpcUa Python Server"}
        await _changed(tmp_path, server.url)
    assert [text for text in caplog.messages if "certificate ends" in text] == [
        f"{server.url}: the server's certificate ends {security.load(pair.cert).not_valid_after_utc}"
    ]


async def _changed(folder: Path, url: str) -> None:
    """Somebody else's certificate is accepted: this one is not."""
    keep(issued("other")[0], folder / "trust" / "accepted")
    of = source(url, security=secured("Basic256Sha256", folder))
    points = [point("i=2261", of)]
    with pytest.raises(Disconnected, match="is not trusted"):
        await OpcUa(of, points, plant(folder, of, points)).__aenter__()


@pytest.mark.parametrize("where", [{"env": "GEMBA_NO_SUCH"}, {"file": Path("no-such-file")}])
def test_a_secret_that_is_not_there_is_named_not_shown(where: dict[str, Any]) -> None:
    with pytest.raises(Disconnected, match=r"the secret in (GEMBA_NO_SUCH|no-such-file) cannot be read"):
        secret(Secret(**where))


# -- the command -------------------------------------------------------------------------------------------------------
PLANT = """plant: trusting
timezone: Asia/Shanghai
data: ./data
sources:
  cell: {protocol: opcua, url: "opc.tcp://plc.example:4840", security: {policy: Basic256Sha256}}
assets:
  a: {source: cell, points: {total: {at: "i=2258"}}}
"""


def test_gemba_trust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(PLANT)
    assert main(["trust", str(file), "--lang", "en"]) == 0
    assert capsys.readouterr().out == "no certificate was seen yet\n"
    trust = tmp_path / "data" / "trust"
    certificates = [issued(name, days=days)[0] for name, days in (("one", 20.5), ("two", 400.5))]
    for certificate in certificates:
        with pytest.raises(Disconnected):
            security.check(certificate, trust, URL, FILE)
    own = security.fingerprint(certificates[0])
    assert main(["trust", str(file), "--accept", own[:12], "--json"]) == 0
    said_ = json.loads(capsys.readouterr().out)
    assert (said_["plant"], said_["accepted"]) == ("trusting", own)
    rows = {row["subject"]: row for row in said_["certificates"]}
    assert (rows["CN=one"]["state"], rows["CN=one"]["days"], rows["CN=one"]["warning"]) == ("accepted", 20, 30)
    assert (rows["CN=two"]["state"], rows["CN=two"]["days"], rows["CN=two"]["warning"]) == ("rejected", 400, None)
    assert rows["CN=two"]["url"] == URL
    assert main(["trust", str(file), "--accept", own[:12]]) == 0, "accepted twice is accepted"
    capsys.readouterr()
    for lang, says in (("en", "ends on"), ("zh", "到期，剩余 20 天")):
        assert main(["trust", str(file), "--lang", lang]) == 0
        shown = capsys.readouterr().out
        assert says in shown
        assert URL in shown
        assert max(width(line) for line in shown.splitlines()) <= 80
    assert "已信任 !" in shown
    assert "未信任" in shown
    assert own in shown
    assert main(["trust", str(file), "--csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("state,subject,uri,url,from,until,days,warning,")
    assert main(["trust", str(file), "--accept", "00000000"]) == 2
    said_again = capsys.readouterr()
    assert "no such certificate was seen" in said_again.err
    assert said_again.out == ""
