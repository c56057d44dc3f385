"""Confirming: who reads the mail sees what was asked for, and says yes or no."""

from __future__ import annotations

from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.errors import NotFound
from notifier.profiles.profile import Subscriber
from notifier.storage.store_signups import Signup, Wish
from notifier.subscriptions.links import CONFIRM
from notifier.subscriptions.signups import CONFIRM_LIFE
from notifier.web.answers import Pages, asker, read_form


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    confirming = _Confirming(pages)
    return [
        Route("/c/{token}", confirming.show, methods=["GET"]),
        Route("/c/{token}", confirming.act, methods=["POST"]),
        Route("/c/{token}/fresh", confirming.renew, methods=["POST"]),
    ]


class _Confirming:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def _signup(self, request: Request) -> Signup:
        app, token = self._pages.app, request.path_params["token"]
        row = app.tokens.read_dated(CONFIRM, token, now=app.clock(), life=CONFIRM_LIFE)
        return app.served.signups.get(row)

    def show(self, request: Request) -> Response:
        """Show what was asked for, and the buttons."""
        return self._page(request, self._signup(request))

    async def act(self, request: Request) -> Response:
        """Confirm, or forget what was asked for."""
        form = await read_form(request)
        return await run_in_threadpool(self._act, request, form.one("do"))

    def _act(self, request: Request, do: str) -> Response:
        app, signup = self._pages.app, self._signup(request)
        if do == "remove" and not signup.confirmed_at:
            app.served.signups.withdraw(signup.row)
            return self._pages.message(request, "removed", reader=signup)
        app.served.signups.confirm(signup.row, now=app.clock())
        return self._page(request, app.served.signups.get(signup.row), is_done=True)

    def _page(self, request: Request, signup: Signup, *, is_done: bool = False) -> Response:
        app, address = self._pages.app, signup.wish.address
        has_digests = app.served.signups.has_digests(address)
        reader = app.subscriptions.get(address) if has_digests else None
        words = self._pages.words(request, signup)
        return self._pages.page(
            request,
            "confirm",
            reader=signup,
            wish=signup.wish,
            days=[words.weekday_named(day) for day in signup.wish.schedule.days],
            has_digests=has_digests,
            is_used=signup.confirmed_at is not None,
            is_done=is_done,
            come_back=[] if has_digests else self._followed_before(signup.wish),
            next_at=self._next_of_days(reader) if reader else None,
            sample_comes=bool(reader and _sample_comes(reader)),
        )

    def _followed_before(self, wish: Wish) -> list[str]:
        """The names of the profiles that one who left gets back beside the words of a wish."""
        service = self._pages.app.subscriptions
        try:
            has_left = service.get(wish.address).state == "left"
        except NotFound:
            return []
        known = service.profiles(wish.address) if has_left else []
        return [one.name for one in known if one.enabled and one.rules != wish.rules]

    def _next_of_days(self, reader: Subscriber) -> datetime | None:
        """When the next digest comes by the reader's days and clock: that after a first one."""
        at: datetime | None = self._pages.standing(reader)["next_at"]
        if at and _sample_comes(reader):
            return self._pages.planned(reader, at).astimezone(at.tzinfo)
        return at

    async def renew(self, request: Request) -> Response:
        """Mail a fresh link, unless too many were asked for: the answer is the same."""
        return await run_in_threadpool(self._renew, request)

    def _renew(self, request: Request) -> Response:
        app, token, now = self._pages.app, request.path_params["token"], self._pages.app.clock()
        row = app.tokens.read_dated(CONFIRM, token, now=now, life=None)
        signup = app.served.signups.again(row, host=asker(request), now=now)
        return self._pages.message(request, "on its way", reader=signup)


def _sample_comes(reader: Subscriber) -> bool:
    """Whether a first digest comes at once, and not on one of the reader's days."""
    return reader.next_due_at == reader.confirmed_at
