"""Communication history by slice, of many assets at once: in a store those of one source lie side by side."""

from collections.abc import Sequence

import numpy as np

from config.slices import Slices
from connectors.base import Ints
from kpi.facts.names import Names
from kpi.facts.schema import Table, empty, stacked
from store.reader import Links, Reader

TOGETHER = 32  # slices read at once: about a day


def heard(reader: Reader, assets: Sequence[str], cut: Slices, names: Names) -> dict[str, Table]:
    """The table `links` of each asset over slices that follow one another, without its column `asset`."""
    edges = np.append(cut.start, cut.end[-1])
    parts: dict[str, list[Table]] = {asset: [] for asset in assets}
    for first in range(0, len(cut), TOGETHER) if assets else ():
        some = edges[first : first + TOGETHER + 1]
        for asset, told in reader.links(assets, int(some[0]), int(some[-1])).items():
            if len(told.time):
                parts[asset].append(_sums(told, some, names))
    return {asset: stacked("links", some) for asset, some in parts.items()}


def _sums(told: Links, edges: Ints, names: Names) -> Table:
    place = np.searchsorted(edges, told.time, "right") - 1
    many = len(told.sources)
    used, back = np.unique(place * many + told.source, return_inverse=True)
    found = empty("links", len(used))
    found["start"] = edges[used // many]
    found["source"] = names.codes(told.sources)[used % many]
    np.add.at(found["expected"], back, told.expected)
    np.add.at(found["good"], back, told.good)
    return found
