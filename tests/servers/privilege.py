"""What the fault tests need of the machine itself, each proved by doing the smallest piece of it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from tests.servers.debian import program


def strace() -> Path | None:
    """A program may be traced, and a call of it made to fail."""
    return _does("strace", "-f", "-o", "/dev/null", "-e", "inject=getpid:error=EIO", "true")


def netns() -> Path | None:
    """A network namespace may be made."""
    name = f"gemba-probe-{os.getpid()}"
    if not _does("ip", "netns", "add", name):
        return None
    return _does("ip", "netns", "delete", name)


def tmpfs() -> Path | None:
    """A small file system may be mounted: a disk to fill."""
    with tempfile.TemporaryDirectory() as folder:
        if not _does("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder):
            return None
        return _does("umount", folder)


def faketime() -> Path | None:
    """A program may be told another time."""
    return _does("faketime", "2020-02-02 12:00:00", "sh", "-c", 'test "$(date +%Y)" = 2020')


def _does(name: str, *words: str) -> Path | None:
    tool = program(name)
    if tool is None:
        return None
    code = subprocess.run([str(tool), *words], capture_output=True, check=False, timeout=30).returncode
    return None if code else tool
