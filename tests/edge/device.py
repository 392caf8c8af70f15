"""A coded Modbus device that is a process of its own: it can hang, and live at the far end of a cable.

`python -m tests.edge.device NUMBER HOST LOG` prints its port; the log has a line for each number before it is said, and
for each request that would have written.
"""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.plant import Point
from simulators.modbus import Endpoint, Unit, listen_tcp
from tests.edge.coded import POINTS, coded, modbus, registers


class Apart:
    """Like a coded device to who judges; `prefix` is put before its command."""

    timeout = "300ms"  # it is to fall silent, and to be missed

    def __init__(self, number: int, folder: Path, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> None:
        self.number = number
        self._log = folder / f"device-{number}.log"
        command = [*prefix, sys.executable, "-m", "tests.edge.device", str(number), host, str(self._log)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], start_new_session=True
        )
        assert self._process.stdout is not None
        self._url = f"tcp://{host}:{int(self._process.stdout.readline())}"

    def _lines(self, kind: str) -> list[str]:
        told = (line.partition(" ") for line in self._log.read_text().splitlines())
        return [what for word, _, what in told if word == kind]

    @property
    def issued(self) -> list[int]:
        return [int(number) for number in self._lines("said")]

    @property
    def writes(self) -> list[str]:
        return self._lines("write")

    @property
    def source(self) -> str:
        return modbus(self.number, self._url, "50ms", self.timeout)[0]

    @property
    def asset(self) -> str:
        return modbus(self.number, self._url, "50ms", self.timeout)[1]

    async def fault(self, kind: str = "", by: int = 0) -> None:
        """`hang`: it is suspended; `refuse`: it is no more."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal({"hang": signal.SIGSTOP, "refuse": signal.SIGKILL}.get(kind, signal.SIGCONT))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


async def _serve(number: int, host: str, log: Path) -> None:
    said = 0
    with log.open("a", buffering=1) as file:

        def reading(point: Point, _: int) -> Any:
            nonlocal said
            if point.name == POINTS[0]:
                file.write(f"said {coded(number, point.name, said)}\n")
                said += 1
            return coded(number, point.name, said - 1)

        endpoint = Endpoint({1: Unit(registers(number), reading)})
        server, port = await listen_tcp(endpoint, host=host)
        print(port, flush=True)
        noted = 0
        async with server:
            while True:
                await asyncio.sleep(0.1)
                file.write("".join(f"write {one}\n" for one in endpoint.writes[noted:]))
                noted = len(endpoint.writes)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
