"""An unfilled form for a terminal: what each level asks, then every line with its positions."""

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.template import Clauses, Template


def text(template: "Template", lang: str) -> str:
    return "\n".join(_lines(template, lang))


def _lines(template: "Template", lang: str) -> Iterator[str]:
    from kpi.forms.form import setting
    from kpi.forms.outline import item_lines, scene_lines, segment_lines, tier_line

    source = template.source
    yield f"{template.title.of(lang)}  ({template.id}, {template.version})"
    yield f"{source.document}  §{source.section}  L{source.lines}"
    yield ""
    yield from (tier_line(tier, lang) for tier in template.tiers)
    yield from segment_lines(template, lang)
    for item in template.items:
        yield ""
        yield from item_lines(item, lang)
    for scene in (*template.scenes, *(each for each in template.sections if each.levels)):
        yield ""
        yield from scene_lines(scene, lang)
    if template.conditions:
        yield ""
        yield from (f"{each.name}  {each.says.of(lang)}" for each in template.conditions)
    if template.switches:
        yield ""
        yield from (f"{each.name} = {setting(each.default)}  {each.says.of(lang)}" for each in template.switches)


def lines(template: "Template", lang: str) -> str:
    """Every position as CSV: options of items, levels of indicators and scenes; "/" may not be declared."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(("part", "no", "title", "position", "label"))
    for item in template.items:
        sheet.writerow(("item", item.no, item.title.of(lang), "", item.question.of(lang)))
        sheet.writerows(
            ("option", item.no, item.title.of(lang), n, o.label.of(lang)) for n, o in enumerate(item.options, 1)
        )
        for level, row in enumerate(item.levels, 1):
            sheet.writerow(("level", item.no, item.title.of(lang), level, _clauses(row, lang)))
    for scene in (*template.scenes, *(each for each in template.sections if each.levels)):
        for level, row in enumerate(scene.levels, 1):
            sheet.writerow(("scene", scene.no, scene.says.of(lang), level, _clauses(row, lang)))
    return out.getvalue()


def _clauses(row: "Clauses | None", lang: str) -> str:
    return "/" if row is None else "; ".join(clause.says.of(lang) for clause in row)
