"""The paths of the API, version 1. Each says what it takes, what it answers and which problems it may answer with."""

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from config import span
from config.zone import shown
from kpi.api import models, views
from kpi.api.problems import MEDIA, Problem
from kpi.api.service import Service

PER = Literal["slice", "hour", "shift", "day", "week", "month", "year", "window"]
BY = Literal["asset", "line", "workshop", "plant"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WORDS = {
    401: "no token, or one that is unknown or has expired",
    403: "the token lacks the scope",
    404: "no such thing",
    405: "not with this method",
    422: "a parameter or the body is wrong",
    429: "too many requests with this token",
    503: "the store does not answer",
}


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    shape = {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    return {code: {"description": WORDS[code], "content": {MEDIA: shape}} for code in (401, 403, 429, 503, *codes)}


def answered(model: str, description: str = "the document") -> dict[int | str, dict[str, Any]]:
    """The 200 and the 304 of a document whose bytes are made elsewhere."""
    shape = {"schema": {"$ref": f"#/components/schemas/{model}"}}
    return {
        200: {"description": description, "content": {"application/json": shape}},
        304: {"description": "not changed since the ETag that was sent"},
    }


T = Annotated[str | None, Query(max_length=40)]
FROM = Annotated[str | None, Query(alias="from", max_length=40, description="date or date-time; the plant's zone")]
TO = Annotated[str | None, Query(alias="to", max_length=40, description="exclusive; cut to now")]
LAST = Annotated[str | None, Query(max_length=12, description="so long until now, as 30d")]
MONTH = Annotated[str | None, Query(max_length=7, description="as 2026-10, in production time")]
BASE_FROM = Annotated[str | None, Query(alias="baseline-from", max_length=40)]
BASE_TO = Annotated[str | None, Query(alias="baseline-to", max_length=40)]
REVENUE = Annotated[str | None, Query(max_length=20, pattern=r"^\d{1,12}(\.\d{1,6})?$", description="万元")]
CURSOR = Annotated[int, Query(ge=0, le=2**62, description="from the page before")]
LIMIT = Annotated[int, Query(ge=1, le=1000)]
NAME = Annotated[str, Path(alias="id", max_length=64)]
MATCH = Annotated[str | None, Header(alias="If-None-Match", max_length=200)]


def served(body: bytes, match: str | None = None) -> Response:
    """A body with its ETag; 304 where the caller has it already."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if match is not None and (
        match.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in match.split(",")]
    ):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def document(told: Mapping[str, Any], match: str | None = None) -> Response:
    return served(orjson.dumps(told) + b"\n", match)


def make(service: Service) -> APIRouter:
    router = APIRouter(prefix="/api/v1")

    @router.get("/health", responses=answered("Health"), operation_id="health", tags=["plant"])
    def health(request: Request) -> Response:
        """Whether this server can answer. Needs no token, and says more to whoever has one."""
        told: dict[str, Any] = {"status": "ok"}
        if request.state.token is not None or not request.app.state.tokens.all():
            told = service.health()
        return document(told)

    @router.get("/plant", responses={**answered("PlantDocument"), **problems()}, operation_id="plant", tags=["plant"])
    def plant(match: MATCH = None) -> Response:
        """What the plant file says of the plant."""
        return document(views.plant_document(service.plant()), match)

    @router.get("/sources", responses={**answered("Sources"), **problems(422)}, operation_id="sources", tags=["plant"])
    def sources(cursor: CURSOR = 0, limit: LIMIT = 100, match: MATCH = None) -> Response:
        """Every source with the state of its link and its communication history of the last 24 hours."""
        of, reader, now = service.plant(), service.reader(), service.clock()
        names = list(of.sources)
        rows = [views.source(reader, of, name, now) for name in names[cursor : cursor + limit]]
        return document({"sources": rows, "cursor": _next(cursor, limit, len(names))}, match)

    @router.get("/assets", responses={**answered("Assets"), **problems(422)}, operation_id="assets", tags=["plant"])
    def assets(cursor: CURSOR = 0, limit: LIMIT = 100, match: MATCH = None) -> Response:
        """Every asset, connected or only registered, with its state now."""
        of, reader, now = service.plant(), service.reader(), service.clock()
        names = views.assets(of)
        rows = [views.asset(reader, of, name, now) for name in names[cursor : cursor + limit]]
        return document({"assets": rows, "cursor": _next(cursor, limit, len(names))}, match)

    @router.get(
        "/assets/{id}/timeline",
        responses={**answered("Timeline"), **problems(404, 422)},
        operation_id="timeline",
        tags=["series"],
    )
    def timeline(
        name: NAME,
        start: FROM = None,
        end: TO = None,
        last: LAST = None,
        month: MONTH = None,
        cursor: CURSOR = 0,
        limit: LIMIT = 1000,
        match: MATCH = None,
    ) -> Response:
        """What state the machine was in, from end to end of the window; unknown time is a stretch of its own."""
        of = service.plant()
        if name not in of.assets:
            raise Problem(404, f"no connected asset of this name (got {name[:64]}); /api/v1/assets lists them")
        window = service.window(start, end, last, month)
        return document(views.timeline(service.reader(*window), of, name, *window, cursor, limit), match)

    @router.get(
        "/assets/{id}/series",
        responses={**answered("Series"), **problems(404, 422)},
        operation_id="series",
        tags=["series"],
    )
    def series(
        name: NAME,
        points: Annotated[str | None, Query(max_length=400, description="names, with commas; default all")] = None,
        start: FROM = None,
        end: TO = None,
        last: LAST = None,
        month: MONTH = None,
        cursor: CURSOR = 0,
        limit: LIMIT = 1000,
        match: MATCH = None,
    ) -> Response:
        """Rows of points with their final values. `cursor` is the time at which the next page begins."""
        of = service.plant()
        known = views.points_of(of, name)
        if not known:
            raise Problem(404, f"no connected asset or meter of this name (got {name[:64]})")
        wanted = [word for word in (points or "").split(",") if word] or list(known)
        if unknown := [word for word in wanted if word not in known]:
            raise Problem(404, f"no such point (got {unknown[0][:64]}); known: {', '.join(known)}")
        begin, stop = service.window(start, end, last, month)
        begin = max(begin, cursor)
        chosen = [known[name] for name in dict.fromkeys(wanted)]
        found, after = views.series(service.reader(begin, stop), of, chosen, begin, stop, limit)
        told = {"asset": name, **_window(of, begin, stop), "points": found}
        return document({**told, "cursor": str(after) if after is not None else None}, match)

    @router.get("/kpis", responses={**answered("Kpis"), **problems(422)}, operation_id="kpis", tags=["numbers"])
    def kpis(
        start: FROM = None,
        end: TO = None,
        last: LAST = None,
        month: MONTH = None,
        by: BY = "asset",
        per: PER = "window",
        profile: Literal["iso22400", "tpm"] = "iso22400",
        baseline_from: BASE_FROM = None,
        baseline_to: BASE_TO = None,
        match: MATCH = None,
    ) -> Response:
        """KPIs and rates: the document of `gemba kpi --json`, never paged."""
        window = service.window(start, end, last, month)
        base = _baseline(service, baseline_from, baseline_to)
        return served(service.kpis(window, by, per, profile, base), match)

    @router.get("/energy", responses={**answered("Energy"), **problems(422)}, operation_id="energy", tags=["numbers"])
    def energy(
        start: FROM = None,
        end: TO = None,
        last: LAST = None,
        month: MONTH = None,
        per: PER = "window",
        factors: Annotated[str | None, Query(max_length=40)] = None,
        revenue: REVENUE = None,
        baseline_from: BASE_FROM = None,
        baseline_to: BASE_TO = None,
        baseline_revenue: Annotated[REVENUE, Query(alias="baseline-revenue")] = None,
        match: MATCH = None,
    ) -> Response:
        """Energy by carrier, standard coal and CO2: the document of `gemba energy --json`, never paged."""
        from config.factors import profiles

        if factors is not None and factors not in profiles():
            raise Problem(422, f"no such profile of factors (got {factors[:40]}); known: {', '.join(profiles())}")
        window = service.window(start, end, last, month)
        base = _baseline(service, baseline_from, baseline_to)
        body = service.energy(window, per, factors, _amount(revenue), base, _amount(baseline_revenue))
        return served(body, match)

    @router.get(
        "/templates", responses={**answered("Templates"), **problems(422)}, operation_id="templates", tags=["forms"]
    )
    def templates(cursor: CURSOR = 0, limit: LIMIT = 100, match: MATCH = None) -> Response:
        """The official forms, with their versions and sources."""
        from config.template_file import TEMPLATES, load
        from kpi.forms.outline import summary

        names = list(TEMPLATES)
        rows = [summary(load(name)) for name in names[cursor : cursor + limit]]
        return document({"templates": rows, "cursor": _next(cursor, limit, len(names))}, match)

    @router.get(
        "/templates/{id}",
        responses={**answered("Template"), **problems(404, 422)},
        operation_id="template",
        tags=["forms"],
    )
    def template(name: NAME, lang: Literal["zh", "en"] = "zh", match: MATCH = None) -> Response:
        """One form with its positions, labels, levels and switches."""
        from config.template_file import load
        from kpi.forms.outline import outline

        return document(outline(load(_form(name)), lang), match)

    @router.post(
        "/assessments/{id}.xlsx",
        responses={200: {"description": "the filled workbook", "content": {XLSX: {}}}, **problems(404, 422)},
        operation_id="workbook",
        tags=["forms"],
        response_class=Response,
    )
    def workbook(name: NAME, asked: models.Assessment, lang: Literal["zh", "en"] = "zh") -> Response:
        """The form filled as a workbook, with its evidence, its register and its gaps."""
        from kpi.forms.workbook import workbook as made

        headers = {"Content-Disposition": f'attachment; filename="{_form(name)}.xlsx"'}
        return Response(made(service.assessment(_form(name), asked), lang), headers=headers, media_type=XLSX)

    @router.post(
        "/assessments/{id}", responses={**answered("Form"), **problems(404, 422)}, operation_id="assess", tags=["forms"]
    )
    def assess(name: NAME, asked: models.Assessment, lang: Literal["zh", "en"] = "zh") -> Response:
        """Measured and declared together: the document of `gemba assess --json`."""
        return document(service.assessment(_form(name), asked).document(lang))

    return router


def _form(name: str) -> str:
    from config.template_file import TEMPLATES

    if name not in TEMPLATES:
        raise Problem(404, f"no such form (got {name}); known: {', '.join(TEMPLATES)}")
    return name


def _next(cursor: int, limit: int, count: int) -> str | None:
    return str(cursor + limit) if cursor + limit < count else None


def _window(plant: Any, start: int, end: int) -> dict[str, str]:
    return {"from": shown(start, plant.timezone), "to": shown(end, plant.timezone)}


def _baseline(service: Service, start: str | None, end: str | None) -> tuple[int, int] | None:
    if start is None and end is None:
        return None
    told = span.span(service.plant(), service.clock(), start, end)
    return told.start, told.end


def _amount(text: str | None) -> Fraction | None:
    if text is None:
        return None
    value = Fraction(text)
    if not value:
        raise Problem(422, "revenue must be above zero, in 万元")
    return value
