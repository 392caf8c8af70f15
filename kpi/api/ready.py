"""Answers made ready before anybody asks, in files that the next process finds: the document, and its proof before it.

One counts for the program that made it, for its plant file, and for as long as the store says what its proof says. A
file that cannot be read is as good as none.
"""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from kpi.api.answers import Answer
from kpi.api.witness import Key, Proof
from store.reader import Event

PROGRAM = ("config", "kpi", "store")  # the folders that a number is made in


@cache
def program() -> str:
    """The state of the program: of each of its files the size, and when it was written."""
    root = Path(__file__).parents[2]
    files = sorted(path for name in PROGRAM for path in (root / name).rglob("*") if "__pycache__" not in path.parts)
    stats = [(path.relative_to(root).as_posix(), path.stat()) for path in files if path.is_file()]
    return hashlib.sha256(repr([(name, of.st_size, of.st_mtime_ns) for name, of in stats]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Ready:
    """The folder of one plant."""

    root: Path

    def find(self, key: Key) -> tuple[Answer, Proof] | None:
        with contextlib.suppress(OSError, LookupError, TypeError, ValueError):
            head, _, body = self._path(key).read_bytes().partition(b"\n")
            told, answer = orjson.loads(head), Answer(body)
            if told["tag"] == answer.tag:
                return answer, Proof(told["store"], told=dict(map(_read, told["told"])))
        return None

    def keep(self, answers: Mapping[Key, tuple[Answer, Proof]]) -> None:
        """These, and no others."""
        self.root.mkdir(parents=True, exist_ok=True)
        for key, (answer, proof) in answers.items():
            told = [(name, asked, found) for (name, asked), found in proof.told.items()]
            head = orjson.dumps({"tag": answer.tag, "store": proof.store, "told": told})
            new = self.root / f"{os.getpid()}.new"
            new.write_bytes(head + b"\n" + answer.body)
            new.replace(self._path(key))
        for path in set(self.root.iterdir()) - set(map(self._path, answers)):
            path.unlink(missing_ok=True)

    def _path(self, key: Key) -> Path:
        return self.root / hashlib.sha256(repr((program(), key)).encode()).hexdigest()[:32]


def _read(row: list[Any]) -> tuple[tuple[str, Key], Any]:
    name, asked, told = row
    if name == "events":
        told = [Event(**event) for event in told]
    elif name == "span" and told is not None:
        told = tuple(told)
    return (name, tuple(tuple(part) if isinstance(part, list) else part for part in asked)), told
