"""The result: a form with every line scored, and its one shape in JSON. Fractions inside, six decimals in print."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from config.template import Duration, Scene, Setting, Template, Words
from kpi.forms.clauses import Judged, Rating
from kpi.forms.items import Conflict, Scored

DECIMALS = 6


@dataclass(frozen=True, slots=True)
class RatedScene:
    scene: Scene
    rating: Rating


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that stands between here and the next level. `gain` is what it adds to the score; `alone`, enough."""

    to_level: int
    needs: Words
    item: str | None = None
    scene: str | None = None
    gain: Fraction | None = None
    alone: bool = False
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What a template makes of measured and declared. `also` holds what only this kind of form has."""

    template: Template
    settings: Mapping[str, Setting]
    score: Fraction | None = None
    score_high: Fraction | None = None
    complete: bool = True
    level: int | None = None
    items: tuple[Scored, ...] = ()
    scenes: tuple[RatedScene, ...] = ()
    sections: tuple[RatedScene, ...] = ()
    also: Mapping[str, object] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[Words, ...] = ()
    declared_score: Fraction | None = None
    declared_level: int | None = None

    @property
    def level_name(self) -> Words | None:
        return None if self.level is None else self.template.tiers[self.level].says

    def document(self, lang: str = "zh") -> dict[str, object]:
        """The JSON of the contract. Official names stay Chinese; prose is in the language asked for."""
        name = self.level_name
        found: dict[str, object] = {
            "template": self.template.id,
            "version": self.template.version,
            "score": self.score,
            "score_high": self.score_high,
            "complete": self.complete,
            "level": self.level,
            "level_name": None if name is None else name.zh,
            **self.also,
            "items": [_item(each, lang) for each in self.items],
            "scenes": [_scene(each, lang) for each in self.scenes],
            "gaps": [_gap(each, lang) for each in self.gaps],
            "warnings": [words.of(lang) for words in self.warnings],
            "declared": {"score": self.declared_score, "level": self.declared_level},
            "switches": {name: setting(value) for name, value in self.settings.items()},
        }
        plain = printed(found)
        assert isinstance(plain, dict)
        return plain


def printed(value: object) -> object:
    """With every Fraction as the nearest number of six decimals."""
    if isinstance(value, Fraction):
        return float(round(value, DECIMALS))
    if isinstance(value, Mapping):
        return {key: printed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [printed(each) for each in value]
    return value


def setting(value: Setting) -> bool | int | float | str:
    """A switch as an answer file writes it."""
    if isinstance(value, Duration):
        return value.text
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value


# -- lines -------------------------------------------------------------------------------------------------------------
def _item(of: Scored, lang: str) -> dict[str, object]:
    more: dict[str, object] = {}
    if of.item.answer in ("share", "count", "comparison"):
        more = {
            "value": of.value,
            "unit": "1" if of.item.answer != "count" else "count",
            "change": of.shown.get("change"),
        }
    if of.item.answer == "graded" and of.ratings:
        more = {
            "level": of.options[0] if of.options else None,
            "declared": of.ratings[0].declared,
            "cap": of.ratings[0].cap,
        }
    return {
        "item": of.item.no,
        "title": of.item.title.zh,
        "options": list(of.options),
        "points": of.points,
        "weight": of.weight,
        "contribution": of.contribution,
        "origin": of.origin,
        **more,
        "inputs": _inputs(of),
        "conflict": _conflict(of.conflict),
        "clauses": [
            _clause(judged, lang, position)
            for position, rating in of.ratings.items()
            for judged in rating.clauses
            if judged.clause.rule or not position
        ],
        "reason": of.reading.reason,
        "evidence": dict(of.reading.evidence),
    }


def _inputs(of: Scored) -> dict[str, object]:
    """The numbers as an answer file nests them, with those that were worked out of them."""
    given = nested(of.terms) | ({"na": True} if of.na else {})
    return _merged(given, {name: value for name, value in of.shown.items() if name != "change"})


def nested(terms: Mapping[str, Fraction]) -> dict[str, object]:
    """`before.tce` inside `before`, `spend.1` in a list."""
    found: dict[str, object] = {}
    for name, value in terms.items():
        number = int(value) if value.denominator == 1 else value
        side, _, inner = name.partition(".")
        if not inner:
            found[side] = number
            continue
        below = found.setdefault(side, [] if inner.isdecimal() else {})
        if isinstance(below, list):
            below.append(number)
        elif isinstance(below, dict):
            below[inner] = number
    return found


def _merged(given: dict[str, object], shown: Mapping[str, object]) -> dict[str, object]:
    found = dict(given)
    for name, value in shown.items():
        mine = found.get(name)
        if isinstance(value, Mapping) and isinstance(mine, dict):
            found[name] = {**mine, **value}
        elif mine is None:
            found[name] = value
    return found


def _conflict(of: Conflict | None) -> dict[str, object] | None:
    if of is None:
        return None
    return {"declared": _side(of.declared), "measured": _side(of.measured), "same_option": of.same_option}


def _side(of: Mapping[str, object]) -> dict[str, object]:
    inputs = of.get("inputs")
    return {**of, "inputs": nested(inputs)} if isinstance(inputs, Mapping) else dict(of)


def _scene(of: RatedScene, lang: str) -> dict[str, object]:
    return {
        "scene": of.scene.name,
        "level": of.rating.level,
        "declared": of.rating.declared,
        "cap": of.rating.cap,
        "origin": of.rating.origin,
        "clauses": [_clause(judged, lang) for judged in of.rating.clauses],
    }


def _clause(of: Judged, lang: str, position: int = 0) -> dict[str, object]:
    place = {"option": position} if position else {"level": of.level}
    return {
        **place,
        "clause": of.clause.says.of(lang),
        "basis": of.clause.basis,
        "origin": of.origin,
        "holds": of.holds,
        "branch": of.clause.branch,
        "line": of.clause.line,
        "rule": of.clause.rule,
        "reason": of.reason,
        "evidence": dict(of.evidence),
    }


def _gap(of: Gap, lang: str) -> dict[str, object]:
    return {
        "to_level": of.to_level,
        "needs": of.needs.of(lang),
        "item": of.item,
        "scene": of.scene,
        "gain": of.gain,
        "alone": of.alone,
        "devices": list(of.devices),
    }
