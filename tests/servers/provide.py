"""Where a real server comes from: found on this machine or, in CI, installed or built on the spot.

With `CI=true` what is missing is brought, and failing to is an error: nothing is left out there. On anybody else's
machine nothing is installed unasked; `python -m tests.servers NAME...` does it.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers import build_influxdb2, builds, debian, privilege

Find = Callable[[], Path | None]


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("true", "1")


@dataclass(frozen=True)
class Source:
    """How one server or tool is found and brought: by Debian packages, by a build, or by both in that order."""

    find: Find
    packages: tuple[str, ...] = ()
    build: Callable[[], None] | None = None
    ci: bool = True  # whether the tests need it, or only the benchmarks
    note: str = ""

    def how(self, name: str) -> str:
        """The one line that tells a user how to get it."""
        steps = [f"apt-get install {' '.join(self.packages)}"] if self.packages else []
        steps += [f"python -m tests.servers {name}"] if self.build else []
        return "; ".join(steps) + (f" ({self.note})" if self.note else "")


def _packaged(command: str, *packages: str) -> Source:
    return Source(functools.partial(debian.program, command), packages or (command,))


def _influxdb1() -> Path | None:
    """`influxd` is the name of InfluxDB 2.x, too."""
    path = debian.program("influxd")
    if path is None:
        return None
    said = subprocess.run([str(path), "version"], capture_output=True, text=True, check=False, timeout=30).stdout
    return path if said.startswith("InfluxDB v1.") else None


def _noto() -> Path | None:
    return next(iter(sorted(Path("/usr/share/fonts").glob("**/NotoSansCJK*"))), None)


SOURCES: dict[str, Source] = {
    "influxdb2": Source(build_influxdb2.find, (), build_influxdb2.install, note="about four minutes once"),
    "influxdb1": Source(_influxdb1, ("influxdb",)),
    "victoria": _packaged("victoria-metrics"),
    "mosquitto": _packaged("mosquitto"),
    "libmodbus": Source(builds.libmodbus, ("libmodbus-dev", "pkg-config"), builds.build_libmodbus),
    "mbpoll": _packaged("mbpoll"),
    "nodeopcua": Source(builds.node_modules, (), builds.install_node_modules, note="needs Node 18, 20 s once"),
    "sparkplug": Source(builds.node_modules, (), builds.install_node_modules, note="needs Node 18, 20 s once"),
    "telegraf": Source(builds.telegraf, (), builds.build_telegraf, ci=False, note="two minutes once"),
    "thingsboard": Source(builds.thingsboard, (), builds.install_thingsboard, ci=False, note="a minute once"),
    "chromium": _packaged("chromium"),
    "noto-cjk": Source(_noto, ("fonts-noto-cjk",)),
    "libreoffice": _packaged("soffice", "libreoffice-calc"),
    "pdftotext": _packaged("pdftotext", "poppler-utils"),
    "docker-compose": _packaged("docker-compose"),
    "systemd-analyze": _packaged("systemd-analyze", "systemd"),
    "tmux": _packaged("tmux"),
    "strace": Source(privilege.strace, ("strace",)),
    "netns": Source(privilege.netns, ("iproute2",), note="as root"),
    "tmpfs": Source(privilege.tmpfs, ("mount",), note="as root"),
    "faketime": Source(privilege.faketime, ("faketime",)),
}

_found: dict[str, Path] = {}


def find(name: str) -> Path | None:
    """The program (or the folder) of `name`, if this machine has it; nothing is installed."""
    if name not in _found:
        path = SOURCES[name].find()
        if path is None:
            return None
        _found[name] = path
    return _found[name]


def bring(name: str) -> Path:
    """Find `name`, or install or build it; RuntimeError when that does not help."""
    path = find(name)
    if path:
        return path
    source = SOURCES[name]
    debian.install(source.packages)
    if source.build:
        source.build()
    path = find(name)
    if path is None:
        raise RuntimeError(
            f"{name}: does not work on this machine even with {' '.join(source.packages) or 'its build'}"
        )
    return path


def ensure(name: str) -> Path:
    """Find `name`; in CI bring it; LookupError, saying how to get it, where it is missing on a user's machine."""
    path = bring(name) if in_ci() else find(name)
    if path is None:
        raise LookupError(f"{name} is not on this machine; {SOURCES[name].how(name)}")
    return path
