"""Every error is a problem document (RFC 9457): what kind, what is wrong, and what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from config.faults import PlantError, TemplateError
from store import StoreError

MEDIA = "application/problem+json"
LONGEST = 80  # letters of what was sent that are sent back


class Problem(Exception):
    """Raised anywhere below a route; `more` are members of its own."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers, more

    def response(self) -> Response:
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return Response(orjson.dumps(body), self.status, dict(self.headers or {}), MEDIA)


def fault(where: str, what: str, got: str | None = None, do: str = "") -> dict[str, Any]:
    return {"where": where, "line": 0, "what": what, "got": got, "do": do}


def _faults(error: PlantError | TemplateError) -> list[dict[str, Any]]:
    return [
        {"where": f.where or Path(f.file).name, "line": f.line, "what": f.what, "got": f.got, "do": f.do}
        for f in getattr(error, "faults", ())
    ]


async def _known(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _faulty(_: Request, error: Exception) -> Response:
    assert isinstance(error, PlantError | TemplateError)
    return Problem(422, "the input is wrong; `faults` says where and what to do", faults=_faults(error)).response()


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [_mistaken(one) for one in error.errors()]
    return Problem(422, "a parameter is wrong; `faults` says which", faults=faults).response()


def _mistaken(one: Mapping[str, Any]) -> dict[str, Any]:
    where, got = ".".join(map(str, one["loc"])), one.get("input")
    shown = str(got)[:LONGEST] if isinstance(got, str | int | float) else None
    if one["type"] == "extra_forbidden":
        return fault(where, "is no parameter of this path", shown, "leave it out; /openapi.json lists those that are")
    return fault(where, one["msg"], shown, "write it as /openapi.json has it")


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    detail = "nothing is here; /openapi.json lists what is" if error.status_code == 404 else str(error.detail)
    return Problem(error.status_code, detail, headers).response()


async def _store(_: Request, error: Exception) -> Response:
    return Problem(503, str(error), {"Retry-After": "10"}).response()


async def _ours(_: Request, __: Exception) -> Response:
    """The server logs what it was; it is nobody else's to read."""
    return Problem(500, "this is a fault of the server; its log says more, please report it").response()


def install(app: FastAPI) -> None:
    app.add_exception_handler(Exception, _ours)
    app.add_exception_handler(Problem, _known)
    app.add_exception_handler(PlantError, _faulty)
    app.add_exception_handler(TemplateError, _faulty)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreError, _store)
