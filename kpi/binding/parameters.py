"""What a clause gives its rule: counts, shares and lengths of time, by name."""

from collections.abc import Mapping
from fractions import Fraction

from config.template import Parameter

Parameters = Mapping[str, Parameter]


def count(of: Parameters) -> int:
    value = of["count"]
    assert isinstance(value, Fraction | int)
    return int(value)


def share(of: Parameters, name: str) -> Fraction:
    value = of[name]
    assert isinstance(value, Fraction | int)
    return Fraction(value)


def within(of: Parameters, name: str) -> int | None:
    """A length of time [ns]; None where the clause names none."""
    value = of.get(name)
    return value if isinstance(value, int) else None
