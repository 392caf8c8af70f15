"""Stands between an agent and a real InfluxDB: passes everything on, unless a test has a write answered otherwise.

What a script answers itself never reaches the database, unless the script passes it on first.
"""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from urllib.parse import urlsplit

from tests.store.scripted import Reply, exchanging

PASSED_ON = ("Authorization", "Content-Type", "Content-Encoding", "Accept")
Script = Callable[["Between", str, bytes], Reply]


class Between:
    """`script` answers each write, or hands it to `passed`; `replies` counts the writes by their status."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self.script: Script | None = None
        self.replies: list[int] = []
        self.port = 0
        self._headers = threading.local()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def passed(self, path: str, body: bytes, method: str = "POST") -> Reply:
        """What the database says to it; 503 where it is away."""
        there = http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=20)
        try:
            there.request(method, path, body, self._headers.sent)
            answer = there.getresponse()
            kind = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
            return Reply(answer.status, answer.read(), kind)
        except (OSError, http.client.HTTPException) as error:
            return Reply(503, str(error).encode())
        finally:
            there.close()

    def answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        self._headers.sent = headers
        if urlsplit(path).path not in ("/write", "/api/v2/write"):
            return self.passed(path, body, method)
        script = self.script
        reply = self.passed(path, body) if script is None else script(self, path, body)
        self.replies.append(reply.status)
        return reply


@contextmanager
def between(target: str) -> Iterator[Between]:
    of = Between(target)

    def answer(method: str, path: str, body: bytes, headers: Message) -> Reply:
        return of.answer(method, path, body, {name: headers[name] for name in PASSED_ON if name in headers})

    with exchanging(answer) as of.port:
        yield of
