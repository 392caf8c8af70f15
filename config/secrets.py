"""Secrets stand outside the plant file: it names an environment variable or a file that only its owner may read."""

import os
import re
import stat
from pathlib import Path

from config.cursor import Cursor, Reject, text
from config.files import elsewhere
from config.plant import Secret
from config.urls import HIDDEN
from config.values import path

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def secret(cursor: Cursor) -> Secret:
    """`{env: NAME}` or `{file: path}`; the secret itself never stands in the file, and is never shown."""
    if not isinstance(cursor.node.value, dict) or len(cursor.node.value) != 1:
        raise Reject("a secret stands outside the file", "write {env: NAME} or {file: path}", HIDDEN)
    found = Secret(cursor.take("env", _variable), cursor.take("file", path))
    cursor.close(("env", "file"))
    if found.env and not os.environ.get(found.env):
        cursor.warn("the environment variable is not set here", "set it where the agent runs", found.env)
    if found.file:
        private(cursor, found.file)
    return found


def _variable(cursor: Cursor) -> str:
    if not _VARIABLE.fullmatch(text(cursor)):
        raise Reject("must be the name of an environment variable", "write {env: NAME}", HIDDEN)
    return text(cursor)


def private(cursor: Cursor, file: Path) -> None:
    """A secret file that everybody may read is a fault; one that is not there may be so elsewhere."""
    if elsewhere():
        return
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError):
        cursor.warn("the file is not here", "put it where the agent runs", str(file))
        return
    if os.name == "posix" and stat.S_IMODE(mode) & stat.S_IROTH:
        cursor.fault("everybody may read this secret", f"chmod 600 {file}", f"mode {stat.S_IMODE(mode):03o}")


def present(cursor: Cursor) -> Path:
    file = path(cursor)
    try:
        there = file.exists()
    except (OSError, ValueError):
        there = False
    if not there:
        cursor.warn("the file is not here", "put it where the agent runs", str(file))
    return file


def key_file(cursor: Cursor) -> Path:
    file = path(cursor)
    private(cursor, file)
    return file


def revealed(of: Secret) -> str:
    """The secret itself, read when it is needed. Raises OSError, which names the place and never the secret."""
    if of.file is not None:
        try:
            return of.file.read_text(encoding="utf-8").strip("\r\n")
        except ValueError:
            raise OSError(f"{of.file} is not UTF-8 text") from None
    found = os.environ.get(of.env or "")
    if not found:
        raise OSError(f"the environment variable {of.env} is not set")
    return found
