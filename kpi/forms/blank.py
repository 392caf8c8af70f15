"""An answer file to fill: every position explained beside it, nothing answered yet, and it loads as it stands."""

from collections.abc import Iterator

from config.template import Item, Template
from kpi.forms.form import setting
from kpi.forms.items import SIDES
from kpi.forms.outline import item_lines, scene_lines, segment_lines, tier_line


def blank(template: Template, lang: str) -> str:
    return "\n".join([*_head(template, lang), *_body(template, lang), *_switches(template, lang)]) + "\n"


def _head(template: Template, lang: str) -> Iterator[str]:
    yield f"# {template.title.of(lang)}  {template.source.document}  ({template.id}, {template.version})"
    use = "留空的题按未填计" if lang == "zh" else "what is left blank counts as missing"
    yield f"# gemba score {template.id} answers.yaml  ({use})"
    for tier in template.tiers:
        yield f"#   {tier_line(tier, lang)}"
    yield from (f"#   {line}" for line in segment_lines(template, lang))
    yield f"template: {template.id}"


def _body(template: Template, lang: str) -> Iterator[str]:
    if template.items:
        yield "answers:"
        for item in template.items:
            yield from (f"  # {line}" for line in item_lines(item, lang))
            yield f"  {item.no}: {_value(item)}".rstrip()
    if template.family == "jiangsu":
        note = (
            "得分，或通用评估答卷的路径"
            if lang == "zh"
            else "a score, or the path of an answer file of the general index"
        )
        yield f"general_score:   # {note}"
    if template.family in ("jiangsu", "national"):
        yield "maturity:   # GB/T 39116, 0–5"
    if template.family == "national":
        yield "ai_scene_ratio:   # 0.2 = 20 %"
    yield from _conditions(template, lang)
    for key, scenes in (("scenes", template.scenes), ("sections", template.sections)):
        if not any(scene.levels for scene in scenes):
            continue
        yield f"{key}:   # 0–4"
        for scene in scenes:
            yield from (f"  # {line}" for line in scene_lines(scene, lang))
            yield f"  {scene.name}: 0"


def _conditions(template: Template, lang: str) -> Iterator[str]:
    if template.conditions:
        note = "true 或 false，可不填" if lang == "zh" else "true or false, optional"
        yield f"{'base' if template.family == 'jiangsu' else 'declared'}:   # {note}"
        for each in template.conditions:
            yield f"  {each.name}:   # {each.says.of(lang)}"


def _value(item: Item) -> str:
    """The shape of an answer without its numbers."""
    if item.answer == "graded":
        return "{level: , points: }"
    if item.answer == "spend":
        return "{spend: [], revenue: []}"
    if item.answer in ("rate", "amounts"):
        names = item.of if item.answer == "amounts" else reversed(item.of)
        return "{" + ", ".join(f"{name}: " for name in names) + "}"
    if item.answer in SIDES:
        inner = "{" + ", ".join(f"{name}: " for name in item.of) + "}" if len(item.of) > 1 else ""
        return "{" + ", ".join(f"{side}: {inner}" for side in SIDES[item.answer]) + "}"
    return ""


def _switches(template: Template, lang: str) -> Iterator[str]:
    if not template.switches:
        return
    note = "口径开关（均为默认值；去掉 # 可改）" if lang == "zh" else "switches at their defaults; uncomment to change"
    yield f"# {note}"
    yield "# switches:"
    for switch in template.switches:
        value = setting(switch.default)
        written = str(value).lower() if isinstance(value, bool) else value
        of = f" ({' | '.join(str(setting(each)) for each in switch.of)})" if switch.of else ""
        yield f"#   {switch.name}: {written}   # {switch.says.of(lang)}{of}"
