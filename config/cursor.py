"""A cursor walks a document, takes each key once, and notes every fault instead of stopping at the first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar, overload

from config.document import Node
from config.faults import Fault

T = TypeVar("T")
D = TypeVar("D")


class Reject(Exception):
    """A value is not what it must be; `Cursor.take` turns it into a fault at the value's own place."""

    def __init__(self, what: str, do: str = "", got: str | None = None) -> None:
        super().__init__(what)
        self.what, self.do, self.got = what, do, got


class Incomplete(Reject):
    """A value lacks something, and the fault of that is noted already."""

    def __init__(self) -> None:
        super().__init__("")


class _Absent:
    """No value was given and none is assumed."""


_ABSENT = _Absent()


@dataclass(slots=True)
class Cursor:
    """Stands on one node. All cursors of one file share the lists of faults and warnings."""

    node: Node
    file: str
    faults: list[Fault]
    path: str = ""
    taken: set[str] = field(default_factory=set)
    warnings: list[Fault] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """What relative paths in the file are relative to."""
        return Path(self.file).parent

    # -- notes -----------------------------------------------------------------------------------------------------
    def fault(self, what: str, do: str = "", got: str | None = None, line: int | None = None) -> None:
        self.faults.append(Fault(self.file, self.node.line if line is None else line, self.path, what, got, do))

    def missing(self, key: str, do: str) -> None:
        """At the top of the file the key itself is the place."""
        where, what = (self.path, f"`{key}` is missing") if self.path else (key, "is missing")
        self.faults.append(Fault(self.file, self.node.line, where, what, None, do))

    def warn(self, what: str, do: str = "", got: str | None = None) -> None:
        self.warnings.append(Fault(self.file, self.node.line, self.path, what, got, do))

    def shown(self) -> str:
        """The value as a fault shows it."""
        value = self.node.value
        if isinstance(value, dict):
            return f"a mapping of {len(value)}"
        if isinstance(value, list):
            return f"a list of {len(value)}"
        if value is None:
            return "nothing"
        text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in self.node.text[:61])
        return text if len(text) <= 60 else text[:57] + "…"

    # -- walking ---------------------------------------------------------------------------------------------------
    def child(self, key: str) -> "Cursor | None":
        value = self.node.value
        if not isinstance(value, dict) or key not in value:
            return None
        self.taken.add(key)
        return self._below(value[key], f"{self.path}.{key}" if self.path else key)

    def _below(self, node: Node, path: str) -> "Cursor":
        return Cursor(node, self.file, self.faults, path, warnings=self.warnings)

    def spot(self, *keys: str) -> "Cursor":
        """The place of `keys` below this one, or the nearest above it that the file has; takes nothing."""
        here = self
        for key in keys:
            value = here.node.value
            if not isinstance(value, dict) or key not in value:
                break
            here = here._below(value[key], f"{here.path}.{key}" if here.path else key)
        return here

    def names(self, *keys: str) -> frozenset[str]:
        """The keys of the mapping at exactly this path below, right or wrong; takes nothing."""
        value = self.node.value
        for key in keys:
            value = value[key].value if isinstance(value, dict) and key in value else None
        return frozenset(value) if isinstance(value, dict) else frozenset()

    def children(self) -> list[tuple[str, "Cursor"]]:
        """Every key of a mapping whose keys are names; all count as taken. Raises Reject for anything else."""
        if self.node.value is None:
            return []
        if not isinstance(self.node.value, dict):
            raise Reject("must be a mapping of names", "write `name: …` lines")
        return [(key, cursor) for key in self.node.value if (cursor := self.child(key)) is not None]

    def items(self) -> list["Cursor"]:
        """The items of a list. Raises Reject for anything else."""
        if not isinstance(self.node.value, list):
            raise Reject("must be a list", "write it as [ … ]")
        return [self._below(node, f"{self.path}[{i}]") for i, node in enumerate(self.node.value, 1)]

    @overload
    def take(self, key: str, parse: "Callable[[Cursor], T]") -> T | None: ...
    @overload
    def take(self, key: str, parse: "Callable[[Cursor], T]", default: D) -> T | D: ...
    def take(self, key: str, parse: "Callable[[Cursor], T]", default: D | None = None) -> T | D | None:
        """The parsed value of `key`; the default where it is absent, or wrong (then it is also a fault)."""
        child = self.child(key)
        return default if child is None else child.parsed(parse, default)

    def need(self, key: str, parse: "Callable[[Cursor], T]", do: str = "") -> T | None:
        """As `take`, but an absent key is a fault."""
        child = self.child(key)
        if child is None:
            self.missing(key, do or f"add `{key}:`")
            return None
        return child.parsed(parse, None)

    def parsed(self, parse: "Callable[[Cursor], T]", default: D) -> T | D:
        try:
            return parse(self)
        except Incomplete:
            return default
        except Reject as reject:
            self.fault(reject.what, reject.do, self.shown() if reject.got is None else reject.got)
            return default

    def close(self, known: Iterable[str] = ()) -> None:
        """Every key that nobody took is a fault; `known` are the keys to suggest from."""
        if not isinstance(self.node.value, dict):
            return
        names = sorted({*known, *self.taken})
        for key in self.node.value:
            if key not in self.taken:
                near = get_close_matches(key, names, 1)
                do = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(names)}"
                path = f"{self.path}.{key}" if self.path else key
                self.faults.append(Fault(self.file, self.node.keys[key], path, "unknown key", None, do))


# -- values ------------------------------------------------------------------------------------------------------------
def mapping(cursor: Cursor) -> Cursor:
    if not isinstance(cursor.node.value, dict):
        raise Reject("must be a mapping", "write `{key: value}` or indented lines")
    return cursor


def text(cursor: Cursor) -> str:
    """Text; a number or a word such as `true` stands for its own spelling."""
    value = cursor.node.value
    if isinstance(value, dict | list) or value is None or cursor.node.text == "":
        raise Reject("must be text", "write a word, or quote it")
    return cursor.node.text


def flag(cursor: Cursor) -> bool:
    if not isinstance(cursor.node.value, bool):
        raise Reject("must be true or false", "write true or false")
    return cursor.node.value


def integer(cursor: Cursor) -> int:
    value = cursor.node.value
    if isinstance(value, bool) or not isinstance(value, int):
        raise Reject("must be a whole number", "write it without a fraction")
    return value


def number(cursor: Cursor) -> Decimal:
    value = cursor.node.value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Reject("must be a number", "write it as 12 or 0.5")
    return Decimal(value)


def choice(*words: str) -> Callable[[Cursor], str]:
    def parse(cursor: Cursor) -> str:
        word = text(cursor)
        if word not in words:
            near = get_close_matches(word, words, 1)
            raise Reject(
                f"must be one of {', '.join(words)}", f"did you mean `{near[0]}`?" if near else "write one of them"
            )
        return word

    return parse
