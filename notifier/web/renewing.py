"""A link that is too old is asked for anew, and comes by mail: to the address it belongs to."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.storage import store_subscribers
from notifier.subscriptions.links import CHANGE, CHANGE_LIFE
from notifier.web.answers import Pages, asker


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where links are asked for."""
    return [Route("/m/{token}/fresh", _Renewing(pages).act, methods=["POST"])]


class _Renewing:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def act(self, request: Request) -> Response:
        """Mail a fresh link for changes, unless too many were asked for: the answer is the same."""
        return await asyncio.to_thread(self._act, request)

    def _act(self, request: Request) -> Response:
        app, now = self._pages.app, self._pages.app.clock()
        row = app.tokens.read_dated(CHANGE, request.path_params["token"], now=now, life=None)
        with app.database.writing() as conn:
            if not app.gate.lets_network(conn, asker(request), now=now):
                raise errors.TooOften("too many mails were asked for from this network")
            reader = store_subscribers.get(conn, row)
            if reader is None:
                raise errors.NotFound("this subscription was deleted")
            if reader.state == "active" and app.gate.lets_address(conn, reader.address, now=now):
                url = app.links.change(row, now)
                app.letters.write(
                    conn, "change", reader.address, url, code=reader.language,
                    life=CHANGE_LIFE, now=now,
                )  # fmt: skip
        return self._pages.message(request, "on its way", reader=reader)
