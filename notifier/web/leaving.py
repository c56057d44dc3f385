"""Leaving: RFC 8058's one-click POST goes to the same address as the page's button."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.storage import store_subscribers
from notifier.subscriptions.links import UNSUBSCRIBE
from notifier.web.answers import Pages


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    leaving = _Leaving(pages)
    return [
        Route("/u/{token}", leaving.show, methods=["GET"]),
        Route("/u/{token}", leaving.act, methods=["POST"]),
    ]


class _Leaving:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def _row(self, request: Request) -> int:
        return self._pages.app.tokens.read(UNSUBSCRIBE, request.path_params["token"])

    def show(self, request: Request) -> Response:
        """Show the button, also to one who was deleted: there is nothing to find out here."""
        row = self._row(request)
        with self._pages.app.database.reading() as conn:
            reader = store_subscribers.get(conn, row)
        has_left = reader is not None and reader.state == "left"
        return self._pages.page(request, "unsubscribe", reader=reader, has_left=has_left)

    async def act(self, request: Request) -> Response:
        """Stop all mail at once, whatever was sent along: mail programs differ in that."""
        row, app = self._row(request), self._pages.app
        reader = await asyncio.to_thread(app.subscriptions.leave, row, now=app.clock())
        return self._pages.message(request, "stopped", reader=reader)
