"""Who may ask: deny by default. Without any token the server answers loopback alone; once one exists, everything but
`health` needs one, from loopback too. What came through a proxy is never loopback.
"""

import ipaddress
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kpi.api.problems import Problem
from kpi.api.tokens import Allowance, Token, Tokens
from store import StoreError

COOKIE = "gemba_token"
READS = ("GET", "HEAD")
OPEN = ("/api/v1/health", "/login")  # answered to everybody; health says less to those without a token
ASSETS = ("/_nicegui/",)  # scripts and styles that the login page needs; they hold no data
FORWARDED = ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")
_audit = logging.getLogger("gemba.audit")


def scope_of(method: str, path: str) -> str:
    """The scope that a request needs; whatever is not named here needs `admin`."""
    if path.startswith("/api/v1/assessments/"):
        return "assess"
    if path.startswith("/api/v1/assets/") and path.endswith("/series"):
        return "read:series"
    if path.startswith("/api/v1/") or path in ("/metrics", "/openapi.json", "/docs"):
        return "read:kpi" if method in READS else "admin"
    return "read:kpi"


def loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _local_name(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name.strip("[]").lower() == "localhost" or loopback(name.strip("[]"))


@dataclass(slots=True)
class Guard:
    """ASGI middleware around everything that the server answers."""

    app: ASGIApp
    tokens: Tokens
    allowance: Allowance = field(default_factory=Allowance)
    clock: Callable[[], int] = time.time_ns
    used: dict[str, int] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        method, path = scope.get("method", "GET"), scope["path"]
        headers = Headers(scope=scope)
        try:
            token = self._admit(method, path, scope, headers)
        except Problem as problem:
            _note(method, path, None, problem.status)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 4401 if problem.status == 401 else 4403})
            elif problem.status == 401 and "text/html" in headers.get("accept", "") and method == "GET":
                target = [(b"location", b"/login"), (b"content-length", b"0")]
                await send({"type": "http.response.start", "status": 303, "headers": target})
                await send({"type": "http.response.body", "body": b""})
            else:
                await problem.response()(scope, receive, send)
            return
        scope.setdefault("state", {})["token"] = token
        _note(method, path, token, 0)
        if token is not None and scope["type"] == "websocket":
            receive = self._while_it_holds(_presented(headers) or "", receive, send)
        await self.app(scope, receive, send)

    def _while_it_holds(self, text: str, receive: Receive, send: Send) -> Receive:
        """A page stays open for days: once its token is revoked or over, nothing that it sends is heard any more."""

        async def checked() -> Message:
            message = await receive()
            token = self.tokens.find(text)
            if message["type"] == "websocket.receive" and (token is None or token.expired(self.clock())):
                await send({"type": "websocket.close", "code": 4401})
                return {"type": "websocket.disconnect", "code": 4401}
            return message

        return checked

    def _admit(self, method: str, path: str, scope: Scope, headers: Headers) -> Token | None:
        try:
            kept = self.tokens.all()
        except StoreError as error:  # who may ask is not known: nobody
            _audit.warning("%s", error)
            raise Problem(503, "the list of tokens cannot be read; gemba token list says why") from error
        if scope["type"] == "websocket" or method not in READS:
            _of_this_site(headers)
        if not kept:
            self._only_loopback(scope, headers)
            return None
        text = _presented(headers)
        token = self.tokens.find(text) if text else None
        if token is None or token.expired(self.clock()):
            if path in OPEN or (path.startswith(ASSETS) and method in READS):
                return None
            what = "the token has expired" if token else "a token is needed" if not text else "the token is not known"
            detail = f"{what}; send `Authorization: Bearer …`, made with gemba token create"
            raise Problem(401, detail, {"WWW-Authenticate": "Bearer"})
        if wait := self.allowance.take(token.id, time.monotonic_ns()):
            raise Problem(429, "too many requests with this token; wait", {"Retry-After": str(int(wait) + 1)})
        self.used[token.id] = self.clock()
        needed = scope_of(method, path)
        if path not in OPEN and not token.allows(needed):
            raise Problem(403, f"this token may not do that; it needs the scope {needed}", scope=needed)
        return token

    def _only_loopback(self, scope: Scope, headers: Headers) -> None:
        client = scope.get("client")
        if not loopback(client[0] if client else None) or _forwarded(headers):
            raise Problem(403, "without any token only loopback is answered; make one with gemba token create")
        if not _local_name(headers.get("host", "")):
            raise Problem(403, "the Host header names another machine; ask for localhost")


def _forwarded(headers: Headers) -> bool:
    return any(name in FORWARDED or name.startswith("x-forwarded") for name in headers)


def _of_this_site(headers: Headers) -> None:
    """What a browser sends by itself, a cookie or from loopback, must not be sent by another site's page."""
    origin = headers.get("origin")
    if origin is None or headers.get("authorization"):
        return
    own = [headers[name].lower() for name in ("host", "x-forwarded-host") if headers.get(name)]
    if urlsplit(origin).netloc.lower() not in own:
        raise Problem(403, "this was sent by the page of another site; only this server's own pages may")


def _presented(headers: Headers) -> str | None:
    kind, _, text = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and text.strip():
        return text.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie else None


def _note(method: str, path: str, token: Token | None, refused: int) -> None:
    """The audit line: who asked for what, and whether it was refused."""
    line = {"at": time.time_ns(), "token": token.id if token else None, "method": method, "path": path[:200]}
    if refused:
        line["refused"] = refused
    _audit.info("%s", json.dumps(line))
