"""The pages of an instance: leaving, and whether it is alive.

GET shows a page with a button, POST acts; RFC 8058's one-click POST goes to the same address,
needs no cookie, and is answered with 200, also when it comes twice.
"""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notifier import errors
from notifier.app import App
from notifier.digests.render import render_page

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}


class SafeHeaders:
    """Adds the headers that every page needs, unless a page sets its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [
                    (name.lower().encode(), value.encode())
                    for name, value in HEADERS.items()
                    if name.lower().encode() not in there
                ]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def make_site(app: App) -> Starlette:
    """Return the ASGI application of an instance."""
    return Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/style.css", style),
            Route("/u/{token}", _Leaving(app).show, methods=["GET", "HEAD"]),
            Route("/u/{token}", _Leaving(app).act, methods=["POST"]),
        ],
        middleware=[Middleware(SafeHeaders)],
        exception_handlers={404: _not_found},
    )


async def _healthz(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def style(request: Request) -> Response:
    """The one stylesheet."""
    return Response(render_page("web/style.css"), media_type="text/css",
                    headers={"Cache-Control": "max-age=3600"})  # fmt: skip


async def _not_found(request: Request, error: Exception) -> Response:
    return _page("web/message.html.j2", 404, title="Nothing here",
                 text="There is no page at this address.")  # fmt: skip


def _page(name: str, status: int = 200, **values: object) -> HTMLResponse:
    return HTMLResponse(render_page(name, **values), status)


class _Leaving:
    """The unsubscribe page."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def show(self, request: Request) -> Response:
        """Show the button; change nothing."""
        try:
            self._app.tokens.read("unsubscribe", request.path_params["token"])
        except errors.BadToken as error:
            return _bad_link(error)
        return _page("web/unsubscribe.html.j2", service=self._app.settings.site.name)

    async def act(self, request: Request) -> Response:
        """Stop all mail at once; twice is the same as once."""
        try:
            row = self._app.tokens.read("unsubscribe", request.path_params["token"])
        except errors.BadToken as error:
            return _bad_link(error)
        await asyncio.to_thread(self._app.subscriptions.leave, row, now=self._app.clock())
        return _page(
            "web/message.html.j2",
            title="Stopped",
            text="No more digests will be sent to you. What was already on its way may still come.",
        )


def _bad_link(error: errors.BadToken) -> Response:
    return _page("web/message.html.j2", 404, title="This link does not work", text=str(error))
