"""The paths of the API, version 1. Each says what it takes, what it answers and which problems it may answer with."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from config.zone import shown
from kpi.api import asked, views
from kpi.api.answers import SMALL, Answer
from kpi.api.models import Assessment
from kpi.api.problems import MEDIA, Problem, fault
from kpi.api.service import Service

if TYPE_CHECKING:
    from kpi.forms.assess import Assessment as Assessed

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BODY = 1_000_000  # bytes, at most
WORDS = {
    401: "no token, or one that is unknown or has expired",
    403: "the token lacks the scope",
    404: "no such thing",
    413: "the body is too long",
    422: "a parameter or the body is wrong",
    429: "too many requests with this token",
    503: "the store does not answer",
}


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    shape = {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    every = (401, 403, 422, 429, 503, *codes)
    return {code: {"description": WORDS[code], "content": {MEDIA: shape}} for code in sorted(every)}


def answered(model: str, *codes: int) -> dict[int | str, dict[str, Any]]:
    """The 200 and the 304 of a document whose bytes are made elsewhere, and its problems."""
    shape = {"schema": {"$ref": f"#/components/schemas/{model}"}}
    return {
        200: {"description": "the document", "content": {"application/json": shape}},
        304: {"description": "not changed since the ETag that was sent"},
        **problems(*codes),
    }


def made(kind: str, shape: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The 200 of what a body was sent for, and its problems."""
    return {200: {"description": "the filled form", "content": {kind: shape}}, **problems(404, 413)}


NAME = Annotated[str, Path(alias="id", max_length=64)]
MATCH = Annotated[str | None, Header(alias="If-None-Match", max_length=2000)]


def served(answer: Answer, request: Request) -> Response:
    """A document with its ETag, packed where that is accepted; 304 where the caller has it already."""
    packs = answer.size > SMALL and _accepts_gzip(request.headers.get("accept-encoding", ""))
    tag = f'"{answer.tag}-gzip"' if packs else f'"{answer.tag}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    match = request.headers.get("if-none-match", "") if request.method in ("GET", "HEAD") else ""
    known = [part.strip().removeprefix("W/").strip('"').removesuffix("-gzip") for part in match.split(",")]
    if match.strip() == "*" or answer.tag in known:
        return Response(status_code=304, headers=headers)
    if packs:
        return Response(answer.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type="application/json")
    return Response(answer.body, headers=headers, media_type="application/json")


def _accepts_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def document(told: Mapping[str, Any], request: Request) -> Response:
    return served(Answer(orjson.dumps(told) + b"\n"), request)


def page(
    request: Request, name: str, names: Sequence[str], of: asked.Page, row: Callable[[str], Mapping[str, Any]]
) -> Response:
    """One page of a list, each row made of its name."""
    after = of.cursor + of.limit
    rows = [row(each) for each in names[of.cursor : after]]
    return document({name: rows, "cursor": str(after) if after < len(names) else None}, request)


