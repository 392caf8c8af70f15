"""Networking: which devices were heard often enough, by the rule of the plant file.

A device counts when good samples came on enough of its scheduled days, and enough of the polls due in scheduled time
were good. What no history tells of is neither: it widens the bounds, and lowers the coverage.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from config.devices import Device
from config.plant import METERED, Networked, Plant
from config.slices import roster, slices
from config.zone import DAY, EPOCH, Offsets
from kpi.polls import Polls
from kpi.rate import Excluded, Rate, Window


def window(plant: Plant, end: int, first: int | None) -> Window:
    """The rule's window that ends at `end`; days before the plant's `first` record do not count."""
    start = end - plant.rules.networked.window
    of = roster(plant.calendar, Offsets(plant.timezone, start, end), start, end)
    seen = first is not None and first < end
    if first is not None and start < first < end:
        start = max(start, int(of.begins[of.day_at(np.array([first]))[0]]))
    told = slices(plant.calendar, (), Offsets(plant.timezone, start, end), start, end)
    days = np.unique(told.day) - EPOCH
    begun = int(((of.begins >= start) & (of.begins < end)).sum())
    counts = (max(begun, 1), len(np.unique(told.day[told.scheduled]))) if seen else (0, 0)
    return Window(int(told.start[0]), int(told.end[-1]), int(days[0]), int(days[-1]), *counts)


def networking(plant: Plant, polls: Polls, scope: Sequence[Device], over: Window) -> Rate:
    """The rate, of the polls in one window; `scope` are the rows in scope."""
    rule = plant.rules.networked
    place = {asset: index for index, asset in enumerate(polls.assets)}
    told = _Told(polls, rule)
    asked = [row.id for row in scope if row.control != "meter"] if plant.register else list(plant.assets)
    excluded = [Excluded(row.id, "control_meter") for row in scope if row.control == "meter"]
    counted: list[str] = []
    heard: list[int] = []
    for asset in asked:
        if asset not in place:
            excluded.append(Excluded(asset, "not_connected"))
        elif not set(plant.assets[asset].points) - set(METERED):
            excluded.append(Excluded(asset, "metered_points_only"))
        else:
            heard.append(place[asset])
            if told.networked[place[asset]]:
                counted.append(asset)
            else:
                excluded.append(told.excluded(asset, place[asset]))
    coverage = told.coverage(heard)
    reason = "short_history" if over.scheduled < rule.min_days else None
    if reason is None and coverage < plant.rules.coverage:
        reason = "low_coverage"
    flags = [
        *(["imported"] if (polls.imported & (polls.scheduled.sum(0) > 0)).any() else []),
        *(["calendar_unconfirmed"] if polls.unconfirmed else []),
    ]
    low, high = (int(bound[heard].sum()) for bound in (told.at_least, told.at_most))
    return Rate(
        "networking",
        len(counted),
        len(scope),
        low,
        high,
        over,
        _rule(rule),
        reason or (None if scope else "not_configured"),
        coverage,
        tuple(flags),
        tuple(counted),
        tuple(excluded),
    )


class _Told:
    """What the rule says of each asset: as counted, and with what is missing taken as silence or as heard."""

    def __init__(self, polls: Polls, rule: Networked) -> None:
        on = polls.scheduled > 0
        self.polls = polls
        self.days = on.sum(1)
        self.heard = (on & (polls.good > 0)).sum(1)
        self.good, self.expected, self.missing = (table.sum(1) for table in (polls.good, polls.expected, polls.missing))
        maybe = (on & ((polls.good > 0) | (polls.missing > 0))).sum(1)
        enough, share = self._enough(rule.days), self._enough(rule.samples)
        days = enough(self.heard, self.days)
        whole = self.expected + self.missing
        self.networked = days & share(self.good, self.expected)
        self.at_least = self.networked & share(self.good, whole)
        self.at_most = self.networked | (enough(maybe, self.days) & share(self.good + self.missing, whole))
        self.short_of_days = ~days

    @staticmethod
    def _enough(least: Fraction) -> Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]:
        """part / whole >= least, exactly; never of nothing."""

        def compare(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.bool_]:
            pairs = zip(part.tolist(), whole.tolist(), strict=True)
            return np.array([bool(w) and p * least.denominator >= least.numerator * w for p, w in pairs], np.bool_)

        return compare

    def excluded(self, asset: str, place: int) -> Excluded:
        if not self.days[place]:
            return Excluded(asset, "no_scheduled_time")
        if not self.expected[place]:
            return Excluded(asset, "no_history", Fraction(0), Fraction(0))
        days = Fraction(int(self.heard[place]), int(self.days[place]))
        samples = Fraction(int(self.good[place]), int(self.expected[place]))
        return Excluded(asset, "too_few_days" if self.short_of_days[place] else "too_few_samples", days, samples)

    def coverage(self, places: list[int]) -> Fraction:
        told, missing = (int(table[places].sum()) for table in (self.expected, self.missing))
        return Fraction(told, told + missing) if told + missing else Fraction(1)


def _rule(rule: Networked) -> dict[str, object]:
    whole, rest = divmod(rule.window, DAY)
    return {
        "days": float(rule.days),
        "samples": float(rule.samples),
        "window": f"{whole}d" if not rest else f"{rule.window // 10**6}ms",
        "min_days": rule.min_days,
    }
