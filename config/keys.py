"""Every key of the plant file as a row of a table: the loader reads by it, and docs/plant-file.md is held to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config.cursor import Cursor, Incomplete, mapping

REQUIRED = "required"
NONE = "none"
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Key:
    """`type`, `default`, `unit` and `example` are as the documentation prints them."""

    name: str
    parse: Callable[[Cursor], Any]
    type: str
    default: str
    unit: str
    example: str


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of the plant file, `<…>` standing for a name of the user's own."""

    path: str
    keys: tuple[Key, ...]

    def read(self, cursor: Cursor) -> dict[str, Any]:
        """The values that are there and right; everything else is a fault. Raises Reject for what is no mapping."""
        mapping(cursor)
        found = {}
        for key in self.keys:
            if key.default == REQUIRED and cursor.child(key.name) is None:
                cursor.missing(key.name, f"add `{key.name}: {key.example}`")
            value = cursor.take(key.name, key.parse, _NOTHING)
            if value is not _NOTHING:
                found[key.name] = value
        cursor.close(key.name for key in self.keys)
        return found

    def complete(self, found: dict[str, Any]) -> bool:
        """Whether every required value was there and right."""
        return all(key.name in found for key in self.keys if key.default == REQUIRED)

    def only(self, cursor: Cursor, found: dict[str, Any], allowed: dict[str, str], protocol: str) -> None:
        """A key of another protocol is a fault: it would be ignored."""
        for key in found:
            if key in allowed and protocol != allowed[key]:
                place = cursor.spot(key)
                place.fault(f"is a key of {allowed[key]}, and this is {protocol}", f"take `{key}` out", place.shown())


def raw(cursor: Cursor) -> Cursor:
    """Left to be read when more is known."""
    return cursor


def exactly(section: Section) -> Callable[[Cursor], dict[str, Any]]:
    """A mapping by its table, as its values."""

    def parse(cursor: Cursor) -> dict[str, Any]:
        found = section.read(cursor)
        if not section.complete(found):
            raise Incomplete
        return found

    return parse
