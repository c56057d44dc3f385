"""How long pages take, by the route that answers. Addresses hold tokens: they are kept nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notifier.metrics.meters import Meters
from notifier.web.api import PREFIX

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
# What no route answers: addresses that lead nowhere, and what is refused before.
_NOWHERE = "none"


class Timed:
    """Times every request; those to the API are all of one route."""

    def __init__(self, app: ASGIApp, meters: Meters, routes: Iterable[BaseRoute]) -> None:
        self._app, self._meters = app, meters
        self._paths = {
            route.endpoint: route.path
            for route in reversed(list(routes))
            if isinstance(route, Route)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = self._meters.seconds(), "cut"

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = f"{message['status'] // 100}xx"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:  # what is answered then is answered further out
            status = "5xx"
            raise
        finally:
            seconds = self._meters.seconds() - begun
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._meters.observe(
                "page_seconds", seconds, route=self._route(scope), method=method, status=status
            )

    def _route(self, scope: Scope) -> str:
        if scope["path"] == PREFIX or scope["path"].startswith(f"{PREFIX}/"):
            return PREFIX
        return self._paths.get(scope.get("endpoint", _NOWHERE), _NOWHERE)
