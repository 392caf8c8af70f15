"""The next step of one item: what it needs, what it brings, and how much effort it is beside other steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from config.template import Segment, Setting, Words
from kpi.forms.items import FULL, NONE, ZERO, Scored, boxes

BUSINESS = 1000  # more effort than any box, device or clause: the business itself must change


@dataclass(frozen=True, slots=True)
class Step:
    """`effort` orders steps: 0 an answer that is missing, else boxes, devices or clauses."""

    item: str
    effort: int
    gain: Fraction
    needs: Words
    devices: tuple[str, ...] = ()


def step(of: Scored, settings: Mapping[str, Setting]) -> Step | None:
    """None where the item has all its points."""
    if of.origin == "missing":
        return _answer(of)
    if of.points is None or of.points >= FULL:
        return None
    return _box(of, settings) if of.item.answer == "choices" else STEPS[of.item.answer](of)


def _answer(of: Scored) -> Step:
    most = FULL * of.weight
    up_to = f"{float(most):.4g}"
    zh = f"第{of.item.no}项 {of.item.title.zh}：填报（至多 +{up_to} 分）"
    return Step(of.item.no, 0, most, Words(zh, f"item {of.item.no}, {of.item.title.en}: answer it (up to +{up_to})"))


def _words(of: Scored, zh: str, en: str) -> Words:
    return Words(f"第{of.item.no}题 {of.item.title.zh}：{zh}", f"item {of.item.no}, {of.item.title.en}: {en}")


def _box(of: Scored, settings: Mapping[str, Setting]) -> Step:
    """One more box of several."""
    ticked = set(of.options) - {NONE}
    open_ = [n for n in range(NONE + 1, len(of.item.options) + 1) if n not in ticked]
    gain = (boxes(of.item, {*ticked, open_[0]}, settings) - boxes(of.item, ticked, settings)) * of.weight
    left = [of.item.options[n - 1].label for n in open_]
    zh, en = " / ".join(label.zh for label in left), " / ".join(label.en for label in left)
    return Step(of.item.no, 1, gain, _words(of, f"再满足一项：{zh}", f"one more of: {en}"))


def _choice(of: Scored) -> Step:
    """The next option of one choice."""
    label = of.item.options[of.options[0]].label
    return Step(of.item.no, 1, _next(of), _words(of, f"达到“{label.zh}”", f"to '{label.en}'"))


def _next(of: Scored) -> Fraction:
    return FULL * of.weight / (len(of.item.options) - 1)


def _rate(of: Scored) -> Step:
    """The next band, in devices."""
    part, total = of.item.of
    band = of.item.options[of.options[0]].label
    if total not in of.terms or part not in of.terms:
        return _choice(of)
    edge = of.item.options[of.options[0] - 1].to or ZERO
    more = floor(edge * of.terms[total]) + 1 - int(of.terms[part])
    zh, en = f"再增加 {more} 台，达到 {band.zh}", f"{more} more device{'' if more == 1 else 's'}, to {band.en}"
    devices = of.reading.next[:more]
    if devices:
        zh, en = f"{zh}：{'、'.join(devices)}", f"{en}: {', '.join(devices)}"
    return Step(of.item.no, more, _next(of), _words(of, zh, en), devices)


def _spend(of: Scored) -> Step:
    band = of.item.options[of.options[0]].label
    return Step(of.item.no, BUSINESS, _next(of), _words(of, f"投入占比达到 {band.zh}", f"spend {band.en} of turnover"))


def _change(of: Scored) -> Step:
    """Better than before: nobody can aim at exactly unchanged."""
    gain = (FULL - (of.points or ZERO)) * of.weight
    best, before = of.item.options[-1].label, of.shown.get("before")
    zh, en = f"变化为“{best.zh}”", f"the change must be '{best.en}'"
    if isinstance(before, Mapping) and of.item.unit:
        limit = f"{float(before['value']):.6g}"
        zh, en = f"{zh}（改造前或前年 {limit} {of.item.unit.zh}）", f"{en} ({limit} {of.item.unit.en} before)"
    return Step(of.item.no, BUSINESS, gain, _words(of, zh, en))


STEPS: Mapping[str, Callable[[Scored], Step]] = {
    "choice": _choice,
    "links": _choice,
    "rate": _rate,
    "spend": _spend,
    "change": _change,
}


def grade_step(of: Scored, segments: tuple[Segment, ...]) -> Step | None:
    """The next level of an indicator: its first points, and the clauses that are open."""
    if of.origin == "missing":
        return _answer(of)
    level = of.options[0] + 1
    starts = [segment.start for segment in segments if segment.level == level]
    if not starts:
        return None
    rating = of.ratings[0]
    unmet = [each for each in rating.unmet(level) if each.level == level]
    zh, en = "；".join(each.clause.says.zh for each in unmet), "; ".join(each.clause.says.en for each in unmet)
    gain = (starts[0] - (of.points or ZERO)) * of.weight
    words = Words(
        f"第{of.item.no}项 {of.item.title.zh} 达到 {level} 级：{zh}",
        f"item {of.item.no}, {of.item.title.en}, to level {level}: {en}",
    )
    return Step(of.item.no, len(unmet), gain, words)
