"""What an enterprise declares: an answer file as values that are known to be right."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from config.template import Setting


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one item: options by position, or terms by name (`before.tce`); `na` is 不涉及此环节."""

    options: tuple[int, ...] | None = None
    terms: Mapping[str, Fraction] = field(default_factory=dict)
    na: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """An answer file. `general` is a score of the Jiangsu index, or its answers; `settings` has every switch."""

    settings: Mapping[str, Setting]
    items: Mapping[str, Answer] = field(default_factory=dict)
    scenes: Mapping[int, int] = field(default_factory=dict)
    sections: Mapping[str, int] = field(default_factory=dict)
    conditions: Mapping[str, bool] = field(default_factory=dict)
    maturity: int | None = None
    ai_scene_ratio: Fraction | None = None
    general: "Fraction | Declared | None" = None
