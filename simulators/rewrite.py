"""The plant file of a simulation: the given one with new addresses, and its life made faster where that was asked."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from config.document import Node, read

UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
FILES = ("register",)


def plain(node: Node) -> Any:
    """A node as plain Python; numbers that are not whole keep their spelling."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    return float(value) if isinstance(value, Decimal) else value


def _cycle(text: Any, pace: Fraction) -> Any:
    """An ideal cycle of this pace; lists and products alike."""
    if isinstance(text, dict):
        return {key: value if key in ("from", "product") else _cycle(value, pace) for key, value in text.items()}
    if isinstance(text, list):
        return [_cycle(item, pace) for item in text]
    word = str(text)
    number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
    ms = Fraction(number) * UNITS[word[len(number) :] or "s"] / pace
    return f"{float(ms):.6f}".rstrip("0").rstrip(".") + "ms"


def _rate(text: Any, pace: Fraction) -> str:
    number, _, unit = str(text).partition("/")
    return f"{float(Fraction(number) * pace):.9f}".rstrip("0").rstrip(".") + f"/{unit or 's'}"


def _faster(tree: Any, pace: Fraction) -> Any:
    if isinstance(tree, list):
        return [_faster(item, pace) for item in tree]
    if not isinstance(tree, dict):
        return tree
    changed = {}
    for key, value in tree.items():
        if key == "ideal_cycle":
            changed[key] = _cycle(value, pace)
        elif key in ("ideal_rate", "max_rate"):
            changed[key] = _rate(value, pace) if not isinstance(value, dict | list) else value
        else:
            changed[key] = _faster(value, pace)
    return changed


def rewritten(plant_file: Path, urls: Mapping[str, str], pace: Fraction) -> str:
    """The plant file with each source at its simulated address, on loopback and so without certificates."""
    tree = plain(read(plant_file)[0])
    for name, source in tree["sources"].items():
        if name in urls:
            source["url"] = urls[name]
            source.pop("security", None)
            if source["protocol"] != "modbus":
                source["security"] = {"insecure": True}
    for key in FILES:
        if key in tree:
            tree[key] = str((plant_file.parent / tree[key]).resolve())
    for calendar in tree.get("calendars", {}).values():
        if isinstance(calendar.get("workdays"), dict):
            calendar["workdays"] = {"file": str((plant_file.parent / calendar["workdays"]["file"]).resolve())}
    tree["data"] = "./data"
    if pace != 1:
        for key in ("assets", "profiles", "meters"):
            if key in tree:
                tree[key] = _faster(tree[key], pace)
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, width=120)
