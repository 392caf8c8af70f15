"""A form of a plant: what was measured and what was declared, together, with everything it takes to check it.

The command line and the API both come here; what they print is the same to the byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from config.template import Template
from config.zone import shown
from kpi.binding.bind import measured
from kpi.binding.ground import Ground
from kpi.forms.answers import parse_answers
from kpi.forms.declared import Declared
from kpi.forms.form import Form, printed
from kpi.forms.score import score
from kpi.measured import Json
from kpi.report import rules_of


@dataclass(frozen=True, slots=True)
class Assessment:
    """A scored form, and the ground that it stands on."""

    form: Form
    ground: Ground

    def document(self, lang: str = "zh") -> Json:
        """The form as it was scored, and beside it the plant, the windows, the policy and the factors."""
        found = {**self.form.document(lang), **self.about()}
        plain = printed(found)
        assert isinstance(plain, dict)
        return plain

    def about(self) -> Json:
        """What the form stands on."""
        ground, plant = self.ground, self.ground.plant
        base, register = ground.baseline, plant.register
        return {
            "plant": plant.id,
            "from": shown(ground.start, plant.timezone),
            "to": shown(ground.end, plant.timezone),
            "baseline": base and {"from": shown(base.start, plant.timezone), "to": shown(base.end, plant.timezone)},
            "calendar": plant.calendar.name,
            "policy": {**rules_of(plant), "networked": ground.rates["networking"].document(plant)["rule"]},
            "factors": f"{plant.factors.profile}@{plant.factors.version}",
            "register": register and {"sha256": register.sha256, "rows": len(register.devices)},
            "store": ground.reader.store,
            "plant_sha256": plant.sha256,
        }


def assess(template: Template, declared: Declared, ground: Ground) -> Assessment:
    return Assessment(score(template, measured(template, declared, ground), declared), ground)


def declared_of(template: Template, answers: Mapping[str, object] | None) -> Declared:
    """An answer file that came as JSON; one that has only numbered answers stands for its `answers`.

    Raises TemplateError.
    """
    given: Mapping[str, object] = answers or {}
    if given and all(str(key).isdecimal() for key in given):
        given = {"answers": given}
    written = orjson.dumps({"template": template.id, **given}, option=orjson.OPT_NON_STR_KEYS)
    return parse_answers(template, written.decode())
