"""Leaving, or having less. RFC 8058's one-click POST goes to the same address as the page's forms.

A form of ours says what to `do`. Whatever else is sent stops all mail at once, since mail programs
differ in what they send.
"""

from __future__ import annotations

from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.digests import cadence
from notifier.profiles.profile import Subscriber
from notifier.storage import store_profiles, store_subscribers
from notifier.subscriptions.lessening import PAUSE_WEEKS, WAYS, Way, stoppable, ways
from notifier.subscriptions.links import UNSUBSCRIBE
from notifier.subscriptions.undoing import FEWER, Undo
from notifier.web.answers import Form, Pages, read_form
from notifier.web.origins import ONE_CLICK

EVERYTHING, ONE = "all", "profile"


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
        self._lessening = pages.app.served.lessening

    def _row(self, request: Request) -> int:
        return self._pages.app.tokens.read(UNSUBSCRIBE, request.path_params["token"])

    def show(self, request: Request) -> Response:
        """Show the choices, also to one who was deleted: there is nothing to find out here."""
        return self._page(request, self._row(request))

    async def act(self, request: Request) -> Response:
        """Stop all mail, or do what a form of the page says."""
        form = await read_form(request)
        return await run_in_threadpool(self._act, request, form)

    def _act(self, request: Request, form: Form) -> Response:
        row, app, do = self._row(request), self._pages.app, form.one("do")
        if not do or form.one(ONE_CLICK):
            reader = app.subscriptions.leave(row, now=app.clock())
            return self._pages.message(request, "stopped", reader=reader)
        if do not in (EVERYTHING, ONE, *WAYS):
            return self._page(request, row, 422)
        name = self._name(row, form.number("profile")) if do == ONE else ""
        return self._page(request, row, done=do, name=name, undo=self._do(row, do, form))

    def _do(self, row: int, do: str, form: Form) -> Undo | None:
        less, now = self._lessening, self._pages.app.clock()
        if do == EVERYTHING:
            return less.leave(row, now=now)
        if do == ONE:
            return less.stop(row, form.number("profile"), now=now)
        return less.act(row, cast(Way, do), now=now)

    def _name(self, row: int, profile: int) -> str:
        """The name of a profile, "" where there is none."""
        with self._pages.app.database.reading() as conn:
            profiles = store_profiles.of(conn, [row])
        return next((one.name for one in profiles if one.row == profile), "")

    def _page(
        self,
        request: Request,
        row: int,
        status: int = 200,
        *,
        done: str = "",
        name: str = "",
        undo: Undo | None = None,
    ) -> Response:
        with self._pages.app.database.reading() as conn:
            reader = store_subscribers.get(conn, row)
            profiles = stoppable(store_profiles.of(conn, [row]))
        is_active = reader is not None and reader.state == "active"
        return self._pages.page(
            request,
            "unsubscribe",
            status,
            reader=reader,
            has_left=reader is not None and reader.state == "left",
            ways=ways(reader, self._pages.app.clock()) if reader and is_active else (),
            profiles=profiles if is_active else (),
            fewer=FEWER,
            pause_weeks=PAUSE_WEEKS,
            paused_until=_pause_of(reader) if reader else None,
            done="left" if done == EVERYTHING else done,
            profile_name=name,
            undo=self._pages.links.undo(undo) if undo else "",
            is_unclear=status == 422,
        )


def _pause_of(reader: Subscriber) -> object:
    """The end of a pause, by the reader's clock."""
    until = reader.paused_until
    return until.astimezone(cadence.zone_of(reader.schedule)) if until else None
