"""`/login`: takes a token once, in a form, and keeps it in a cookie that no script can read."""

from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gemba.dashboard.frame import STYLE, language, theme
from gemba.dashboard.words import say
from kpi.api.guard import COOKIE
from kpi.api.tokens import Tokens

LONGEST = 2_000  # bytes of a form
AGE = 90 * 86_400


def make(tokens: Tokens) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    def asked(request: Request) -> Response:
        return _form(request)

    @router.post("/login")
    async def given(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST:
                return _form(request, wrong=True)
        text = parse_qs(body.decode("ascii", "replace")).get("token", [""])[0].strip()
        found = tokens.find(text) if text else None
        if found is None or found.expired(_now()):
            return _form(request, wrong=True)
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
        answer.set_cookie(COOKIE, text, max_age=AGE, path="/", httponly=True, samesite="strict", secure=secure)
        return answer

    return router


def _now() -> int:
    from time import time_ns

    return time_ns()


def _form(request: Request, wrong: bool = False) -> HTMLResponse:
    lang = language(request)
    told = f'<p role="alert" class="alarm">{escape(say("token_wrong", lang))}</p>' if wrong else ""
    spoken = "zh-CN" if lang == "zh" else "en"
    other, switch = "en" if lang == "zh" else "zh", escape(say("switch", lang))
    page = f"""<!doctype html><html lang="{spoken}" data-theme="{theme(request)}"><head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Gemba</title>
<style>{STYLE}</style><script>const r=document.documentElement.dataset;
r.theme=r.theme||(matchMedia("(prefers-color-scheme: dark)").matches?"dark":"light")</script></head>
<body><main class="main"><form class="card narrow" method="post" action="/login?lang={lang}">
<div class="title"><h1>Gemba</h1><a href="/login?lang={other}" lang="{other}">{switch}</a></div>
<p class="quiet">{escape(say("about", lang))}</p>{told}<label for="token">{escape(say("token", lang))}</label>
<input id="token" name="token" type="password" autocomplete="off" required autofocus style="width:100%">
<p class="quiet" style="margin:8px 0 12px">{escape(say("token_how", lang))}</p>
<button class="do">{escape(say("login", lang))}</button></form></main></body></html>"""
    return HTMLResponse(page, 401 if wrong else 200, {"Cache-Control": "no-store"})
