"""What is kept about a subscriber: all of it as a file, and the way to have it deleted."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.subscriptions.links import CHANGE
from notifier.web.answers import Pages, read_form

FILE = "my-digests.json"


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    data = _Data(pages)
    return [
        Route("/m/{token}/data", data.show, methods=["GET"]),
        Route("/m/{token}/data", data.act, methods=["POST"]),
        Route("/m/{token}/data.json", data.export, methods=["GET"]),
    ]


class _Data:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show what can be done."""
        return self._page(request)

    def _page(self, request: Request, status: int = 200) -> Response:
        subscriber = self._pages.subscriber(request, CHANGE)
        return self._pages.page(
            request,
            "data",
            status,
            reader=subscriber,
            address=subscriber.address,
            is_unsure=status == 422,
            manage=self._pages.manage(request),
        )

    def export(self, request: Request) -> Response:
        """Give all that is kept as JSON."""
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        told = app.served.records.everything(subscriber, now=app.clock())
        return Response(
            json.dumps(told, ensure_ascii=False, indent=1),
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{FILE}"'},
        )

    async def act(self, request: Request) -> Response:
        """Delete everything, if the box says so."""
        form = await read_form(request)
        return await run_in_threadpool(self._act, request, bool(form.one("sure")))

    def _act(self, request: Request, is_sure: bool) -> Response:
        if not is_sure:
            return self._page(request, 422)
        subscriber = self._pages.subscriber(request, CHANGE)
        self._pages.app.subscriptions.remove(subscriber.address)
        return self._pages.message(request, "all deleted", reader=subscriber)
