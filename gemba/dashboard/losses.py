"""Where planned time went: the terms of OEE from planned time down to good time, and what was lost between them, the
largest first. A loss is the difference between two terms of one document, and opens to these terms."""

from dataclasses import dataclass
from itertools import accumulate

from gemba.dashboard.chart import Bar, bars
from gemba.dashboard.frame import View
from gemba.dashboard.markup import Document, hours, number, percent, table, text

HOUR_MS = 3_600_000
COLOURS = {
    "AUST": "var(--setup)",
    "ADET": "var(--down)",
    "ADOT": "var(--idle)",
    "U": "var(--unknown)",
    "speed": "var(--planned)",
    "speed_gain": "var(--hatch)",
    "rejects": "var(--reject)",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One bar [ms]: a term of the document from 0, or what lies between two of them."""

    name: str
    start: float
    length: float
    of: str

    @property
    def lost(self) -> bool:
        return self.name in COLOURS and self.name != "speed_gain"


def steps(row: Document) -> list[Step]:
    """From planned time to good time; what took no time is left out, and so is what was not measured."""
    oee, states = row["kpis"]["oee"]["terms"], row["kpis"]["utilization_efficiency"]["terms"]
    if not {"PBT", "APT", "AUST", "ADET", "U"} <= set(states) or not states["PBT"]:
        return []
    pbt, apt = states["PBT"], states["APT"]
    lost = {name: states[name] for name in ("AUST", "ADET", "U")}
    lost = {"AUST": lost["AUST"], "ADET": lost["ADET"], "ADOT": pbt - apt - sum(lost.values()), "U": lost["U"]}
    made, top = [Step("PBT", 0, pbt, "oee")], pbt
    for name, length in lost.items():
        top -= length
        made.append(Step(name, top, length, "utilization_efficiency"))
    made.append(Step("APT", 0, apt, "utilization_efficiency"))
    if {"PRI_PQ", "PRI_GQ"} <= set(oee):
        pq, gq = oee["PRI_PQ"], oee["PRI_GQ"]
        made.append(Step("speed" if pq <= apt else "speed_gain", min(pq, apt), abs(apt - pq), "effectiveness"))
        made += [Step("PRI_PQ", 0, pq, "oee"), Step("rejects", gq, pq - gq, "quality"), Step("PRI_GQ", 0, gq, "oee")]
    return [step for step in made if step.length > 0 or step.name not in COLOURS]


def waterfall(view: View, found: list[Step], path: str, whose: str) -> None:
    _drawn(view, found, view.say("waterfall"))
    cells = (
        f"<span>{text(view.say(step.name))} {_opened(view, step, path, whose)}</span>"
        for step in found
        if step.name not in COLOURS
    )
    view.html(f'<p class="legend">{"".join(cells)}</p>')


def pareto(view: View, found: list[Step], path: str, whose: str) -> None:
    lost = sorted((step for step in found if step.lost), key=lambda step: -step.length)
    if not lost:
        view.html(f'<p class="quiet">{text(view.say("no_losses"))}</p>')
        return
    whole, planned = sum(step.length for step in lost), found[0].length
    shares = list(accumulate(step.length / whole for step in lost))
    _drawn(view, [Step(step.name, 0, step.length, step.of) for step in lost], view.say("losses"), shares)
    rows = [
        [
            text(view.say(step.name)),
            _opened(view, step, path, whose),
            text(percent(step.length / planned, None, view.lang)),
            text(percent(share, None, view.lang)),
        ]
        for step, share in zip(lost, shares, strict=True)
    ]
    heads = [view.say(head) for head in ("loss", "time", "share_of_pbt", "cumulative")]
    view.html(table(view.say("losses"), heads, rows))


def _opened(view: View, step: Step, path: str, whose: str) -> str:
    shown = hours(step.length)
    return number(shown, step.length, f"{path}/kpis/{step.of}/terms", f"{whose} {view.say(step.name)}")


def _drawn(view: View, found: list[Step], label: str, shares: list[float] | None = None) -> None:
    drawn = [
        Bar(
            view.say(step.name),
            step.start / HOUR_MS,
            step.length / HOUR_MS,
            hours(step.length),
            COLOURS.get(step.name, "var(--key)"),
        )
        for step in found
    ]
    bars(drawn, "h", label, shares or [])
