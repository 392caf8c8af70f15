"""From the numbers of one item to its option or value: bands, changes, ratios; exact, or None where there is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from config.template import Item, Setting, Words

Terms = Mapping[str, Fraction]
Settings = Mapping[str, Setting]
MOST = Fraction(4, 5)  # "大于80%" of the business links


@dataclass(frozen=True, slots=True)
class Figure:
    """What an item's numbers come to. `shown` are the numbers an assessor wants to see beside those given."""

    options: tuple[int, ...] = ()
    value: Fraction | None = None
    shown: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[Words, ...] = ()


def figure(item: Item, terms: Terms, settings: Settings) -> Figure | None:
    """None: numbers are missing, or a divisor is 0, which is not scorable rather than 0."""
    return KINDS[item.answer](item, terms, settings)


def band(item: Item, ratio: Fraction) -> int:
    """The option whose band holds the ratio; an upper edge belongs to the lower band."""
    ends = [option.to for option in item.options if option.to is not None]
    return 1 + sum(ratio > end for end in ends[:-1])


def ratio(over: Fraction | None, under: Fraction | None) -> Fraction | None:
    return over / under if over is not None and under else None


def _rate(item: Item, terms: Terms, settings: Settings) -> Figure | None:
    part, total = item.of
    rate = ratio(terms.get(part), terms.get(total))
    return None if rate is None else Figure((band(item, rate),), rate, {"ratio": rate})


def _links(item: Item, terms: Terms, settings: Settings) -> Figure | None:
    """0, 1, several, more than 80 %, all."""
    links, every = terms.get("links"), settings["item5_links"]
    if links is None or not isinstance(every, Fraction):
        return None
    place = 5 if links == every else 4 if links > MOST * every else 3 if links > 1 else int(links) + 1
    return Figure((place,), shown={"ratio": links / every})


def _spend(item: Item, terms: Terms, settings: Settings) -> Figure | None:
    """The ratio of the sums, or the mean of the yearly ratios; both are shown, and a note says when it matters."""
    if "ratio" in terms:
        return Figure((band(item, terms["ratio"]),), terms["ratio"], {"ratio": terms["ratio"]})
    years = [n for n in ("1", "2", "3") if f"spend.{n}" in terms]
    spend, revenue = ([terms[f"{name}.{n}"] for n in years] for name in item.of)
    sums = ratio(sum(spend, Fraction(0)), sum(revenue, Fraction(0)))
    if sums is None:
        return None
    yearly = [s / r for s, r in zip(spend, revenue, strict=True) if r]
    mean = sum(yearly, Fraction(0)) / len(yearly) if len(yearly) == len(years) else None
    chosen = mean if settings["item11_ratio"] == "years" and mean is not None else sums
    shown = {"ratio": chosen, "ratio_of_sums": sums, "mean_of_ratios": mean, "per_year": sum(spend) / len(years)}
    return Figure((band(item, chosen),), chosen, shown, _apart(item, sums, mean))


def _apart(item: Item, sums: Fraction, mean: Fraction | None) -> tuple[Words, ...]:
    if mean is None or band(item, sums) == band(item, mean):
        return ()
    first, second = (item.options[band(item, each) - 1].label.zh for each in (sums, mean))
    by_sums, by_mean = (f"{float(each) * 100:.6g} %" for each in (sums, mean))
    zh = f"第{item.no}题：合计之比 {by_sums} 属 {first}，逐年比例平均 {by_mean} 属 {second}"
    en = f"item {item.no}: the ratio of the sums, {by_sums}, is in {first}; the mean of ratios, {by_mean}, in {second}"
    return (Words(zh, en),)


def _change(item: Item, terms: Terms, settings: Settings) -> Figure | None:
    """Worse, unchanged or better: the options in the order of the form."""
    before, after = (_quotient(item, terms, side) for side in ("before", "after"))
    if before is None or after is None:
        return None
    relative = ratio(after - before, before)
    tolerance = settings["flat_tolerance"]
    flat = after == before or (relative is not None and abs(relative) <= tolerance)  # type: ignore[operator]
    better = after < before if item.better == "lower" else after > before
    shown = {"before": {"value": before}, "after": {"value": after}, "relative": relative}
    return Figure((2 if flat else 3 if better else 1,), None, shown, _uncertain(item, relative, settings))


def _quotient(item: Item, terms: Terms, side: str) -> Fraction | None:
    if len(item.of) == 1:
        return terms.get(side)
    quotient = ratio(*(terms.get(f"{side}.{name}") for name in item.of))
    return None if quotient is None else quotient * item.scale


def _uncertain(item: Item, relative: Fraction | None, settings: Settings) -> tuple[Words, ...]:
    limit = settings["metering_uncertainty"]
    if not item.measurable_terms or len(item.of) == 1 or not relative or not isinstance(limit, Fraction):
        return ()
    if abs(relative) >= limit:
        return ()
    change, most = f"{float(relative) * 100:+.3g} %", f"{float(limit) * 100:.3g} %"
    zh = f"第{item.no}题：变化 {change}，小于计量不确定度 {most}"
    return (Words(zh, f"item {item.no}: the change of {change} is within metering uncertainty, {most}"),)


def _plain(item: Item, terms: Terms, settings: Settings) -> Figure | None:
    given = bool(item.of) and all(name in terms for name in item.of)
    value = ratio(*(terms[name] for name in item.of)) if given else terms.get("value")
    return None if value is None else Figure(value=value)


def _comparison(item: Item, terms: Terms, settings: Settings) -> Figure | None:
    """The rise or fall that the item's title names, relative and, of shares, in points too."""
    base, now = (terms.get(side, _quotient(item, terms, side) if item.of else None) for side in ("base", "now"))
    if base is None or now is None:
        return None
    gain = base - now if item.better == "lower" else now - base
    relative, points = ratio(gain, base), gain if item.share else None
    value = points if settings["change"] == "points" and points is not None else relative
    shown = {"base": {"value": base}, "now": {"value": now}, "change": {"relative": relative, "points": points}}
    return None if value is None else Figure(value=value, shown=shown)


KINDS: Mapping[str, Callable[[Item, Terms, Settings], Figure | None]] = {
    "rate": _rate,
    "links": _links,
    "spend": _spend,
    "change": _change,
    "share": _plain,
    "count": _plain,
    "comparison": _comparison,
}


def above(score: Fraction, limit: Fraction | None, settings: Settings) -> bool:
    """高于 leaves the limit out, unless a switch reads it as 不低于."""
    return limit is not None and (score > limit or (score == limit and settings.get("above") == "inclusive"))
