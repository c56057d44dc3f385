"""A pause: for some weeks, or until a day; and its end."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.digests import cadence
from notifier.profiles.profile import Subscriber
from notifier.subscriptions.checks import LONGEST_PAUSE
from notifier.subscriptions.links import PAUSE
from notifier.web.answers import Form, Pages, read_form

WEEKS = (1, 2, 4)
UNTIL = "date"


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    pausing = _Pausing(pages)
    return [
        Route("/pause/{token}", pausing.show, methods=["GET"]),
        Route("/pause/{token}", pausing.act, methods=["POST"]),
    ]


class _Pausing:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show what is, and the choices."""
        return self._page(request, self._pages.subscriber(request, PAUSE))

    async def act(self, request: Request) -> Response:
        """Pause, or go on."""
        form = await read_form(request)
        return await run_in_threadpool(self._act, request, form)

    def _act(self, request: Request, form: Form) -> Response:
        app, subscriber = self._pages.app, self._pages.subscriber(request, PAUSE)
        if subscriber.state != "active":
            return self._page(request, subscriber)
        if form.one("do") == "resume":
            gone_on = app.subscriptions.go_on(subscriber.address, now=app.clock())
            return self._page(request, gone_on, done="resumed")
        until = _until(form, subscriber, app.clock())
        if until is None:
            typed = form.one("for"), form.one("until")
            return self._page(request, subscriber, 422, length=typed[0], until=typed[1])
        paused = app.subscriptions.pause(subscriber.address, until=until)
        return self._page(request, paused, done="paused")

    def _page(
        self,
        request: Request,
        subscriber: Subscriber,
        status: int = 200,
        *,
        done: str = "",
        length: str = "2",
        until: str = "",
    ) -> Response:
        now, zone = self._pages.app.clock(), cadence.zone_of(subscriber.schedule)
        paused, today = subscriber.paused_until, now.astimezone(zone).date()
        return self._pages.page(
            request,
            "pause",
            status,
            reader=subscriber,
            paused_until=paused.astimezone(zone) if paused and paused > now else None,
            **self._pages.standing(subscriber),
            weeks=WEEKS,
            first_day=today + timedelta(days=1),
            last_day=today + LONGEST_PAUSE,
            done=done,
            length=length,
            until=until,
            is_wrong=status == 422,
            lookback_days=self._pages.app.lookback.days,
        )


def _until(form: Form, subscriber: Subscriber, now: datetime) -> datetime | None:
    """The end of the pause that was asked for: the beginning of a day by the subscriber's clock.

    So that asking twice on one day is the same as once. None: what was typed is no such day.
    """
    zone = cadence.zone_of(subscriber.schedule)
    today = now.astimezone(zone).date()
    day: date | None = None
    if form.one("for") == UNTIL:
        day = _day(form.one("until"))
    elif form.one("for") in map(str, WEEKS):
        day = today + timedelta(weeks=int(form.one("for")))
    if day is None or not today < day <= today + LONGEST_PAUSE:
        return None
    return cadence.begins(subscriber.schedule, day)


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None
