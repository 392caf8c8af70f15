"""What a running agent says of itself, over a socket file in its data folder that only its own user may open.

`GET /status` is JSON, `GET /metrics` the same for Prometheus. The socket is the agent's: a file that nobody answers
belongs to an agent that is gone.
"""

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAME = "agent.sock"
_DEADLINE = 5.0
_log = logging.getLogger("gemba.status")
Status = dict[str, Any]


def socket_path(folder: Path) -> Path:
    return folder / NAME


class Door:
    """Answers one request a connection."""

    def __init__(self, path: Path, status: Callable[[], Status]) -> None:
        self.path, self._status = path, status
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Without a door the agent collects all the same."""
        door = socket.socket(socket.AF_UNIX)
        try:
            self.path.unlink(missing_ok=True)
            with _reachable(self.path) as near:
                door.bind(near)
            self.path.chmod(0o600)  # before anybody can connect: it does not listen yet
            self._server = await asyncio.start_unix_server(self._answer, sock=door)
        except OSError as error:
            door.close()
            _log.warning("%s: `gemba status` will find no agent (got %s)", self.path, error)

    async def close(self) -> None:
        if self._server:
            self._server.close()
            self.path.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_DEADLINE):
                request = await reader.readline()
                target = request.split()[1] if len(request.split()) > 1 else b""
                body = self._body(target)
                head = b"HTTP/1.0 200 OK\r\n\r\n" if body is not None else b"HTTP/1.0 404 Not Found\r\n\r\n"
                writer.write(head + (body or b""))
                await writer.drain()
        except (TimeoutError, OSError, ValueError):
            pass
        finally:
            writer.close()

    def _body(self, target: bytes) -> bytes | None:
        if target == b"/status":
            return json.dumps(self._status()).encode()
        if target == b"/metrics":
            return "".join(f"{line}\n" for line in metrics(self._status())).encode()
        return None


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """The address of a socket file is at most 107 bytes long, whereas its folder may be anywhere."""
    if len(os.fsencode(path)) < 108 or not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def ask(path: Path, target: str = "/status", deadline: float = _DEADLINE) -> bytes | None:
    """What the agent answers; None where no agent runs."""
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(deadline)
        try:
            with _reachable(path) as near:
                door.connect(near)
            door.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            answer = b""
            while part := door.recv(65_536):
                answer += part
        except OSError:
            return None
    head, _, body = answer.partition(b"\r\n\r\n")
    return body if b" 200 " in head else None


def metrics(status: Status) -> Iterator[str]:
    """The status in the text format of Prometheus."""
    plant = _label(status["plant"])
    yield "# HELP gemba_up The agent runs.\n# TYPE gemba_up gauge"
    yield f'gemba_up{{plant="{plant}"}} 1'
    rows: dict[str, list[str]] = {}
    for name, source in status["sources"].items():
        label = f'plant="{plant}",source="{_label(name)}"'
        rows.setdefault("gemba_source_up gauge Connected.", []).append(f"{{{label}}} {int(source['state'] == 'up')}")
        for key, what in _SOURCE.items():
            if (value := source.get(key)) is not None:
                rows.setdefault(what, []).append(f"{{{label}}} {value}")
        for reason, count in source["bad"].items():
            line = f'{{{label},reason="{_label(reason)}"}} {count}'
            rows.setdefault("gemba_source_bad_total counter Values that were not Good.", []).append(line)
    for key, what in _JOURNAL.items():
        if (value := status["journal"].get(key)) is not None:
            rows.setdefault(what, []).append(f'{{plant="{plant}"}} {value}')
    for key, what in _INFLUX.items():
        if (value := status.get("influxdb", {}).get(key)) is not None:
            rows.setdefault(what, []).append(f'{{plant="{plant}"}} {value}')
    for what, lines in rows.items():
        name, kind, text = what.split(" ", 2)
        yield f"# HELP {name} {text}\n# TYPE {name} {kind}"
        yield from (name + line for line in lines)


_SOURCE = {
    "age": "gemba_source_age_seconds gauge Since the last live frame.",
    "round_trip": "gemba_source_round_trip_seconds gauge Of the last exchange.",
    "frames": "gemba_source_frames_total counter Frames seen.",
    "kept": "gemba_source_kept_total counter Frames worth a row.",
    "good": "gemba_source_good_total counter Good values.",
    "missed": "gemba_source_missed_total counter Polls that could not be made.",
    "connections": "gemba_source_connections_total counter Connections made.",
}
_JOURNAL = {
    "commits": "gemba_journal_commits_total counter Commits.",
    "failures": "gemba_journal_failures_total counter Commits that failed.",
    "waiting": "gemba_journal_waiting_values gauge Values that wait for a commit.",
    "lost": "gemba_journal_lost_total counter Frames lost because nothing could hold them.",
    "bytes": "gemba_journal_bytes gauge On disk.",
    "free": "gemba_disk_free_bytes gauge Free where the journal is.",
}
_INFLUX = {
    "backlog": "gemba_influxdb_backlog_rows gauge Rows not acknowledged yet.",
    "lag": "gemba_influxdb_lag_seconds gauge Age of the oldest of them.",
    "delivered": "gemba_influxdb_delivered_total counter Rows acknowledged.",
    "quarantined": "gemba_influxdb_quarantined gauge Lines refused and set aside.",
    "too_old": "gemba_influxdb_too_old_total counter Rows older than the database keeps, not sent.",
    "mended": "gemba_influxdb_mended_total counter Values read back otherwise than written, and written again.",
}


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