class Strict(Request):
    """A body of plain JSON, of a bounded length: no NaN, no half of a character, nothing nested without end."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            held = bytearray()
            async for part in self.stream():
                held += part
                if len(held) > BODY:
                    raise Problem(413, f"the body is longer than {BODY} bytes; send fewer", limit=BODY)
            self._body = bytes(held)
        return self._body

    async def json(self) -> Any:
        return orjson.loads(await self.body())


class Posted(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def strict(request: Request) -> Response:
            whole = Strict(request.scope, request.receive)
            await whole.body()
            return await answer(whole)

        return strict


async def conditional(_: MATCH = None) -> None:
    """Every document may be asked for by the ETag that the caller has; `served` looks."""


async def once(request: Request) -> None:
    """A parameter given twice would leave open which of them counts."""
    names = [name for name, _ in request.query_params.multi_items()]
    if twice := sorted({name[:40] for name in names if names.count(name) > 1}):
        faults = [fault(f"query.{name}", "is given twice", do="give it once") for name in twice]
        raise Problem(422, "a parameter is given twice", faults=faults)


def make(service: Service) -> APIRouter:
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(once)])
    for tag, fill in (("plant", _plant), ("series", _assets), ("numbers", _numbers), ("forms", _templates)):
        reads = APIRouter(tags=[tag], dependencies=[Depends(conditional)])
        fill(reads, service)
        router.include_router(reads)
    posts = APIRouter(tags=["forms"], route_class=Posted)
    _assessments(posts, service)
    router.include_router(posts)
    return router


def _plant(router: APIRouter, service: Service) -> None:
    own = CapacityLimiter(2)  # threads that no other path takes

    @router.get("/health", responses=answered("Health"), operation_id="health")
    async def health(request: Request, _: Annotated[asked.Nothing, Query()]) -> Response:
        """Whether this server can answer. Needs no token, and says more to whoever has one."""
        told: dict[str, Any] = {"status": "ok"}
        if request.state.token is not None or not request.app.state.tokens.all():
            told = await to_thread.run_sync(service.health, limiter=own)
        return document(told, request)

    @router.get("/plant", responses=answered("PlantDocument"), operation_id="plant")
    def plant(request: Request, _: Annotated[asked.Nothing, Query()]) -> Response:
        """What the plant file says of the plant."""
        return document(views.plant_document(service.plant()), request)

    @router.get("/sources", responses=answered("Sources"), operation_id="sources")
    def sources(request: Request, of: Annotated[asked.Page, Query()]) -> Response:
        """Every source with the state of its link and its communication history of the last 24 hours."""
        known, reader, now = service.plant(), service.reader(), service.clock()
        with reader.steady():
            return page(request, "sources", list(known.sources), of, lambda it: views.source(reader, known, it, now))

    @router.get("/assets", responses=answered("Assets"), operation_id="assets")
    def assets(request: Request, of: Annotated[asked.Page, Query()]) -> Response:
        """Every asset, connected or only registered, with its state now."""
        known, reader, now = service.plant(), service.reader(), service.clock()
        with reader.steady():
            return page(request, "assets", views.assets(known), of, lambda it: views.asset(reader, known, it, now))


def _assets(router: APIRouter, service: Service) -> None:
    @router.get("/assets/{id}/timeline", responses=answered("Timeline", 404), operation_id="timeline")
    def timeline(request: Request, name: NAME, of: Annotated[asked.Rows, Query()]) -> Response:
        """What state the machine was in, from end to end of the window; unknown time is a stretch of its own."""
        plant = service.plant()
        if name not in plant.assets:
            raise Problem(404, f"no connected asset of this name (got {name[:64]}); /api/v1/assets lists them")
        window = of.window(service)
        told = views.timeline(service.reader(*window), plant, name, *window, of.cursor, of.limit)
        return document(told, request)

    @router.get("/assets/{id}/series", responses=answered("Series", 404), operation_id="series")
    def series(request: Request, name: NAME, of: Annotated[asked.Series, Query()]) -> Response:
        """Rows of points with their final values. `cursor` is the time at which the next page begins."""
        plant = service.plant()
        known = views.points_of(plant, name)
        if not known:
            raise Problem(404, f"no connected asset or meter of this name (got {name[:64]})")
        wanted = [word for word in (of.points or "").split(",") if word] or list(known)
        if unknown := [word for word in wanted if word not in known]:
            raise Problem(404, f"no such point (got {unknown[0][:64]}); known: {', '.join(known)}")
        start, end = of.window(service)
        start = min(max(start, of.cursor), end)
        chosen = [known[name] for name in dict.fromkeys(wanted)]
        found, after = views.series(service.reader(start, end), plant, chosen, start, end, of.limit)
        ends = {"from": shown(start, plant.timezone), "to": shown(end, plant.timezone)}
        cursor = str(after) if after is not None else None
        return document({"asset": name, **ends, "points": found, "cursor": cursor}, request)


def _numbers(router: APIRouter, service: Service) -> None:
    @router.get("/kpis", responses=answered("Kpis"), operation_id="kpis")
    def kpis(request: Request, of: Annotated[asked.Kpis, Query()]) -> Response:
        """KPIs and rates: the document of `gemba kpi --json`, never paged."""
        found = service.kpis(of.window(service), of.by, of.per, of.profile, of.baseline(service))
        return served(found, request)

    @router.get("/energy", responses=answered("Energy"), operation_id="energy")
    def energy(request: Request, of: Annotated[asked.Energy, Query()]) -> Response:
        """Energy by carrier, standard coal and CO2: the document of `gemba energy --json`, never paged."""
        factors, (revenue, before) = of.profile(), of.revenues()
        found = service.energy(of.window(service), of.per, factors, revenue, of.baseline(service), before, of.by)
        return served(found, request)


def _templates(router: APIRouter, _: Service) -> None:
    @router.get("/templates", responses=answered("Templates"), operation_id="templates")
    def templates(request: Request, of: Annotated[asked.Page, Query()]) -> Response:
        """The official forms, with their versions and sources."""
        from config.template_file import TEMPLATES, load
        from kpi.forms.outline import summary

        return page(request, "templates", list(TEMPLATES), of, lambda it: summary(load(it)))

    @router.get("/templates/{id}", responses=answered("Template", 404), operation_id="template")
    def template(request: Request, name: NAME, of: Annotated[asked.Language, Query()]) -> Response:
        """One form with its positions, as an answer file counts them."""
        from config.template_file import load
        from kpi.forms.outline import outline

        return document(outline(load(_form(name)), of.lang), request)


def _assessments(router: APIRouter, service: Service) -> None:
    @router.post("/assessments/{id}.xlsx", responses=made(XLSX, {}), operation_id="workbook", response_class=Response)
    def workbook(name: NAME, body: Assessment, of: Annotated[asked.Language, Query()]) -> Response:
        """The form filled as a workbook, with its evidence, its register and its gaps."""
        from kpi.forms.workbook import workbook as filled

        headers = {"Content-Disposition": f'attachment; filename="{_form(name)}.xlsx"'}
        return Response(filled(_assessed(service, name, body), of.lang), headers=headers, media_type=XLSX)

    form = {"schema": {"$ref": "#/components/schemas/Form"}}

    @router.post("/assessments/{id}", responses=made("application/json", form), operation_id="assess")
    def assess(request: Request, name: NAME, body: Assessment, of: Annotated[asked.Language, Query()]) -> Response:
        """Measured and declared together: the document of `gemba assess --json`."""
        return document(_assessed(service, name, body).document(of.lang), request)


def _assessed(service: Service, name: str, body: Assessment) -> "Assessed":
    window, of = service.window(body.start, body.to), body.baseline
    before = service.baseline(of.start, of.to) if of else None
    return service.assessment(_form(name), window, before, body.answers)


def _form(name: str) -> str:
    from config.template_file import TEMPLATES

    if name not in TEMPLATES:
        raise Problem(404, f"no such form (got {name}); known: {', '.join(TEMPLATES)}")
    return name
