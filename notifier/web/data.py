"""What is kept about a subscriber: all of it as files, and the way to have it deleted."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.profiles.translating import portable
from notifier.profiles.translating.portable import PortableProfile
from notifier.storage import store_profiles, store_votes
from notifier.subscriptions.links import CHANGE
from notifier.web.answers import Pages, read_form

FILE, PROFILES_FILE = "my-digests.json", "my-profiles.toml"


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    data = _Data(pages)
    return [
        Route("/m/{token}/data", data.show, methods=["GET"]),
        Route("/m/{token}/data", data.act, methods=["POST"]),
        Route("/m/{token}/data.json", data.export, methods=["GET"]),
        Route("/m/{token}/profiles.toml", data.profiles, methods=["GET"]),
    ]


class _Data:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show what can be done."""
        return self._page(request)

    def _page(self, request: Request, status: int = 200) -> Response:
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        with app.database.reading() as conn:
            profiles = store_profiles.of(conn, [subscriber.row])
            saved = store_votes.counts(conn, subscriber.row).get("saved", 0)
        return self._pages.page(
            request,
            "data",
            status,
            reader=subscriber,
            address=subscriber.address,
            is_unsure=status == 422,
            profiles=len(profiles),
            saved=saved,
            manage=self._pages.manage(request),
        )

    def export(self, request: Request) -> Response:
        """Give all that is kept as JSON."""
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        told = app.served.records.everything(subscriber, now=app.clock())
        return Response(
            json.dumps(told, ensure_ascii=False, indent=1),
            media_type="application/json",
            headers=_saved_as(FILE),
        )

    def profiles(self, request: Request) -> Response:
        """Give the profiles as `profile import` takes them."""
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        owned = app.subscriptions.profiles(subscriber.address)
        text = portable.write(PortableProfile(one.name, one.rules, one.enabled) for one in owned)
        return Response(text, media_type="application/toml", headers=_saved_as(PROFILES_FILE))

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


def _saved_as(file: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file}"'}
