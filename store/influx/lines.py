"""Rows of the journal as line protocol, a block of columns at a time: one line an asset and frame.

Numbers of a block are spelled by one call and put into a template of the asset's fields; rows whose cells are values,
Bad or struck in the same places share a template. What is not finite is written as Bad, and nothing else is changed.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from config.plant import Plant
from connectors.base import Ints, Layout
from store.influx import shape
from store.influx.cells import Cells, flattened
from store.influx.group import BOTH, CODE, NOTHING, VALUE, Array, Group, Template, Text, block, groups_of, judged, spell
from store.journal.delivery import Columns, Part
from store.reader import LINK_GROUP, LINK_POINTS, Event

_OF_ASSET = re.compile(rb"%b((?:\\.|[^\\ ])+) .* (-?\d+)" % shape.ASSET.encode(), re.DOTALL)  # tags and time of a line


@dataclass(slots=True)
class Written:
    """Lines of a batch, and the hours of assets they touch. `old`: rows left out, since the database does not keep
    that far back."""

    lines: list[bytes] = field(default_factory=list)
    hours: set[tuple[str, int]] = field(default_factory=set)
    values: int = 0
    old: int = 0


class Encoder:
    """Of one plant; it remembers layouts, so one is made and kept."""

    def __init__(self, plant: Plant, gateway: str | None = None) -> None:
        self.plant, self.gateway = plant, gateway
        self._known: dict[tuple[int, bool], tuple[Layout, tuple[Group, ...]]] = {}  # by id(): hashing costs most of it

    def batch(self, of: Columns, now: int, oldest: int = -(2**63)) -> Written:
        """Everything of a batch that is not older than `oldest`."""
        made = Written()
        for part in of.parts:
            low = int(np.searchsorted(part.chunk.times, oldest))
            made.old += low
            self._part(_after(part, low) if low else part, made)
        made.lines += [self._event(epoch, event) for epoch, event in of.events if event.time >= oldest]
        made.lines += [touched(self.plant.id, asset, hour, now) for asset, hour in sorted(made.hours)]
        return made

    def _part(self, part: Part, made: Written) -> None:
        chunk, whole = part.chunk, part.chunk.epoch == 0 or part.layout.hold == shape.NOT_IMPORTED
        groups = self._groups(part.layout, whole)
        if not len(chunk):
            return
        hours = np.unique(chunk.times // shape.HOUR).tolist()
        if part.layout.group == LINK_GROUP:
            made.lines += self._links(part)
        elif chunk.columns is None and all(group.plain for group in groups):
            for group in groups:
                made.lines += _dense(group, part)
        else:
            made.lines += Cells(groups, len(part.layout.columns)).lines(
                flattened(part) if chunk.columns is None else part
            )
        if chunk.columns is not None:
            groups = tuple(group for group in groups if np.isin(group.columns, chunk.columns).any())
        made.values += chunk.values.size
        made.hours |= {(group.asset, hour) for group in groups for hour in hours}

    def _groups(self, layout: Layout, whole: bool) -> tuple[Group, ...]:
        key = (id(layout), whole)
        if key not in self._known:
            self._known[key] = layout, groups_of(layout, self.plant, whole)
        return self._known[key][1]

    # -- what is not an asset's values ---------------------------------------------------------------------------------
    def _links(self, part: Part) -> Iterator[bytes]:
        chunk, places = part.chunk, {(c.asset, c.point): n for n, c in enumerate(part.layout.columns)}
        for asset in dict.fromkeys(column.asset for column in part.layout.columns):
            of = shape.series(shape.LINK, asset=asset, plant=self.plant.id, source=part.layout.source)
            line = _literal(of) + b" expected=%bi,good=%bi,state=%bi %b"
            rows = block(chunk.values[[places[asset, point] for point in LINK_POINTS]])
            for row, time in zip(rows, spell(chunk.times), strict=True):
                yield line % (*row.split(b","), time)

    def _event(self, epoch: int, event: Event) -> bytes:
        of = shape.series(shape.EVENT, gateway=self.gateway, kind=event.kind, plant=self.plant.id)
        detail = shape.string(json.dumps(event.detail, ensure_ascii=False))
        at = event.time + shape.aside(event.seq)
        return b"%b at=%di,seq=%di,epoch=%di,detail=%b %d" % (of, event.time, event.seq, epoch, detail, at)


def touched(plant: str, asset: str, hour: int, now: int) -> bytes:
    """A row of the asset in this hour was written now."""
    return b"%b at=%di %d" % (shape.series(shape.WRITTEN, asset=asset, plant=plant), now, hour * shape.HOUR)


def touching(lines: Iterable[bytes], now: int) -> list[bytes]:
    """What says of rows that are sent by themselves, out of quarantine, that their hours were written now."""
    found = {}
    for line in lines:
        if of := _OF_ASSET.fullmatch(line):
            hour = int(of[2]) // shape.HOUR
            found[of[1], hour] = b"%b%b at=%di %d" % (shape.WRITTEN.encode(), of[1], now, hour * shape.HOUR)
    return list(found.values())


def _after(part: Part, low: int) -> Part:
    """The rows from place `low` on."""
    rest = slice(low, None)
    return Part(part.layout, part.chunk.take(rest), part.text, None if part.struck is None else part.struck[:, rest])


# -- frames that bring every point -------------------------------------------------------------------------------------
def _dense(group: Group, part: Part) -> list[bytes]:
    chunk, columns = part.chunk, group.columns
    first, last = int(columns[0]), int(columns[-1]) + 1
    which: Array | slice = slice(first, last) if last - first == len(columns) else columns
    words = chunk.values[which]
    quality = None if chunk.quality is None else chunk.quality[which]
    struck = None if part.struck is None else part.struck[which]
    floats, texts = slice(0, group.floats), slice(group.floats + group.ints, None)
    found = judged(words, floats, texts, quality, struck, part.text, group.whole is not None)
    if found is None:
        return _rows(group, bytes(len(columns)), words, None, chunk.times, chunk.epoch, part.text)
    status, codes = found
    lines: list[bytes] = []
    for pattern, rows in _patterns(status):
        lines += _rows(group, pattern, words[:, rows], codes[:, rows], chunk.times[rows], chunk.epoch, part.text)
    return lines


def _patterns(status: Array) -> Iterator[tuple[bytes, NDArray[np.intp]]]:
    """Rows that look alike."""
    rows = np.ascontiguousarray(status.T)
    found, where = np.unique(rows.view(f"V{rows.shape[1]}").reshape(-1), return_inverse=True)
    for number, pattern in enumerate(found):
        yield pattern.tobytes(), np.flatnonzero(where == number)


def _rows(
    group: Group, pattern: bytes, words: Ints, codes: Ints | None, times: Ints, epoch: int, text: Text
) -> list[bytes]:
    """Rows whose cells are written in the same way."""
    how = group.templates.get(pattern)
    if how is None:
        how = group.templates[pattern] = _template(group, pattern)
    if not how.text:
        return []
    extras = [[shape.string(text[code]) for code in words[place].tolist()] for place in how.texts]
    if how.state:
        extras.append(group.states(words[group.state], text))
    if how.power:
        known = pattern[group.power] in (VALUE, BOTH)
        extras.append([b"%d" % code for code in (group.powered(words[group.power]) if known else [0] * len(times))])
    rows = [block(words[how.floats].view(np.float64))] if len(how.floats) else []
    rows += [block(words[how.ints])] if len(how.ints) else []
    rows += [block(codes[how.codes])] if codes is not None and len(how.codes) else []
    numbers = map(b",".join, zip(*rows, spell(times), strict=True))
    line = how.text + (b",epoch=%di %%b" % epoch if epoch else b" %b")
    if not extras:
        return [line % tuple(row.split(b",")) for row in numbers]
    beside = zip(*extras, strict=True)
    return [line % (*some, *row.split(b",")) for some, row in zip(beside, numbers, strict=True)]


def _template(group: Group, pattern: bytes) -> Template:
    values = [place for place, how in enumerate(pattern) if how in (VALUE, BOTH) and place != group.state]
    codes = [place for place, how in enumerate(pattern) if how in (CODE, BOTH)]
    texts, floats, ints = ([p for p in values if group.kind(p) == kind] for kind in ("text", "float", "int"))
    state = group.state >= 0 and pattern[group.state] in (VALUE, BOTH)
    power = group.power >= 0 and pattern[group.power] != NOTHING
    of = [shape.fields(point) for point in group.points]
    told = [_literal(shape.name(of[place].text)) + b"=%b" for place in texts]
    told += [b"%b"] * state + [b"state=%bi"] * power
    told += [_literal(shape.name(of[place].value)) + b"=%b" for place in floats + ints]
    told += [_literal(shape.name(of[place].quality)) + b"=%bi" for place in codes]
    rest = b"".join(group.rest(group.points[place]) for place, how in enumerate(pattern) if how != NOTHING)
    text = _literal(group.prefix) + b" " + b",".join(told) + _literal(rest) if told else b""
    return Template(text, tuple(texts), state, power, np.array(floats, int), np.array(ints, int), np.array(codes, int))


def _literal(text: bytes) -> bytes:
    """As a format has it."""
    return text.replace(b"%", b"%%")
