"""A fresh link for changes comes by mail, to the address that the old link belongs to."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.subscriptions.links import CHANGE, VOTE
from notifier.web.answers import Pages, asker


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where links are asked for."""
    renewing = _Renewing(pages)
    return [
        Route("/m/{token}/fresh", renewing.of_changes, methods=["POST"]),
        Route("/v/{token}/fresh", renewing.of_a_vote, methods=["POST"]),
    ]


class _Renewing:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def of_changes(self, request: Request) -> Response:
        """Mail a fresh link in place of one that is too old."""
        app, token = self._pages.app, request.path_params["token"]
        row = app.tokens.read_dated(CHANGE, token, now=app.clock(), life=None)
        return await run_in_threadpool(self._mail, request, row)

    async def of_a_vote(self, request: Request) -> Response:
        """Mail a link for changes to who wants to change more than one about a paper may."""
        row, _ = self._pages.app.tokens.read_rows(VOTE, request.path_params["token"], 2)
        return await run_in_threadpool(self._mail, request, row)

    def _mail(self, request: Request, row: int) -> Response:
        """Mail it, unless too many were asked for: the answer is the same."""
        app = self._pages.app
        reader = app.served.linking.renew(row, host=asker(request), now=app.clock())
        return self._pages.message(request, "on its way", reader=reader)
