"""An HTTP server on a real socket that says what a test tells it to, and takes lines as InfluxDB would: by key."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.store.protocol import parsed

POLICIES = ["name", "duration", "default"]
BUCKET = {"id": "b1", "orgID": "o1", "name": "gemba", "retentionRules": [], "type": "user"}
MAPPING = {
    "id": "b1",
    "orgID": "o1",
    "bucketID": "b1",
    "database": "gemba",
    "retention_policy": "autogen",
    "default": True,
}


@dataclass(frozen=True)
class Reply:
    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    silent: bool = False  # never answers


Script = Callable[[bytes], Reply]


class Scripted:
    """`script` answers each write; what it takes (2xx) is in `lines`, in the order of taking."""

    def __init__(self) -> None:
        self.script: Script = lambda body: Reply()
        self.writes: list[bytes] = []
        self.replies: list[int] = []
        self.lines: list[bytes] = []
        self.times: list[float] = []
        self.authorizations: set[str] = set()
        self.hanging = threading.Event()
        self.over = threading.Event()
        self.port = 0
        self.keeps = "0s"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def points(self) -> list[bytes]:
        """Lines of assets alone."""
        return [line for line in self.lines if line.startswith(b"asset,")]

    def answer(self, path: str, body: bytes) -> Reply:
        where = urlsplit(path).path
        if where == "/query":
            asked = parse_qs(body.decode()).get("q", [""])[0]
            policies = {"columns": POLICIES, "values": [["autogen", self.keeps, True]]}
            rows = {"results": [{"series": [policies]} if asked.startswith("SHOW RETENTION") else {}]}
            return Reply(200, json.dumps(rows).encode(), {"Content-Type": "application/json"})
        if where == "/api/v2/buckets":
            return Reply(200, json.dumps({"buckets": [BUCKET]}).encode(), {"Content-Type": "application/json"})
        if where == "/api/v2/dbrps":
            return Reply(200, json.dumps({"content": [MAPPING]}).encode(), {"Content-Type": "application/json"})
        self.times.append(time.monotonic())
        self.writes.append(body)
        reply = self.script(body)
        if 200 <= reply.status < 300 and not reply.silent:
            parsed(body)  # what InfluxDB could not read, this does not take either
            self.lines += body.split(b"\n")
        self.replies.append(reply.status)
        return reply


@contextmanager
def exchanging(answer: Callable[[str, str, bytes, Message], Reply | None], port: int = 0) -> Iterator[int]:
    """The port of a server on loopback; `answer` is given method, path, body and headers, and None is silence."""

    class Exchange(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = answer(self.command, self.path, body, self.headers)
            if reply is None:
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if reply.status != 204:
                self.wfile.write(reply.body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # a client that gave up
            pass

    with Quiet(("127.0.0.1", port), Exchange) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def scripted(port: int = 0) -> Iterator[Scripted]:
    of = Scripted()

    def answer(_: str, path: str, body: bytes, headers: Message) -> Reply | None:
        of.authorizations.add(headers.get("Authorization", ""))
        reply = of.answer(path, body)
        if reply.silent:
            of.hanging.set()
            of.over.wait(30)
            return None
        time.sleep(reply.pause)
        return reply

    with exchanging(answer, port) as of.port:
        try:
            yield of
        finally:
            of.over.set()
