"""Whom we trust: TLS 1.2 or later, an authority, the broker's name; anything less only where the plant file says so.

A refusal is told in the words of whoever has to mend it.
"""

import ssl
from urllib.parse import urlsplit

from paho.mqtt.reasoncodes import ReasonCode

from config.plant import Security
from connectors import quality
from connectors.base import Disconnected

_MISMATCH = (62, 64)  # a name, an address that the certificate is not for
_EXPIRED = 10
_LOGIN = ("Bad user name or password", "Not authorized", "Bad authentication method", "Banned")
_HINTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client certificate; give `cert` and `key`",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it may ask for a client certificate; give `cert` and `key`",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority of our client certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not accept our client certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "our client certificate has expired",
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "it speaks nothing newer than TLS 1.1",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks nothing newer than TLS 1.1",
}


def context(url: str, asked: Security) -> ssl.SSLContext:
    """Raises `Disconnected` where a file that the plant file names cannot be used."""
    try:
        made = ssl.create_default_context(cafile=asked.ca)
    except (OSError, ssl.SSLError) as fault:
        raise Disconnected(f"{url}: the authority in {asked.ca} cannot be read: {_reason(fault)}") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if asked.insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if asked.cert:
        try:
            made.load_cert_chain(asked.cert, asked.key, password="")
        except (OSError, ssl.SSLError) as fault:
            text = f"{url}: the certificate in {asked.cert} and its key cannot be read: {_reason(fault)}"
            raise Disconnected(text, quality.BAD_SECURITY) from None
    return made


def _reason(fault: OSError) -> str:
    return fault.strerror or getattr(fault, "reason", None) or type(fault).__name__


def untrusted(url: str, fault: ssl.SSLError) -> Disconnected:
    """Why TLS did not come about, or broke."""
    host = urlsplit(url).hostname
    if isinstance(fault, ssl.SSLCertVerificationError):
        if fault.verify_code in _MISMATCH:
            text = f"the broker's certificate is not for {host}; write its name in `url`"
        elif fault.verify_code == _EXPIRED:
            text = "the broker's certificate has expired"
        else:
            text = f"the broker's certificate is not trusted ({fault.verify_message}); give its authority as `ca`"
        return Disconnected(f"{url}: {text}", quality.BAD_CERTIFICATE_UNTRUSTED)
    reason = fault.reason or "no reason is given"
    hint = _HINTS.get(reason)
    text = f"the broker breaks TLS off{f': {hint}' if hint else ''} ({reason})"
    return Disconnected(f"{url}: {text}", quality.BAD_SECURITY)


def broken_off(url: str, asked: Security) -> Disconnected:
    """A connection that ends when TLS stands and nothing was said yet: with TLS 1.3 a broker looks at our certificate
    only then, and its reason may be lost with the connection."""
    hint = "it may not accept our client certificate" if asked.cert else _HINTS["SSLV3_ALERT_HANDSHAKE_FAILURE"]
    return Disconnected(f"{url}: the broker breaks off as soon as TLS stands: {hint}", quality.BAD_SECURITY)


def refused(url: str, code: ReasonCode) -> Disconnected:
    """Why the broker does not accept us."""
    if code.getName() in _LOGIN:
        text = f"the broker does not let us in ({code}); look at `user` and `password`"
        return Disconnected(f"{url}: {text}", quality.BAD_USER_ACCESS_DENIED)
    return Disconnected(f"{url}: the broker refuses the connection ({code})", quality.BAD_NO_COMMUNICATION)
