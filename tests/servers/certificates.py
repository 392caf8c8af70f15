"""Certificates for loopback, good for a day: signed by an authority of the tests for TLS, self-signed for OPC UA."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM files."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates for servers on loopback and for their clients; `ca` is what a client trusts."""

    def __init__(self, folder: Path, name: str = "Gemba test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        begun = self._begun(self._name, self._key.public_key(), basic).add_extension(usage, critical=True)
        self._cert = begun.sign(self._key, hashes.SHA256())
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self._cert.public_bytes(serialization.Encoding.PEM))

    def server(self, name: str = "localhost", days: float = 1.0) -> Pair:
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return self._sign(name, x509.SubjectAlternativeName(names), ExtendedKeyUsageOID.SERVER_AUTH, days)

    def client(self, name: str, days: float = 1.0) -> Pair:
        return self._sign(
            name, x509.SubjectAlternativeName([x509.DNSName(name)]), ExtendedKeyUsageOID.CLIENT_AUTH, days
        )

    def _sign(
        self, name: str, alternative: x509.SubjectAlternativeName, purpose: x509.ObjectIdentifier, days: float
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        cert = (
            self._begun(_named(name), key.public_key(), x509.BasicConstraints(ca=False, path_length=None), days)
            .add_extension(alternative, critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _kept(self.folder, name, cert, key)

    def _begun(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, basic: x509.BasicConstraints, days: float = 1.0
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        own = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(basic, critical=True)
            # Python 3.13 verifies strictly and refuses a chain without the two key identifiers.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        )


def application(folder: Path, uri: str, days: float = 1.0) -> Pair:
    """A self-signed pair as an OPC UA application has it: RSA, its URI among the alternative names."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = _named(uri), dt.datetime.now(dt.UTC)
    alternative = [x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")]
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .add_extension(x509.KeyUsage(True, True, True, True, False, True, False, False, False), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    return _kept(folder, "application", cert, key)


def _kept(folder: Path, name: str, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Pair:
    pair = Pair(folder / f"{name}.pem", folder / f"{name}-key.pem")
    plain = serialization.NoEncryption()
    pair.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    pair.key.touch(mode=0o600)
    pair.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return pair


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
