"""What the API does not have is told by the API: the dashboard, mounted beneath it at `/`, would answer with a page."""

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class Absent(BaseRoute):
    """The last of the API's routes. A path of theirs asked with another method is 405, and what is under `/api/` and no
    path of theirs 404."""

    def __init__(self, routes: list[BaseRoute]) -> None:
        self.routes = routes

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or not (scope["path"].startswith("/api/") or self._otherwise(scope)):
            return Match.NONE, {}
        return Match.FULL, {}

    def _otherwise(self, scope: Scope) -> tuple[BaseRoute, Scope] | None:
        """The route that answers this path to another method."""
        for route in self.routes:
            if route is not self:
                match, found = route.matches(scope)
                if match is Match.PARTIAL:
                    return route, found
        return None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (otherwise := self._otherwise(scope)) is None:
            raise HTTPException(404)
        route, found = otherwise
        await route.handle({**scope, **found}, receive, send)
