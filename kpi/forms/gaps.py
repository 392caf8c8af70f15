"""What stands between here and the next level: what is short, then the lines that would lift it, the cheapest first.

Cheap is an answer that is only missing; then one more box, one more device, one more clause; a result of the business
comes last. Every line says what it needs and what it would bring.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from config.template import Tier, Words
from kpi.forms.clauses import Judged
from kpi.forms.form import Form, Gap, RatedScene
from kpi.forms.items import ZERO
from kpi.forms.steps import Step, grade_step, step


def gaps(form: Form) -> tuple[Gap, ...]:
    level = form.also.get("suggested_tier") if form.level is None else form.level
    if not isinstance(level, int) or level + 1 >= len(form.template.tiers):
        return ()
    tier = form.template.tiers[level + 1]
    family = {"sme": _sme, "index": _index, "national": _national, "jiangsu": _jiangsu}[form.template.family]
    return tuple(family(form, tier))


def _number(value: Fraction) -> str:
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


# -- points ------------------------------------------------------------------------------------------------------------
def _sme(form: Form, tier: Tier) -> Iterable[Gap]:
    score, needed = form.score or ZERO, tier.score or ZERO
    if score < needed:
        short, now, goal = _number(needed - score), _number(score), _number(needed)
        yield Gap(
            tier.level, Words(f"再得 {short} 分（现 {now}，需 {goal}）", f"{short} more points ({now} of {goal})")
        )
        yield from _steps(tier, needed - score, (step(each, form.settings) for each in form.items))
    yield from _scenes(form, tier, tier.scenes or 0, tier.binding or 0)


def _index(form: Form, tier: Tier) -> Iterable[Gap]:
    score, needed = form.score or ZERO, tier.suggested_above or ZERO
    now, goal = _number(score), _number(needed)
    yield Gap(tier.level, Words(f"综合得分高于 {goal}（现 {now}）", f"a score above {goal} ({now} now)"))
    counted = [each for each in form.items if each.weight]
    yield from _steps(tier, needed - score, (grade_step(each, form.template.segments) for each in counted))


def _steps(tier: Tier, short: Fraction, steps: Iterable[Step | None]) -> Iterable[Gap]:
    found = [each for each in steps if each is not None]
    for each in sorted(found, key=lambda s: (s.effort, -s.gain)):
        yield Gap(tier.level, each.needs, each.item, None, each.gain, each.gain >= short, each.devices)


# -- scenes ------------------------------------------------------------------------------------------------------------
def _scenes(form: Form, tier: Tier, many: int, binding: int, missing: Iterable[str] = ()) -> Iterable[Gap]:
    """How many scenes are short, and every scene that could be one, those with the fewest open clauses first."""
    rated, tiers = form.scenes, form.template.tiers
    reached = [each for each in rated if each.rating.level >= tier.level]
    short = max(many - len(reached), 0)
    bound = max(binding - sum(each.scene.binding for each in reached), 0)
    wanted = set(missing)
    if not short and not bound and not wanted:
        return
    if short or bound:
        yield Gap(tier.level, _count(tier, short, bound))
    open_ = [(each, _unmet(each, tier.level)) for each in rated if each.rating.level < tier.level]
    first = {each.scene.no: not (each.scene.section in wanted or (bound and each.scene.binding)) for each, _ in open_}
    for each, unmet in sorted(open_, key=lambda pair: (first[pair[0].scene.no], len(pair[1]))):
        yield Gap(tier.level, _lift(each, tiers[_goal(each, tier.level)], unmet), scene=each.scene.name)


def _count(tier: Tier, short: int, bound: int) -> Words:
    many = max(short, bound)
    zh = f"再有 {many} 个场景达到{tier.says.zh}" + (f"，其中约束性场景 {bound} 个" if bound else "")
    en = f"{many} more scene{'' if many == 1 else 's'} at {tier.says.en}" + (
        f", {bound} of them binding" if bound else ""
    )
    return Words(zh, en)


def _goal(of: RatedScene, level: int) -> int:
    """The first level from there on that has a text."""
    levels = of.scene.levels
    return next(n for n in range(level, len(levels) + 1) if levels[n - 1] is not None)


def _unmet(of: RatedScene, level: int) -> tuple[Judged, ...]:
    """The open clauses up to there; of alternatives the shortest."""
    goal = _goal(of, level)
    found: list[Judged] = []
    for n in range(of.rating.level + 1, goal + 1):
        row = [each for each in of.rating.unmet(goal) if each.level == n]
        found += [each for each in row if each.clause.branch is None]
        branches = {each.clause.branch for each in of.rating.clauses if each.level == n} - {None}
        ways = [[each for each in row if each.clause.branch == branch] for branch in sorted(branches, key=str)]
        found += sorted(ways, key=len)[0] if ways else []
    return tuple(found)


def _lift(of: RatedScene, tier: Tier, unmet: tuple[Judged, ...]) -> Words:
    star = "*" if of.scene.binding else ""
    zh = "；".join(each.clause.says.zh + ("（实测不满足）" if each.fails else "") for each in unmet)
    en = "; ".join(each.clause.says.en + (" (measured: not met)" if each.fails else "") for each in unmet)
    return Words(f"{of.scene.name}{star} 达到{tier.says.zh}：{zh}", f"{of.scene.en}{star} to {tier.says.en}: {en}")


# -- tiers of factories ------------------------------------------------------------------------------------------------
def _national(form: Form, tier: Tier) -> Iterable[Gap]:
    check = _check(form, tier)
    yield from _figures(tier, check)
    wanted = set(check["must_cover"]) - set(check["covered"])  # type: ignore[call-overload]
    for each in form.sections:
        if each.scene.name in wanted:
            yield Gap(tier.level, _lift(each, tier, _unmet(each, tier.level)), scene=each.scene.name)


def _jiangsu(form: Form, tier: Tier) -> Iterable[Gap]:
    check = _check(form, tier)
    if not check["general_score_above_60"]:
        limit, now = _number(tier.general_above or ZERO), _now(check["composite"])
        zh, en = f"通用评估得分高于 {limit}（现 {now[0]}）", f"a general score above {limit} ({now[1]} now)"
        yield Gap(tier.level, Words(zh, en))
    yield from _figures(tier, check)
    wanted = [name for name in check["must_cover"] if name not in check["covered"]]  # type: ignore[attr-defined,operator]
    says = {section.name: section.en for section in form.template.sections}
    for name in wanted:
        zh, en = f"“{name}”环节至少一个场景达到{tier.says.zh}", f"a scene of {says[name]} at {tier.says.en}"
        yield Gap(tier.level, Words(zh, en))
    yield from _scenes(form, tier, tier.scenes or 0, 0, wanted)


def _check(form: Form, tier: Tier) -> Mapping[str, object]:
    checks = form.also["checks"]
    assert isinstance(checks, Mapping)
    found = checks[tier.says.zh]
    assert isinstance(found, Mapping)
    return found


def _now(value: object) -> tuple[str, str]:
    """A figure as it is now, in both languages."""
    if value is None:
        return "未填", "not given"
    shown = _number(value) if isinstance(value, Fraction) else str(value)
    return shown, shown


def _figures(tier: Tier, check: Mapping[str, object]) -> Iterable[Gap]:
    if not check["cmmm_ok"]:
        zh, en = _now(check["cmmm"])
        goal = check["cmmm_needed"]
        words = Words(f"智能制造能力成熟度达到 {goal} 级（现 {zh}）", f"maturity level {goal} ({en} now)")
        yield Gap(tier.level, words)
    if not check.get("ai_scene_ratio_ok", True):
        zh, en = _now(check["ai_scene_ratio"])
        goal = _number(tier.ai_scene_ratio or ZERO)
        yield Gap(
            tier.level, Words(f"人工智能场景比例不低于 {goal}（现 {zh}）", f"an AI scene ratio of {goal} ({en} now)")
        )
    conditions = check["conditions"]
    assert isinstance(conditions, Mapping)
    for name, met in conditions.items():
        if met is False:
            yield Gap(tier.level, Words(f"条件 {name}：填报为不满足", f"condition {name}: declared as not met"))
