"""One engine for all forms: `score(template, measured, declared)`. Nothing measured is `gemba score`."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from config.template import Template
from kpi.forms.declared import Declared
from kpi.forms.form import Form
from kpi.forms.gaps import gaps
from kpi.forms.index import index
from kpi.forms.kpis import kpis
from kpi.forms.measured import NOTHING, Measured
from kpi.forms.sme import sme
from kpi.forms.tiers import jiangsu, national

FAMILIES: Mapping[str, Callable[[Template, Measured, Declared], Form]] = {
    "sme": sme,
    "index": index,
    "kpis": kpis,
    "national": national,
    "jiangsu": jiangsu,
}


def score(template: Template, measured: Measured, declared: Declared) -> Form:
    """The form with every line scored, what the declarations alone would give, and what the next level needs."""
    form = FAMILIES[template.family](template, measured, declared)
    alone = FAMILIES[template.family](template, NOTHING, declared)
    return replace(form, gaps=gaps(form), declared_score=alone.score, declared_level=alone.level)
