"""The API as one application. The dashboard is mounted on it by the front door; here is nothing that people look at."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kpi.api import models, problems, routes
from kpi.api.absent import Absent
from kpi.api.guard import Guard
from kpi.api.service import Service
from kpi.api.tokens import Tokens

MODELS = (
    models.Health,
    models.PlantDocument,
    models.Sources,
    models.Assets,
    models.Timeline,
    models.Series,
    models.Kpis,
    models.Energy,
    models.Templates,
    models.Template,
    models.Assessment,
    models.Form,
    models.ProblemDocument,
)


def release() -> str:
    try:
        return version("gemba")
    except PackageNotFoundError:
        return "0"


def application(file: Path, metrics: Callable[[], bytes] = bytes) -> FastAPI:
    """The API over the plant file; `metrics` is what the agent beside it says of itself."""
    service = Service(file)
    tokens, used = Tokens(service.plant().data), dict[str, int]()
    app = FastAPI(
        title="Gemba KPI API",
        version=release(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lambda _: _living(service, tokens, used),
    )
    app.state.service = service
    app.state.tokens = tokens
    problems.install(app)
    app.include_router(routes.make(service))

    @app.get("/metrics", include_in_schema=False)
    def told() -> Response:
        return PlainTextResponse(metrics(), media_type="text/plain; version=0.0.4")

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return described(app)

    app.router.routes.append(Absent(app.router.routes))
    app.add_middleware(Head)
    app.add_middleware(Guard, tokens=tokens, used=used)
    return app


class Head:
    """HEAD is answered as GET is, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def bare(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "GET"}, receive, bare)


@asynccontextmanager
async def _living(service: Service, tokens: Tokens, used: dict[str, int]) -> AsyncIterator[None]:
    """Writes down once a minute, and at the end, when each token was last used; then the stores are let go."""

    async def note() -> None:
        if used:
            seen = dict(used)
            used.clear()
            await asyncio.to_thread(tokens.used, seen)

    async def every_minute() -> None:
        while True:
            await asyncio.sleep(60)
            await note()

    task = asyncio.create_task(every_minute())
    try:
        yield
    finally:
        task.cancel()
        await note()
        service.close()


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the shapes of answers whose bytes are made elsewhere."""
    if app.openapi_schema is None:
        whole = get_openapi(title=app.title, version=app.version, routes=app.routes)
        shapes = models_json_schema(
            [(model, "serialization") for model in MODELS], ref_template="#/components/schemas/{model}"
        )
        components = whole.setdefault("components", {})
        components.setdefault("schemas", {}).update(shapes[1].get("$defs", {}))
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        whole["security"] = [{"token": []}, {}]
        app.openapi_schema = whole
    return app.openapi_schema
