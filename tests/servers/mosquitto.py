"""Mosquitto of Debian: plain or with TLS, open or with a password, its sessions and queues kept across a restart."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.servers import provide
from tests.servers.certificates import Authority
from tests.servers.process import Server, listens


class Mosquitto(Server):
    """`port`, `url`, and with TLS `ca`; `settings` are further lines of its configuration.

    Sessions are saved when it stops and at `save()`: what a kill loses is then the test's choice.
    """

    name = "mosquitto"
    user = "gemba"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        tls: bool = False,
        password: str | None = None,
        client_certificates: bool = False,
        settings: Mapping[str, str | int] | None = None,
    ) -> None:
        super().__init__(folder, port)
        self.password = password
        self.settings = dict(settings or {})
        self.client_certificates = client_certificates
        self.authority = Authority(folder / "tls") if tls or client_certificates else None
        self._pair = self.authority.server() if self.authority else None

    @property
    def url(self) -> str:
        return f"{'mqtts' if self.authority else 'mqtt'}://{self.host}:{self.port}"

    @property
    def ca(self) -> Path:
        if self.authority is None:
            raise RuntimeError("this broker was started without TLS")
        return self.authority.ca

    def command(self) -> list[str]:
        broker = provide.ensure("mosquitto")
        config = self.folder / "mosquitto.conf"
        config.write_text("".join(f"{key} {value}\n" for key, value in self._config()))
        return [str(broker), "-c", str(config), "-v"]

    def _config(self) -> list[tuple[str, str | int]]:
        kept = self.folder / "kept"
        kept.mkdir(exist_ok=True)
        lines: list[tuple[str, str | int]] = [
            ("listener", f"{self.port} {self.host}"),
            ("user", "root"),  # otherwise, started by root, it becomes a user who cannot read this folder
            ("persistence", "true"),
            ("persistence_location", f"{kept.resolve()}/"),
            ("autosave_interval", 0),
            ("allow_anonymous", "false" if self.password else "true"),
        ]
        if self.password:
            passwords = (self.folder / "passwords").resolve()
            passwords.touch(mode=0o600)
            subprocess.run(
                ["mosquitto_passwd", "-b", str(passwords), self.user, self.password], check=True, capture_output=True
            )
            lines.append(("password_file", str(passwords)))
        if self.authority and self._pair:
            lines += [("cafile", str(self.ca.resolve())), ("certfile", str(self._pair.cert.resolve()))]
            lines += [("keyfile", str(self._pair.key.resolve()))]
        if self.client_certificates:
            lines.append(("require_certificate", "true"))
        return lines + list(self.settings.items())

    def ready(self) -> bool:
        return listens(self.host, self.port)

    def save(self) -> None:
        """Write sessions and queued messages to disk, and return when they are there."""
        before = self._saved()
        self._send(signal.SIGUSR1)
        until = time.monotonic() + 10.0
        while self._saved() == before:
            if time.monotonic() > until:
                raise TimeoutError(f"mosquitto did not save within 10 s\n{self.tail()}")
            time.sleep(0.01)

    def _saved(self) -> int | None:
        """Each save is a new file put in the place of the old one."""
        kept = self.folder / "kept" / "mosquitto.db"
        return kept.stat().st_ino if kept.exists() else None
