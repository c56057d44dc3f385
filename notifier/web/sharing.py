"""Shared profiles: the page that a link opens, and where a subscriber follows or copies one.

The link's page tells no address, and of few readers not how many.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.storage.store_sharing import Shared
from notifier.storage.store_signups import Wish
from notifier.subscriptions.checks import normal_address
from notifier.subscriptions.links import CHANGE
from notifier.web.answers import Pages, asker, read_form
from notifier.web.subscribing import HONEYPOT, is_address
from notifier.web.trying import Trying


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    sharing = _Sharing(pages)
    return [
        Route("/shared/{secret}", sharing.show, methods=["GET"]),
        Route("/shared/{secret}", sharing.subscribe, methods=["POST"]),
        Route("/m/{token}/join", sharing.show_join, methods=["GET"]),
        Route("/m/{token}/join", sharing.join, methods=["POST"]),
    ]


class _Sharing:
    def __init__(self, pages: Pages) -> None:
        self._pages, self._trying = pages, Trying(pages)

    async def show(self, request: Request) -> Response:
        """Show what is shared, and what it finds."""
        return await self._shown(request)

    async def _shown(
        self, request: Request, status: int = 200, *, typed: str = "", wrong: str = ""
    ) -> Response:
        await self._trying.let_in(request)
        shared = await run_in_threadpool(self._shared, request)
        found = await self._trying.tried(shared.rules, self._pages.words(request))
        return await run_in_threadpool(
            self._pages.page, request, "shared", status, shared=shared, tried=found, typed=typed,
            wrong=wrong, honeypot=HONEYPOT, links=self._pages.links,
            link=self._pages.app.links.shared(self._secret(request)),
        )  # fmt: skip

    def _secret(self, request: Request) -> str:
        return str(request.path_params["secret"])

    def _shared(self, request: Request) -> Shared:
        return self._pages.app.served.sharing.opened(self._secret(request))

    async def subscribe(self, request: Request) -> Response:
        """Mail who has no digests yet a link to confirm that they follow what is shared."""
        form = await read_form(request)
        typed = form.one("address")
        shared = await run_in_threadpool(self._shared, request)
        if not self._pages.app.settings.site.open_signup or shared.as_owner:
            return await self._shown(request, 403, typed=typed, wrong="closed")
        if not is_address(typed):
            return await self._shown(request, 422, typed=typed, wrong="address")
        if form.one(HONEYPOT):
            return self._pages.message(request, "on its way")
        return await run_in_threadpool(self._ask, request, typed, shared)

    def _ask(self, request: Request, typed: str, shared: Shared) -> Response:
        app = self._pages.app
        wish = Wish(
            normal_address(typed), shared.rules, app.subscriptions.default_schedule,
            self._pages.words(request).code, self._secret(request),
        )  # fmt: skip
        row = app.served.signups.ask(wish, host=asker(request), now=app.clock())
        return RedirectResponse(self._pages.links.waiting(row), 303)

    def show_join(self, request: Request) -> Response:
        """Ask for a link, or show what one shares."""
        return self._join_page(request, request.query_params.get("link", ""))

    def _join_page(self, request: Request, link: str, status: int = 200) -> Response:
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        shared = None
        if link:
            try:
                shared = app.served.sharing.opened(link)
            except errors.NotFound:
                status = 404
        return self._pages.page(
            request, "join", status, reader=subscriber, link=link, shared=shared,
            manage=self._pages.manage(request),
        )  # fmt: skip

    async def join(self, request: Request) -> Response:
        """Follow what a link shares, or copy it."""
        form = await read_form(request)
        return await run_in_threadpool(
            self._join, request, form.one("link"), form.one("do") == "copy"
        )

    def _join(self, request: Request, link: str, copy: bool) -> Response:
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        try:
            kept = app.served.sharing.join(subscriber, link, now=app.clock(), copy=copy)
        except errors.NotFound:
            return self._join_page(request, link or "-", 404)
        return RedirectResponse(f"{self._pages.manage(request)}/profile/{kept.row}?done=added", 303)
