"""All that facts say to one form: a reading for each item that can be measured, a holding for each rule it names."""

from collections.abc import Mapping

from config.template import Rule, Setting, Template
from config.template_file import load
from kpi.binding.ground import Ground
from kpi.binding.quantities import QUANTITIES
from kpi.binding.table import RULES
from kpi.forms.answers import GENERAL
from kpi.forms.declared import Declared
from kpi.forms.measured import Holding, Measured, Reading


def measured(template: Template, declared: Declared, ground: Ground) -> Measured:
    """Under the switches of the answer file; a general index that comes along is measured under its own."""
    holdings = _holdings(template, declared.settings, ground)
    if isinstance(declared.general, Declared):
        holdings |= _holdings(load(GENERAL), declared.general.settings, ground)
    return Measured(_readings(template, declared.settings, ground), holdings)


def _readings(template: Template, settings: Mapping[str, Setting], ground: Ground) -> dict[str, Reading]:
    return {item.no: QUANTITIES[item.measured](ground, item, settings) for item in template.items if item.measured}


def _holdings(template: Template, settings: Mapping[str, Setting], ground: Ground) -> dict[Rule, Holding]:
    return {rule: RULES[rule.id](ground, dict(rule.parameters)) for rule in template.rules(settings)}
