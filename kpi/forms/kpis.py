"""The 21 indicators of the national annex: each a value with its change; there is no score and no level."""

from config.template import Template, Words
from kpi.forms.clauses import Judge
from kpi.forms.declared import Declared
from kpi.forms.form import Form
from kpi.forms.items import one_sided, scored
from kpi.forms.measured import Measured

OEE = Words("设备综合利用率按设备综合效率（OEE）计", "设备综合利用率 is taken as overall equipment effectiveness (OEE)")


def kpis(template: Template, facts: Measured, declared: Declared) -> Form:
    judge = Judge(template, declared.settings, facts)
    items = tuple(scored(item, declared.items.get(item.no), judge) for item in template.items)
    return Form(
        template,
        declared.settings,
        complete=all(each.origin != "missing" for each in items),
        items=items,
        warnings=(OEE, *one_sided(items), *(note for each in items for note in each.notes)),
    )
