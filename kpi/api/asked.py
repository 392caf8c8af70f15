"""What may be asked of each path, by the names of the command line. What is not named here is refused: a word that was
spelled wrongly must not be taken for one that was left out.

Patterns say what is always understood; the plant's own parsers decide, and say better what is wrong.
"""

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from config.factors import profiles
from kpi.api.problems import Problem, fault
from kpi.api.service import Service

YEAR = "(19[7-9][0-9]|20[0-9]{2}|21[0-9]{2})"
DATE = f"{YEAR}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
TIME = f"^{DATE}(T{CLOCK}(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?)?$"
LENGTH = "^([1-9][0-9]{0,4}(ms|s|min|h)|1?[1-9][0-9]{0,2}d)$"
MONTH = f"^{YEAR}-(0[1-9]|1[0-2])$"
AMOUNT = r"^([1-9][0-9]{0,11}(\.[0-9]{1,6})?|0\.[0-9]{0,5}[1-9])$"


def word(pattern: str, longest: int, alias: str | None = None, **told: Any) -> Any:
    """An optional parameter that the plant's own parser reads."""
    return Field(None, alias=alias, max_length=longest, json_schema_extra={"pattern": pattern}, **told)


Amount = Annotated[str | None, Field(max_length=20, pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]
Per = Literal["slice", "hour", "shift", "day", "week", "month", "year", "window"]


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Language(Nothing):
    lang: Literal["zh", "en"] = "zh"


class Page(Nothing):
    cursor: int = Field(0, ge=0, le=2**62, description="from the page before")
    limit: int = Field(100, ge=1, le=1000)


class Span(Nothing):
    start: str | None = word(
        TIME, 40, "from", description="date or date-time; the plant's zone", examples=["2026-11-02"]
    )
    end: str | None = word(TIME, 40, "to", description="exclusive; cut to now", examples=["2026-11-03T08:00"])
    last: str | None = word(LENGTH, 12, description="so long until now", examples=["30d"])
    month: str | None = word(MONTH, 7, description="in production time", examples=["2026-10"])

    def window(self, service: Service) -> tuple[int, int]:
        return service.window(self.start, self.end, self.last, self.month)


class Rows(Span):
    cursor: int = Field(0, ge=0, le=2**62, description="from the page before")
    limit: int = Field(1000, ge=1, le=1000)


class Series(Rows):
    points: str | None = Field(None, max_length=400, description="names, with commas; default all")


class Compared(Span):
    per: Per = "window"
    baseline_from: str | None = word(TIME, 40, "baseline-from")
    baseline_to: str | None = word(TIME, 40, "baseline-to")

    def baseline(self, service: Service) -> tuple[int, int] | None:
        return service.baseline(self.baseline_from, self.baseline_to)


class Kpis(Compared):
    by: Literal["asset", "line", "workshop", "plant"] = "asset"
    profile: Literal["iso22400", "tpm"] = "iso22400"


class Energy(Compared):
    by: Literal["plant"] | None = Field(None, description="also a row of each plant of the group, and one of all")
    factors: str | None = Field(None, max_length=40, json_schema_extra={"enum": list(profiles())})
    revenue: Amount = Field(None, description="万元", json_schema_extra={"pattern": AMOUNT})
    baseline_revenue: Amount = Field(
        None, alias="baseline-revenue", description="万元", json_schema_extra={"pattern": AMOUNT}
    )

    def baseline(self, service: Service) -> tuple[int, int] | None:
        return service.baseline(self.baseline_from, self.baseline_to, self.baseline_revenue is not None)

    def profile(self) -> str | None:
        if self.factors is not None and self.factors not in profiles():
            known = ", ".join(profiles())
            raise Problem(422, f"no such profile of factors (got {self.factors[:40]}); known: {known}")
        return self.factors

    def revenues(self) -> tuple[Fraction | None, Fraction | None]:
        return _amount("revenue", self.revenue), _amount("baseline-revenue", self.baseline_revenue)


def _amount(name: str, text: str | None) -> Fraction | None:
    value = None if text is None else Fraction(text)
    if value is not None and not value:
        raise Problem(422, f"{name} must be above zero, in 万元", faults=[fault(name, "must be above zero", text)])
    return value
