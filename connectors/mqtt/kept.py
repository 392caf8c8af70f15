"""What must outlive the agent: which topics the broker still has us down for, and what Sparkplug births said.

A small file for each source in the plant's data folder. It is replaced as a whole, so that after a crash there is the
old one or the new one. One that cannot be read is as good as none, and is said once.
"""

import asyncio
import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = "mqtt"
_log = logging.getLogger("gemba.mqtt")


@dataclass(slots=True)
class State:
    """`client_id` is whose subscriptions these are; `births` are those of sparkplug.Nodes."""

    client_id: str = ""
    topics: list[str] = field(default_factory=list)
    births: dict[str, Any] = field(default_factory=dict)


class Keeper:
    """Reads the state of a source, and writes it in a thread, the last one last."""

    def __init__(self, data: Path, source: str) -> None:
        self.path = data / FOLDER / f"{source}.json"
        self._wanted: bytes | None = None
        self._writing: asyncio.Task[None] | None = None

    def read(self) -> State:
        try:
            found = json.loads(self.path.read_bytes())
            return State(str(found["client_id"]), [str(topic) for topic in found["topics"]], dict(found["births"]))
        except FileNotFoundError:
            return State()
        except (OSError, ValueError, TypeError, KeyError) as fault:
            _log.warning("%s: cannot be read, and is begun anew: %s", self.path, fault)
            return State()

    def write(self, state: State) -> None:
        """Soon: many births together are one write."""
        text = {"client_id": state.client_id, "topics": state.topics, "births": state.births}
        self._wanted = json.dumps(text, ensure_ascii=False).encode()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def written(self) -> None:
        """All that was asked for is on disk."""
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        while (wanted := self._wanted) is not None:
            self._wanted = None
            try:
                await asyncio.to_thread(_replace, self.path, wanted)
            except OSError as fault:
                _log.warning("%s: cannot be written: %s; births will have to come again", self.path, fault)


def _replace(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
