"""Certificates: our own pair, made once and kept; the servers', trusted only when somebody said so.

A trust folder holds `own/`, `accepted/` and `rejected/`. A server is trusted when its certificate lies in `accepted/`,
or was issued by an authority whose certificate does. One that is not trusted is kept in `rejected/`, so that it can be
looked at and accepted.
"""

import contextlib
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from asyncua.crypto import cert_gen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.base import Disconnected

DAYS = 10 * 365
WARNINGS = (30, 7, 1)
"""Days before its end at which an expiring certificate is reported."""
SHORTEST = 8
"""Letters of a fingerprint that name a certificate."""
_MOST_REJECTED = 100
_FOLDERS = ("accepted", "rejected")


@dataclass(frozen=True, slots=True)
class Pair:
    """An application's certificate and key, both DER, and the URI that the certificate names."""

    certificate: bytes
    key: bytes
    uri: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of a trust folder; `state` is own, accepted or rejected."""

    file: Path
    state: str
    der: bytes
    url: str = ""

    @property
    def x509(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.der)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.x509)


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def warning(certificate: x509.Certificate, now: datetime) -> int | None:
    """30, 7 or 1 where so many days are left at most, 0 where none is, None where there is time."""
    left = certificate.not_valid_after_utc - now
    if left.total_seconds() < 0:
        return 0
    return next((days for days in reversed(WARNINGS) if left.days < days), None)


# -- files -------------------------------------------------------------------------------------------------------------
def load(file: Path) -> x509.Certificate:
    """PEM (which may stand below lines of text) or DER."""
    data = file.read_bytes()
    return x509.load_pem_x509_certificate(data) if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)


def leaf(chain: bytes) -> x509.Certificate:
    """The first of several DER certificates one behind the other: a server's own. Raises ValueError."""
    return x509.load_der_x509_certificate(chain[: 4 + int.from_bytes(chain[2:4], "big")])


def uri_of(certificate: x509.Certificate) -> str:
    """The application URI that it names; empty where it names none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), "")


def pair(certificate: Path | None, key: Path | None, trust: Path, name: str) -> Pair:
    """The pair that the plant file names, else the one in the trust folder, made there on first use."""
    try:
        if certificate is None or key is None:
            certificate, key = trust / "own" / "gemba.der", trust / "own" / "gemba.key"
            if not certificate.exists():
                _make(trust, name)
        found = load(certificate)
        secret = key.read_bytes()
        reader = serialization.load_pem_private_key if b"-----BEGIN" in secret else serialization.load_der_private_key
        private = reader(secret, None)
        der = private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    except (OSError, ValueError, TypeError) as fault:
        raise Disconnected(f"our certificate or its key cannot be read from {certificate} ({fault})") from None
    return Pair(found.public_bytes(serialization.Encoding.DER), der, uri_of(found))


def _make(trust: Path, name: str) -> None:
    """In a folder of its own that is then given its name, so that of two that make one only the first counts."""
    trust.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".own-", dir=trust))
    host = socket.gethostname() if socket.gethostname().isascii() else "localhost"
    secret = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    names = [x509.UniformResourceIdentifier(f"urn:{host}:gemba:{name}"), x509.DNSName(host)]
    made = cert_gen.generate_self_signed_app_certificate(
        secret, f"Gemba {name}"[:64], {}, names, [ExtendedKeyUsageOID.CLIENT_AUTH], DAYS
    )
    (part / "gemba.der").write_bytes(made.public_bytes(serialization.Encoding.DER))
    (part / "gemba.key").touch(mode=0o600)
    (part / "gemba.key").write_bytes(cert_gen.dump_private_key_as_pem(secret))
    try:
        part.rename(trust / "own")
    except OSError:
        shutil.rmtree(part)


# -- trust -------------------------------------------------------------------------------------------------------------
def kept(trust: Path) -> list[Certificate]:
    """All certificates of a trust folder: our own, then those accepted, then those rejected."""
    found = [certificate(file, "own") for file in (trust / "own").glob("*.der")]
    for state in _FOLDERS:
        found += [certificate(file, state) for file in sorted((trust / state).glob("*"))]
    return [one for one in found if one]


def certificate(file: Path, state: str) -> Certificate | None:
    """The one in this file; None where there is none."""
    try:
        found = load(file)
    except (OSError, ValueError):
        return None
    words = dict(line.split(": ", 1) for line in _words(file))
    return Certificate(file, state, found.public_bytes(serialization.Encoding.DER), words.get("url", ""))


def _words(file: Path) -> Iterator[str]:
    """The lines of text above a PEM certificate."""
    above, mark, _ = file.read_bytes().partition(b"-----BEGIN")
    for line in above.decode("utf-8", "replace").splitlines() if mark else ():
        if ": " in line:
            yield line


def matches(one: Certificate, beginning: str) -> bool:
    """Whether its fingerprint begins so, however that is written; eight letters are the least that names one."""
    wanted = beginning.replace(":", "").replace(" ", "").lower()
    return len(wanted) >= SHORTEST and one.fingerprint.startswith(wanted)


def accept(trust: Path, beginning: str) -> list[Certificate]:
    """Those rejected whose fingerprint begins so; one alone is accepted by it."""
    found = [one for one in kept(trust) if one.state == "rejected" and matches(one, beginning)]
    if len(found) == 1:
        (trust / "accepted").mkdir(exist_ok=True)
        found[0].file.rename(trust / "accepted" / found[0].file.name)
    return found


def check(certificate: x509.Certificate, trust: Path, url: str, plant: Path) -> None:
    """Raises `Disconnected` unless the server's certificate is trusted and in its time; it says what would trust it."""
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        span = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
        raise Disconnected(f"the certificate of {url} is not in its time (valid {span}); renew it on the server")
    accepted = [one.x509 for one in kept(trust) if one.state == "accepted"]
    own = fingerprint(certificate)
    if any(fingerprint(one) == own for one in accepted):
        return
    if _names(certificate, urlsplit(url).hostname or "") and any(_issued(certificate, one, now) for one in accepted):
        return
    with contextlib.suppress(OSError):  # where it cannot be kept, it can still be named
        _reject(certificate, trust, url)
    raise Disconnected(
        f"the certificate of {url} is not trusted (fingerprint {own}); "
        f"compare it with the server's, then: gemba trust {plant} --accept {own[:16]}"
    )


def _names(certificate: x509.Certificate, host: str) -> bool:
    """Whether it was issued for this host: an authority's word is only about whom it names."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    return host.lower() in (name.lower() for name in [*names.get_values_for_type(x509.DNSName), *addresses])


def _issued(certificate: x509.Certificate, by: x509.Certificate, now: datetime) -> bool:
    """By an authority in its time; one that calls itself none issues nothing."""
    try:
        basic = by.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(by)
    except Exception:  # not issued by it: a wrong name, a wrong signature, a key that signs nothing
        return False
    return basic.ca and fingerprint(by) != fingerprint(certificate) and by.not_valid_after_utc >= now


def _reject(certificate: x509.Certificate, trust: Path, url: str) -> None:
    folder = trust / "rejected"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{fingerprint(certificate)}.pem"
    if file.exists():
        return
    seen = sorted(folder.glob("*.pem"), key=lambda one: one.stat().st_mtime)
    for old in seen[: max(0, len(seen) - _MOST_REJECTED + 1)]:
        old.unlink(missing_ok=True)
    text = f"url: {url}\nseen: {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n"
    file.write_bytes(text.encode() + certificate.public_bytes(serialization.Encoding.PEM))
