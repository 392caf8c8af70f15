"""A Modbus TCP server on libmodbus, which shares no code with pymodbus; every value says where it was read.

The program is `native/modbus_server.c`, compiled here against libmodbus-dev of Debian.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.servers import provide
from tests.servers.process import Server, free_port, listens


def holding(unit: int, address: int, step: int = 0) -> int:
    """What holding register `address` of `unit` says after `step` requests; an input register is its complement."""
    return (unit * 1000 + address + step) % 65536


def coil(unit: int, address: int, step: int = 0) -> bool:
    """What a coil says; a discrete input says the opposite."""
    return (unit + address + step) % 2 == 1


class LibModbus(Server):
    """`ports`, each of them one device that serves `units`; `port` is the first."""

    name = "libmodbus"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        devices: int = 1,
        units: Sequence[int] = (1,),
        silent: Sequence[int] = (),
        hole: tuple[int, int] | None = None,
        size: int = 10000,
        step: bool = False,
    ) -> None:
        super().__init__(folder, port)
        self.ports = [self.port, *(free_port() for _ in range(devices - 1))]
        self._options = ["--size", str(size), "--units", ",".join(map(str, units))]
        for unit in silent:
            self._options += ["--silent", str(unit)]
        if hole:
            self._options += ["--hole", f"{hole[0]}-{hole[1]}"]
        if step:
            self._options.append("--step")

    @property
    def url(self) -> str:
        return f"tcp://{self.host}:{self.port}"

    @property
    def writes(self) -> list[str]:
        """The requests that would have written; each was refused."""
        return [line for line in self.log.read_text().splitlines() if line.startswith("WRITE")]

    def command(self) -> list[str]:
        return [str(provide.ensure("libmodbus")), "--host", self.host, *self._options, *map(str, self.ports)]

    def ready(self) -> bool:
        return all(listens(self.host, port) for port in self.ports)
