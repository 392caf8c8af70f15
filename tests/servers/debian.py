"""Packages of Debian, by apt-get: several at once, as the lists and the locks are what takes time."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def program(name: str) -> Path | None:
    """A program on the PATH, or where Debian puts daemons, which is on the PATH of root alone."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    return Path(found) if found else None


def install(packages: Sequence[str]) -> None:
    """RuntimeError with apt's own words when it cannot be done."""
    if not packages:
        return
    apt = shutil.which("apt-get")
    if apt is None:
        raise RuntimeError(f"{' '.join(packages)}: there is no apt-get here; install them by this system's own means")
    wish = ["install", "-y", "--no-install-recommends", *packages]
    if _apt(wish).returncode:
        # No lists yet, or lists so old that what they name is gone.
        _apt(["update"])
        done = _apt(wish)
        if done.returncode:
            last = "\n".join(done.stdout.splitlines()[-15:])
            raise RuntimeError(f"apt-get install {' '.join(packages)} failed (exit {done.returncode})\n{last}")


def _apt(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    sudo = ["sudo", "-n"] if os.geteuid() and shutil.which("sudo") else []
    return subprocess.run(
        [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
