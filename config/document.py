"""YAML 1.2 with a position for every value: `off` is a word, `20:00` is text, a key stands once.

PyYAML parses and composes; only the meaning of plain scalars is ours, since PyYAML's is that of YAML 1.1. Numbers are
exact: an integer is an int, anything else a Decimal.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import yaml

from config.faults import Fault
from config.files import content

Scalar = None | bool | int | Decimal | str
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PLAIN = "tag:yaml.org,2002:str"
_DEPTH = 40
_SIZE = 200_000


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line it stands on; of a mapping, `keys` holds the line of each key."""

    value: "Scalar | list[Node] | dict[str, Node]"
    line: int
    keys: dict[str, int]
    text: str = ""


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """Resolves no plain scalar, so that what it finds is text and any other tag was written by hand."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


class _Boundless(Exception):
    """Aliases of aliases: whatever else is wrong, it is not looked for."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class _Composer:
    def __init__(self, file: str, size: int) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.budget = _SIZE + size  # without aliases, each value takes a sign of the text

    def fault(self, line: int, where: str, what: str, got: str | None, do: str) -> None:
        self.faults.append(Fault(self.file, line, where, what, got, do))

    def node(self, raw: yaml.Node, where: str, depth: int = 0) -> Node:
        line = raw.start_mark.line + 1
        self.budget -= 1
        if depth > _DEPTH or self.budget < 0:
            raise _Boundless(
                Fault(self.file, line, where, "nested or repeated beyond all measure", None, "write it plainly")
            )
        if isinstance(raw, yaml.ScalarNode):
            return Node(self.scalar(raw, where), line, {}, raw.value)
        if isinstance(raw, yaml.SequenceNode):
            items = [self.node(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(raw.value, 1)]
            return Node(items, line, {})
        return self.mapping(cast(yaml.MappingNode, raw), where, depth)

    def mapping(self, raw: yaml.MappingNode, where: str, depth: int) -> Node:
        children: dict[str, Node] = {}
        keys: dict[str, int] = {}
        for key, value in raw.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.fault(line, where, "a key must be a word or a number", None, "write a plain key")
                continue
            name = str(key.value)
            path = f"{where}.{name}" if where else name
            if name in children:
                first = f"the key stands twice, first on line {keys[name]}"
                self.fault(line, path, first, None, "keep one of them")
                continue
            children[name], keys[name] = self.node(value, path, depth + 1), line
        return Node(children, raw.start_mark.line + 1, keys)

    def scalar(self, raw: yaml.ScalarNode, where: str) -> Scalar:
        text = str(raw.value)
        if raw.tag not in (_PLAIN, "!"):
            self.fault(raw.start_mark.line + 1, where, "tags are not understood", raw.tag, "leave the tag out")
        if raw.style in ("'", '"', "|", ">") or raw.tag == "!":
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) and len(text) < 40:
            return int(text)
        if _BASED.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text) and len(text) < 40:
            return Decimal(text)
        return text


def parse(text: str, file: str) -> tuple[Node, list[Fault]]:
    """The document as nodes, and every fault of its YAML."""
    composer = _Composer(file, len(text))
    try:
        raw = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = " ".join(part for part in (error.context, error.problem) if part)
        return Node({}, 1, {}), [Fault(file, line, "", f"not YAML: {what}", None, "mend the line or the one before it")]
    except yaml.YAMLError as error:
        what = f"not YAML: {str(error).splitlines()[0]}"
        return Node({}, 1, {}), [Fault(file, 1, "", what, None, "save the file as UTF-8 text")]
    if raw is None:
        return Node({}, 1, {}), []
    try:
        return composer.node(raw, ""), composer.faults
    except _Boundless as error:
        return Node({}, 1, {}), [error.fault]


def read(path: Path) -> tuple[Node, list[Fault]]:
    """As `parse`, from a file; one that cannot be read is a fault of its own."""
    try:
        text = content(path).decode("utf-8-sig")
    except OSError as error:
        why = error.strerror or type(error).__name__
        return Node({}, 1, {}), [Fault(str(path), 0, "", f"cannot be read: {why}", None, "give the path of a file")]
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Node({}, 1, {}), [Fault(str(path), line, "", "not UTF-8 text", None, "save the file as UTF-8")]
    return parse(text, str(path))
