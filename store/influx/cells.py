"""Frames that bring only some points of their layout, spelled cell by cell and joined where asset and frame are one."""

from itertools import groupby
from typing import Any

import numpy as np

from store.influx import shape
from store.influx.group import BOTH, CODE, NOTHING, VALUE, Array, Group, judged, spell
from store.journal.chunk import Chunk
from store.journal.delivery import Part

FLOAT, INT, TEXT = range(3)


class Cells:
    """A layout's columns, by their number."""

    def __init__(self, groups: tuple[Group, ...], count: int) -> None:
        self.groups = groups
        self.owner = np.full(count, -1)
        self.kind = np.zeros(count, np.int8)
        self.field, self.quality, self.rest = ([b""] * count for _ in range(3))
        self.states: dict[int, Group] = {}
        self.powers: dict[int, Group] = {}
        for number, group in enumerate(groups):
            for place, column in enumerate(group.columns.tolist()):
                names = shape.fields(group.points[place])
                self.owner[column] = number
                self.kind[column] = ("float", "int", "text").index(group.kind(place))
                self.field[column] = shape.name(names.text if self.kind[column] == TEXT else names.value) + b"="
                self.quality[column] = shape.name(names.quality) + b"="
                self.rest[column] = group.rest(group.points[place])
                if place == group.state:
                    self.states[column] = group
                if place == group.power:
                    self.powers[column] = group
        self.explicit = any(group.whole is not None for group in groups)

    def lines(self, part: Part) -> list[bytes]:
        chunk, columns = part.chunk, part.chunk.columns
        assert columns is not None
        pieces = self._pieces(part, columns)
        owner = self.owner[columns]
        keys = list(zip(chunk.seqs.tolist(), owner.tolist(), strict=True))
        epoch = b",epoch=%di" % chunk.epoch if chunk.epoch else b""
        times, found = chunk.times.tolist(), []
        for (_, number), some in groupby(np.lexsort((columns, owner, chunk.seqs)).tolist(), keys.__getitem__):
            cells = list(some)
            told = b",".join(filter(None, (pieces[index] for index in cells)))
            if told:
                found.append(b"%b %b%b %d" % (self.groups[number].prefix, told, epoch, times[cells[0]]))
        return found

    def _pieces(self, part: Part, columns: Array) -> list[bytes]:
        """Each cell as its fields; nothing for one that was struck."""
        words = part.chunk.values[0]
        kind = self.kind[columns]
        quality = None if part.chunk.quality is None else part.chunk.quality[0]
        struck = None if part.struck is None else part.struck[0]
        found = judged(words, kind == FLOAT, kind == TEXT, quality, struck, part.text, self.explicit)
        numbers = columns.tolist()
        values = self._values(part, words, kind, columns, numbers)
        if found is None:
            rest = [self.rest[number] for number in numbers]
            status: Array = np.zeros(len(words), np.uint8)
        else:
            status = found[0]
            rest = []
            for place, (how, code) in enumerate(zip(status.tolist(), found[1].tolist(), strict=True)):
                number = numbers[place]
                told = b"%b%di" % (self.quality[number], code)
                if how == CODE:
                    values[place] = told
                elif how == BOTH:
                    values[place] += b"," + told
                elif how == NOTHING:
                    values[place] = b""
                rest.append(b"" if how == NOTHING else self.rest[number])
        for number, group in self.powers.items():
            which = np.flatnonzero((columns == number) & (status != NOTHING))
            known = (status[which] == VALUE) | (status[which] == BOTH)
            for place, code in zip(which.tolist(), np.where(known, group.powered(words[which]), 0), strict=True):
                rest[place] += b",state=%di" % code
        return [value + more for value, more in zip(values, rest, strict=True)]

    def _values(self, part: Part, words: Array, kind: Array, columns: Array, numbers: list[int]) -> list[bytes]:
        values = [b""] * len(numbers)
        floats, ints = np.flatnonzero(kind == FLOAT), np.flatnonzero(kind == INT)
        for which, some in ((floats, words[floats].view(np.float64)), (ints, words[ints])):
            for place, text in zip(which.tolist(), spell(some), strict=True):
                values[place] = self.field[numbers[place]] + text
        for place in np.flatnonzero(kind == TEXT).tolist():
            values[place] = self.field[numbers[place]] + shape.string(part.text[int(words[place])])
        for number, group in self.states.items():
            which = np.flatnonzero(columns == number)
            for place, told in zip(which.tolist(), group.states(words[which], part.text), strict=True):
                values[place] = told
        return values


def flattened(part: Part) -> Part:
    """Dense rows as if each had brought just its points."""
    chunk = part.chunk
    count, rows = chunk.values.shape

    def flat(lines: Array | None) -> Any:
        return None if lines is None else lines.T.reshape(1, -1)

    seqs, times = np.repeat(chunk.seqs, count), np.repeat(chunk.times, count)
    columns = np.tile(np.arange(count, dtype=np.int32), rows)
    sparse = Chunk(chunk.layout, chunk.epoch, seqs, times, flat(chunk.values), columns, quality=flat(chunk.quality))
    return Part(part.layout, sparse, part.text, flat(part.struck))
