"""Undo: the button of a page that just did something leads here; opening it changes nothing."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.errors import BadToken
from notifier.storage import store_profiles
from notifier.subscriptions.links import UNDO
from notifier.subscriptions.undoing import KINDS, UNDO_LIFE, Standing, Undo
from notifier.web.answers import Pages


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    undoing = _Undoing(pages)
    return [
        Route("/undo/{token}", undoing.show, methods=["GET"]),
        Route("/undo/{token}", undoing.act, methods=["POST"]),
    ]


class _Undoing:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._undoing = pages.app.served.undoing

    def _undo(self, request: Request) -> Undo:
        app, token = self._pages.app, request.path_params["token"]
        rows, at = app.tokens.read_timed(UNDO, token, now=app.clock(), life=UNDO_LIFE)
        if len(rows) < 2 or rows[1] >= len(KINDS):
            raise BadToken("an undo of what this version does not know")
        return Undo(rows[0], KINDS[rows[1]], rows[2:], at)

    def show(self, request: Request) -> Response:
        """Show what can be undone, or why not."""
        undo = self._undo(request)
        return self._page(request, undo, self._undoing.look(undo))

    async def act(self, request: Request) -> Response:
        """Undo it."""
        return await run_in_threadpool(self._act, request)

    def _act(self, request: Request) -> Response:
        undo, now = self._undo(request), self._pages.app.clock()
        return self._page(request, undo, self._undoing.act(undo, now=now))

    def _page(self, request: Request, undo: Undo, standing: Standing) -> Response:
        reader = self._pages.app.subscriptions.by_row(undo.subscriber)
        with self._pages.app.database.reading() as conn:
            profiles = store_profiles.of(conn, [reader.row])
        about = undo.values[0] if undo.kind in ("profile", "rules") else 0
        return self._pages.page(
            request,
            "undo",
            409 if standing == "changed" else 200,
            reader=reader,
            kind=undo.kind,
            standing=standing,
            profile_name=next((one.name for one in profiles if one.row == about), ""),
            **self._pages.standing(reader),
        )
