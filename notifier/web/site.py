"""The pages of an instance, put together: which address leads where, and what all answers have.

GET shows and changes nothing; POST acts, is answered with a page, and twice is the same as once.
Links carry the right to do one thing: there is no cookie, no login and no script.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from notifier import errors
from notifier.app import App
from notifier.web import archive, changing, inbox, leaving, papers, pausing, voting
from notifier.web.answers import Pages

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


def make_site(app: App, *, demo: bool = False) -> Starlette:
    """Return the ASGI application of an instance; `demo`: of the demo."""
    pages = Pages(app)
    groups = (leaving, pausing, changing, voting, archive, papers)
    routes: list[BaseRoute] = [route for group in groups for route in group.routes(pages)]
    routes += inbox.routes(pages, demo=demo)
    return Starlette(
        routes=[Route("/healthz", _healthz), Route("/style.css", pages.style), *routes],
        middleware=[Middleware(SafeHeaders)],
        exception_handlers=_handlers(pages),
    )


async def _healthz(request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _handlers(pages: Pages) -> dict[int | type[Exception], ExceptionHandler]:
    """What is answered when a page cannot be shown; none of it is a page of the server's own."""

    def say(said: str, status: int) -> ExceptionHandler:
        async def answer(request: Request, error: Exception) -> Response:
            return pages.message(request, said, status, headers=HEADERS)

        return answer

    return {
        404: say("nothing here", 404),
        413: say("too much", 413),
        errors.BadToken: say("bad link", 404),
        errors.NotFound: say("deleted", 404),
        errors.Busy: say("busy", 503),
        Exception: say("failed", 500),
    }
