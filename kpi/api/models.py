"""The shapes that the API answers with, for the OpenAPI document: clients are generated from these.

Answers themselves are the same bytes that the command line prints; a test holds the two together. Fields may be added,
never renamed, so every model allows more than it names.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kpi.api.asked import TIME, Nothing, word

Time = Annotated[str, Field(description="ISO 8601 with offset", examples=["2026-11-02T08:00:00+08:00"])]
Number = float | None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=True)


class Fault(Open):
    where: str
    line: int
    what: str
    got: str | None = None
    do: str = ""


class ProblemDocument(Open):
    """RFC 9457."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str
    faults: list[Fault] | None = None


class Inputs(Open):
    rows: int
    sha256: str
    plant_sha256: str
    store: str = Field(examples=["journal"], description="journal or influxdb; of a group, the stores that answered")


class Measured(Open):
    """A KPI with its evidence. `value` is null when it is not measured; `reason` says why."""

    kpi: str = Field(examples=["oee"])
    value: Number = Field(examples=[0.7479])
    low: Number
    high: Number
    unit: str = Field(examples=["1"])
    coverage: Number
    reason: str | None
    flags: list[str]
    profile: str
    terms: dict[str, Any]
    start: Time = Field(alias="from")
    to: Time
    method: str = Field(examples=["oee@1"])
    inputs: Inputs


class Rate(Open):
    """A rate of equipment: what was heard over what is registered, with every device's reason."""

    value: Number
    low: Number
    high: Number
    coverage: Number
    reason: str | None
    flags: list[str]
    numerator: int | None
    denominator: int | None
    assets: list[str]
    excluded: list[dict[str, Any]]
    rule: dict[str, Any]
    register_: dict[str, Any] | None = Field(alias="register")
    start: Time = Field(alias="from")
    to: Time
    days_observed: int


class KpiRow(Open):
    """Of an asset, a line, a workshop or the plant, over one period."""

    start: Time = Field(alias="from")
    to: Time
    shift: str | None = None
    kpis: dict[str, Measured]
    time_ms: dict[str, int]
    quantity: dict[str, Any]


class Kpis(Open):
    plant: str
    start: Time = Field(alias="from")
    to: Time
    by: Literal["asset", "line", "workshop", "plant"]
    per: str
    profile: Literal["iso22400", "tpm"]
    rates: dict[str, Rate]
    rows: list[KpiRow]


class Energy(Open):
    start: Time = Field(alias="from")
    to: Time
    factors: str = Field(examples=["sme-2024@1"])
    tce: Number = Field(examples=[382.919])
    tce_low: Number
    tce_high: Number
    co2_t: Number
    reason: str | None
    flags: list[str]
    coverage: Number
    carriers: list[dict[str, Any]]
    by_state: dict[str, Number]
    assets: list[dict[str, Any]]
    rows: list[dict[str, Any]]


class Health(Open):
    """To a caller without a token this is all; to others it also says what is wrong."""

    status: Literal["ok", "degraded"]


class Page(Open):
    """`cursor` asks for the next page; null on the last one."""

    cursor: str | None


class PlantDocument(Open):
    plant: str
    name: str
    timezone: str
    sha256: str
    assets: int
    points: int
    sources: int
    meters: int


class Source(Open):
    source: str
    protocol: str
    url: str
    state: str
    age: Number
    assets: list[str]
    links: list[dict[str, Any]]


class Sources(Page):
    sources: list[Source]


class Asset(Open):
    asset: str
    name: str
    line: str | None
    workshop: str | None
    control: str | None
    connected: bool
    state: str
    since: Time | None
    age: Number


class Assets(Page):
    assets: list[Asset]


class Stretch(Open):
    state: str
    start: Time = Field(alias="from")
    to: Time


class Timeline(Page):
    asset: str
    start: Time = Field(alias="from")
    to: Time
    states: list[Stretch]


class Column(Open):
    point: str
    unit: str | None
    rows: list[tuple[Time, Any, str]]


class Series(Page):
    """Final values: each row is its time, its value (null where it is not Good) and its quality."""

    asset: str
    start: Time = Field(alias="from")
    to: Time
    points: list[Column]


class TemplateLine(Open):
    id: str
    version: str
    title: str


class Templates(Page):
    templates: list[TemplateLine]


class Template(Open):
    id: str
    version: str


class Baseline(Nothing):
    start: str = Field(alias="from", max_length=40, json_schema_extra={"pattern": TIME}, examples=["2025-10-01"])
    to: str | None = word(TIME, 40, examples=["2025-11-01"])


class Assessment(Nothing):
    """What is asked of an assessment: the window, the baseline, and the answers that are declared."""

    start: str | None = word(TIME, 40, "from", examples=["2026-10-01"])
    to: str | None = word(TIME, 40, examples=["2026-11-01"])
    baseline: Baseline | None = None
    answers: dict[str, Any] = Field(default_factory=dict, examples=[{"template": "sme-2024", "answers": {"1": [2, 3]}}])


class Form(Open):
    template: str
    version: str
    score: Number
    complete: bool
    level: int | None
    items: list[dict[str, Any]] = Field(default_factory=list)
