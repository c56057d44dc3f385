"""How a subscriber's week was: shown; its proposal taken; the mail about it asked for or not."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from notifier.digests.words import facts
from notifier.jobs.weeks import Weeks
from notifier.profiles.profile import Subscriber
from notifier.subscriptions.links import CHANGE
from notifier.web.answers import Form, Pages, read_form


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the page is."""
    week = _Week(pages)
    return [
        Route("/m/{token}/week", week.show, methods=["GET"]),
        Route("/m/{token}/week", week.act, methods=["POST"]),
    ]


class _Week:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show the last week that is over."""
        return self._page(request, self._pages.subscriber(request, CHANGE))

    def _page(
        self, request: Request, subscriber: Subscriber, status: int = 200, *, done: str = ""
    ) -> Response:
        app, words = self._pages.app, self._pages.words(request, subscriber)
        with app.database.reading() as conn:
            week = Weeks(self._pages.links.paper).of(conn, subscriber, now=app.clock())
        return self._pages.page(
            request,
            "week",
            status,
            reader=subscriber,
            week=week,
            told=lambda paper: " · ".join(facts(paper, words)),
            is_mailed=subscriber.summary,
            done=done or request.query_params.get("done", ""),
            manage=self._pages.manage(request),
        )

    async def act(self, request: Request) -> Response:
        """Take the proposal, or have the mail or not, as the button says."""
        form = await read_form(request)
        return await run_in_threadpool(self._act, request, form)

    def _act(self, request: Request, form: Form) -> Response:
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        manage = self._pages.manage(request)
        if form.one("do") != "take":
            wanted = form.one("do") == "on"
            app.subscriptions.change(subscriber.address, now=app.clock(), summary=wanted)
            return RedirectResponse(f"{manage}/week?done={'on' if wanted else 'off'}", 303)
        with app.database.reading() as conn:
            found = Weeks(self._pages.links.paper).of(conn, subscriber, now=app.clock()).proposal
        if found is None or form.one("proposal") != found.name:
            return self._page(request, subscriber, 409, done="gone")
        changed = app.served.profiles.put_line(
            subscriber, found.rule.profile, found.rule.place, found.after, now=app.clock()
        )
        return RedirectResponse(f"{manage}/profile/{changed.row}?done=saved", 303)
