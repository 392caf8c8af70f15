"""A fault says where, what was found and what to do; a wrong file raises all of its faults at once."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in one file. `where` is the path inside it (`assets.press-01.points.total`)."""

    file: str
    line: int
    where: str
    what: str
    got: str | None = None
    do: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f"{self.where}: " if self.where else ""
        got = f" (got {self.got})" if self.got is not None else ""
        return f"{place}: {where}{self.what}{got}" + (f"; {self.do}" if self.do else "")


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each once, by file and line."""
    return tuple(sorted(set(faults), key=lambda f: (f.file, f.line, f.where, f.what, f.got or "", f.do)))


class _Faulty(Exception):
    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = in_order(faults)
        super().__init__("\n".join(map(str, self.faults)))


class PlantError(_Faulty):
    """The plant file, its register or an import is wrong: raised by loading, before any socket opens. Exit code 2."""


class TemplateError(_Faulty):
    """A template or an answer file is wrong: raised by loading it, with every fault by item. Exit code 2."""
