"""A link for changes, mailed to who has none at hand: the answer is the same for every address."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.subscriptions.checks import normal_address
from notifier.web.answers import Pages, asker, read_form


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where links are asked for."""
    linking = _Linking(pages)
    return [
        Route("/link", linking.show, methods=["GET"]),
        Route("/link", linking.act, methods=["POST"]),
    ]


class _Linking:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show the field."""
        return self._page(request)

    async def act(self, request: Request) -> Response:
        """Mail a link, or say what is wrong with the address."""
        typed = (await read_form(request)).one("address")
        return await run_in_threadpool(self._act, request, typed)

    def _act(self, request: Request, typed: str) -> Response:
        app, language = self._pages.app, self._pages.words(request).code
        try:
            address = normal_address(typed)
            app.served.linking.ask(address, host=asker(request), language=language, now=app.clock())
        except errors.UsageError:
            return self._page(request, 422, typed=typed)
        except errors.TooOften:
            return self._page(request, 429, typed=typed)
        return self._pages.message(request, "link asked", address=typed)

    def _page(self, request: Request, status: int = 200, *, typed: str = "") -> Response:
        return self._pages.page(
            request,
            "link",
            status,
            typed=typed,
            wrong=("address",) if status == 422 else (),
            is_too_often=status == 429,
        )
