"""A program in Node that takes orders: JSON lines on its stdin, one answer a line on its stdout."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers import provide
from tests.servers.process import Server

FOLDER = Path(__file__).parent / "node"


class NodeProgram(Server):
    """Started with `options()` as one JSON argument; it says `{"ready": true}` when it is."""

    script = ""
    talks = True

    def options(self) -> dict[str, Any]:
        raise NotImplementedError

    def command(self) -> list[str]:
        self._heard = b""
        return ["node", str(FOLDER / self.script), json.dumps(self.options())]

    def environment(self) -> Mapping[str, str]:
        # The packages live in the user's cache, apart from the script that requires them.
        return {**os.environ, "NODE_PATH": str(provide.ensure(self.name))}

    def ready(self) -> bool:
        line = self._line(0.0)
        return line is not None and json.loads(line) == {"ready": True}

    def order(self, order: str, **words: Any) -> dict[str, Any]:
        """One order and its answer; TimeoutError when none comes, as from a suspended one."""
        pipe = self._child.stdin
        assert pipe is not None
        pipe.write(json.dumps({"order": order, **words}).encode() + b"\n")
        pipe.flush()
        line = self._line(60.0)
        if line is None:
            raise TimeoutError(f"{self.name} did not answer `{order}` within 60 s\n{self.tail()}")
        answer: dict[str, Any] = json.loads(line)
        if "fault" in answer:
            raise RuntimeError(f"{self.name}: {order}: {answer['fault']}")
        return answer

    def _line(self, patience: float) -> bytes | None:
        pipe = self._child.stdout
        assert pipe is not None
        while b"\n" not in self._heard:
            if not select.select([pipe], [], [], patience)[0]:
                return None
            chunk = os.read(pipe.fileno(), 65536)
            if not chunk:
                raise ConnectionError(f"{self.name} has ended\n{self.tail()}")
            self._heard += chunk
        line, _, self._heard = self._heard.partition(b"\n")
        return line
