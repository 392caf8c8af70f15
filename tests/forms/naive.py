"""A second scorer, deliberately naive: written from the official text alone, one table and one loop after another.

It takes an answer file as plain values that are known to be right, checks nothing, and shares no line with the engine.
"""

from fractions import Fraction
from typing import Any

BASE, RUN, RESULT = "数字化基础", "数字化管理", "数字化成效"
SME = {  # item: dimension, first-level x second-level x item weight in per cent, number of options
    "1": (BASE, 50, 40, 40, 5),
    "2": (BASE, 50, 40, 30, 5),
    "3": (BASE, 50, 40, 30, 5),
    "4": (BASE, 50, 20, 100, 15),
    "5": (BASE, 50, 20, 100, 5),
    "6": (BASE, 50, 20, 50, 5),
    "7": (BASE, 50, 20, 50, 5),
    "8": (RUN, 30, 50, 50, 6),
    "9": (RUN, 30, 50, 50, 5),
    "10": (RUN, 30, 50, 50, 6),
    "11": (RUN, 30, 50, 50, 5),
    "12": (RESULT, 20, 35, 100, 3),
    "13": (RESULT, 20, 35, 100, 3),
    "14": (RESULT, 20, 30, 50, 3),
    "15": (RESULT, 20, 30, 50, 3),
}
BINDING = [
    "产品设计",
    "营销管理",
    "生产管控",
    "质量管理",
    "设备管理",
    "安全生产",
    "能耗管理",
    "采购管理",
    "仓储物流",
    "财务管理",
]


def exact(value: Any) -> Fraction:
    return Fraction(str(value))


def five_bands(ratio: Fraction) -> int:
    """0 to 10 per cent is the first option, and every upper edge belongs to the band below it."""
    if ratio <= Fraction(10, 100):
        return 1
    if ratio <= Fraction(20, 100):
        return 2
    if ratio <= Fraction(40, 100):
        return 3
    if ratio <= Fraction(60, 100):
        return 4
    return 5


def three(before: Fraction, after: Fraction, good: str) -> int:
    if after == before:
        return 2
    if good == "up":
        return 3 if after > before else 1
    return 3 if after < before else 1


def chosen(item: str, answer: Any) -> list[int]:
    if item in ("1", "4", "6", "7", "9", "10"):
        return [] if answer in ([], [1]) else list(answer)
    if item == "2":
        return [five_bands(Fraction(answer["digital"], answer["total"]))]
    if item == "3":
        return [five_bands(Fraction(answer["networked"], answer["total"]))]
    if item in ("5", "8"):
        return [answer]
    if item == "11":
        if "ratio" in answer:
            return [five_bands(exact(answer["ratio"]))]
        return [
            five_bands(sum(map(exact, answer["spend"]), Fraction(0)) / sum(map(exact, answer["revenue"]), Fraction(0)))
        ]
    b, a = answer["before"], answer["after"]
    if item == "12":
        return [three(exact(b["tce"]) / exact(b["revenue"]), exact(a["tce"]) / exact(a["revenue"]), "down")]
    if item == "13":
        return [three(exact(b), exact(a), "up")]
    if item == "14":
        return [three(exact(b["revenue"]) / b["employees"], exact(a["revenue"]) / a["employees"], "up")]
    return [three(exact(b["cost"]) / exact(b["revenue"]), exact(a["cost"]) / exact(a["revenue"]), "down")]


def points(item: str, answer: Any) -> Fraction:
    options = SME[item][4]
    picks = chosen(item, answer)
    if item in ("1", "4", "6", "7", "9", "10"):
        return Fraction(len(picks) * 100, options - 1)
    table = {3: [0, 50, 100], 5: [0, 25, 50, 75, 100], 6: [0, 20, 40, 60, 80, 100]}
    return Fraction(table[options][picks[0] - 1])


