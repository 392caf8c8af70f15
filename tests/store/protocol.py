"""Line protocol read by the rules of its reference, sign by sign, and by nothing that writes it."""

from typing import NamedTuple

Value = float | int | bool | str


class Line(NamedTuple):
    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: dict[str, Value]
    time: int


def parsed(body: bytes) -> list[Line]:
    text, place, found = body.decode(), 0, []
    while place < len(text):
        line, place = _line(text, place)
        found.append(line)
    return found


def _line(text: str, place: int) -> tuple[Line, int]:
    measurement, place = _name(text, place, ", ")
    tags = []
    while text[place] == ",":
        key, place = _name(text, place + 1, "=")
        value, place = _name(text, place + 1, ", ")
        assert key and value, "a tag without a key or a value"
        tags.append((key, value))
    assert text[place] == " "
    fields: dict[str, Value] = {}
    while text[place] in " ,":
        key, place = _name(text, place + 1, "=")
        value, place = _value(text, place + 1)
        assert key and key not in fields, "a field twice"
        fields[key] = value
        if text[place] == " ":
            break
    end = text.find("\n", place)
    end = len(text) if end < 0 else end
    assert tags == sorted(tags)
    return Line(measurement, tuple(tags), fields, int(text[place + 1 : end])), end + 1


def _name(text: str, place: int, ends: str) -> tuple[str, int]:
    """Up to one of these signs that is not escaped; a backslash before any other sign is itself."""
    found = []
    while text[place] not in ends:
        assert text[place] not in "\n\r", "a line that ends in a name"
        if text[place] == "\\" and text[place + 1] in ",= ":
            place += 1
        found.append(text[place])
        place += 1
    return "".join(found), place


def _value(text: str, place: int) -> tuple[Value, int]:
    if text[place] == '"':
        return _string(text, place + 1)
    end = min(stop for sign in ", " if (stop := text.find(sign, place)) >= 0)
    word = text[place:end]
    if word in ("true", "false"):
        return word == "true", end
    return (int(word[:-1]) if word.endswith("i") else float(word)), end


def _string(text: str, place: int) -> tuple[str, int]:
    found = []
    while text[place] != '"':
        if text[place] == "\\" and text[place + 1] in '"\\':
            place += 1
        found.append(text[place])
        place += 1
    return "".join(found), place + 1
