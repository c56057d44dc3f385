"""The pages of an instance, put together: which address leads where, and what all answers have.

GET shows and changes nothing; POST acts, is answered with a page, and twice is the same as once.
Links carry the right to do one thing: there is no cookie and no login. One script adds comfort; it
changes nothing that is stored.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, ExceptionHandler
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from notifier import errors
from notifier.app import App
from notifier.vitals import Vitals
from notifier.web import (
    admin,
    archive,
    changing,
    confirming,
    data,
    days,
    editing,
    feeds,
    following,
    inbox,
    keeping,
    leaving,
    linking,
    papers,
    pausing,
    privacy,
    probing,
    renewing,
    sample,
    sharing,
    status,
    subscribing,
    suggesting,
    trying,
    undoing,
    voting,
    week,
)
from notifier.web.answers import Pages
from notifier.web.api import Below
from notifier.web.guarding import Guard, SafeHeaders, headers_for
from notifier.web.origins import Names
from notifier.web.timing import Timed


def make_site(app: App, vitals: Vitals | None = None, *, demo: bool = False) -> Starlette:
    """Return the ASGI application of an instance; `demo`: of the demo.

    Args:
        vitals: How the process is that serves it; None where no daemon does.
    """
    pages = Pages(app)
    acting = (
        subscribing, trying, confirming, leaving, pausing, voting, following, undoing,
    )  # fmt: skip
    own = (changing, editing, keeping, data, renewing, linking, sharing, suggesting, week)
    anybody = (papers, days, sample, status, privacy)
    groups = (*acting, *own, *anybody, archive, feeds, admin)
    routes: list[BaseRoute] = [Route("/style.css", pages.style), Route("/script.js", pages.script)]
    routes += [route for group in groups for route in group.routes(pages)]
    routes += [*inbox.routes(pages, demo=demo), *probing.routes(pages, vitals)]
    site = app.settings.site
    names, headers = Names(site.public_url, site.listen), headers_for(site.public_url)

    def api() -> ASGIApp:
        from notifier.web.api.application import make_api

        return make_api(app, names)

    guards = [
        Middleware(Timed, meters=app.meters, routes=routes),
        Middleware(SafeHeaders, headers=headers),
        Middleware(Below, make_api=api),
        Middleware(Guard, names=names, refuse=pages.message),
    ]
    if site.trusted_proxies:  # outermost: who asks is as the proxy says
        proxies = list(site.trusted_proxies)
        guards.insert(0, Middleware(ProxyHeadersMiddleware, trusted_hosts=proxies))
    made = Starlette(
        routes=routes,
        middleware=guards,
        exception_handlers=_handlers(pages, headers),
    )
    made.router.redirect_slashes = False  # it would name the host and scheme that it was asked by
    return made


def make_probes(app: App, vitals: Vitals) -> Starlette:
    """Return the ASGI application of what only programs ask, for a process without pages too."""
    headers = headers_for(app.settings.site.public_url)
    return Starlette(
        routes=probing.routes(Pages(app), vitals),
        middleware=[Middleware(SafeHeaders, headers=headers)],
    )


def _handlers(
    pages: Pages, headers: dict[str, str]
) -> dict[int | type[Exception], ExceptionHandler]:
    """What is answered when a page cannot be shown; none of it is a page of the server's own."""

    def say(said: str, status: int) -> ExceptionHandler:
        async def answer(request: Request, error: Exception) -> Response:
            return pages.message(request, said, status, headers=headers)

        return answer

    async def not_here(request: Request, error: Exception) -> Response:
        allowed = getattr(error, "headers", None) or {}
        return pages.message(request, "no such way", 405, headers=headers | dict(allowed))

    async def bad_link(request: Request, error: Exception) -> Response:
        return pages.bad_link(request, error)

    async def nothing_here(request: Request, error: Exception) -> Response:
        asked, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
        path, query = asked.strip("/"), f"?{query}" if query else ""
        if path and asked.endswith("/") and request.method != "POST":
            return RedirectResponse(f"{pages.links.base}/{quote(path)}{query}", 307)
        return pages.message(request, "nothing here", 404, headers=headers)

    return {
        404: nothing_here,
        405: not_here,
        413: say("too much", 413),
        errors.BadToken: bad_link,
        errors.NotFound: say("deleted", 404),
        errors.Followed: say("followed", 409),
        errors.TooOften: say("too often", 429),
        errors.Busy: say("busy", 503),
        errors.Unavailable: say("busy", 503),
        Exception: say("failed", 500),
    }