def sme(answers: dict[str, Any], scenes: dict[str, int]) -> dict[str, Any]:
    score = high = Fraction(0)
    dimensions = {BASE: Fraction(0), RUN: Fraction(0), RESULT: Fraction(0)}
    each = {}
    for item, (dimension, one, two, own, _) in SME.items():
        weight = Fraction(one, 100) * Fraction(two, 100) * Fraction(own, 100)
        if item in answers:
            got = points(item, answers[item])
            each[item] = got
            score += got * weight
            high += got * weight
            dimensions[dimension] += got * weight
        else:
            high += 100 * weight
    by_score = by_scenes = 0
    for level, threshold, many, binding in ((1, 20, 6, 3), (2, 40, 6, 3), (3, 60, 8, 5), (4, 80, 10, 6)):
        if score >= threshold:
            by_score = level
        reached = [name for name in scenes if scenes[name] >= level]
        if len(reached) >= many and len([name for name in reached if name in BINDING]) >= binding:
            by_scenes = level
    return {
        "score": score,
        "score_high": high,
        "dimensions": dimensions,
        "points": each,
        "level_by_score": by_score,
        "level_by_scenes": by_scenes,
        "level": min(by_score, by_scenes),
    }


def jiangsu_general(answers: dict[str, Any]) -> dict[str, Any]:
    total = Fraction(0)
    known = count = 0
    for item in ("1", "2", "3", "4", "5", "6", "8", "9", "10"):
        answer = answers.get(item)
        if answer == "na":
            continue
        count += 1
        if answer is not None:
            known += 1
            total += exact(answer["points"])
    score = total / count
    tier = 0
    for above in (60, 70, 80, 90):
        if score > above:
            tier += 1
    return {
        "score": score,
        "score_high": (total + 100 * (count - known)) / count,
        "suggested_tier": tier,
        "range_with_item_7": [total / (count + 1), (total + 100) / (count + 1)],
    }


HEADINGS = {  # the fifteen headings' scenes, sorted into the five sections
    "工厂建设": [1, 2, 31, 32, 33],
    "研发设计": [3, 4, 5, 6, 34],
    "生产作业": [9, 10, 11, 12, 13, 14, 16],
    "生产管理": [7, 8, 15, 17, 18, 19, 20, 21, 22, 23, 24, 36, 40],
    "运营管理": [25, 26, 27, 28, 29, 30, 35, 37, 38, 39],
}
ALL = sorted(HEADINGS)
THREE = ["生产作业", "生产管理", "运营管理"]


def jiangsu_factory(scenes: dict[int, int], maturity: int, general: Fraction, base: dict[str, bool]) -> int:
    level = 0
    if False in base.values():
        return 0
    for tier, many, cover, cmmm in ((1, 8, ["生产作业"], 2), (2, 15, THREE, 2), (3, 20, ALL, 3), (4, 25, ALL, 4)):
        reached = [no for no in scenes if scenes[no] >= tier]
        covered = [s for s in HEADINGS if [no for no in reached if no in HEADINGS[s]]]
        if len(reached) >= many and all(s in covered for s in cover) and maturity >= cmmm and general > 60:
            level = tier
    return level


def national_factory(sections: dict[str, int], maturity: int, ai: Fraction, declared: dict[str, bool]) -> int:
    level = 0
    wanted = {
        1: ["basic", "kpi_position"],
        2: ["basic", "previous_tier", "kpi_position", "lead"],
        3: ["basic", "previous_tier", "kpi_position", "lead", "standards", "people"],
        4: ["basic", "previous_tier", "kpi_position", "lead", "standards", "people"],
    }
    needed = ((1, ["生产作业"], 2, 0), (2, THREE, 2, 0), (3, ALL, 3, Fraction(20, 100)), (4, ALL, 4, Fraction(60, 100)))
    for tier, cover, cmmm, share in needed:
        refused = [name for name in wanted[tier] if declared.get(name) is False]
        if all(sections.get(s, 0) >= tier for s in cover) and maturity >= cmmm and ai >= share and not refused:
            level = tier
    return level


def kpi(item: int, base: Fraction, now: Fraction) -> Fraction:
    if item in (7, 8, 9, 11, 12, 13, 14, 16):
        return (now - base) / base
    return (base - now) / base
