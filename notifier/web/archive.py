"""Digests of the past: as they were sent, and with all that matched for them.

Their addresses hold the digest's whole unguessable key, which only its mail tells. What a channel
got of it has a page under a name of its own: whoever reads the channel reads that page, and nothing
there leads to the digest, whose links change the subscription.
"""

from __future__ import annotations

import re
from datetime import UTC

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from notifier.digests import cadence
from notifier.digests.reading import body
from notifier.jobs.match import KEPT
from notifier.jobs.matched import AllMatched, all_matched, of_profiles
from notifier.profiles.profile import Subscriber
from notifier.storage import store_archive, store_digests, store_posts, store_subscribers
from notifier.storage.store_archive import Archived
from notifier.web.answers import Pages

MOST_SHOWN = 200
# The mail's own page: its styles are inline; scripts, forms and remote content stay out.
POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
}
_KEY = re.compile(r"[0-9a-f]{32}")


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    archive = _Archive(pages)
    return [
        Route("/d/{key}", archive.show),
        Route("/d/{key}/all", archive.show_all),
        Route("/l/{key}", archive.show_listed),
    ]


def as_sent(content: bytes, *, as_text: bool = False) -> Response:
    """Return a mail's HTML; its text, if asked to or where it has no other."""
    html = b"" if as_text else body(content, "html")
    if not html:
        return PlainTextResponse(body(content, "plain"), headers=POLICY)
    return HTMLResponse(html, headers=POLICY)


class _Archive:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Give the HTML of the mail to the byte, or (`?text`) its text."""
        app = self._pages.app
        with app.database.reading() as conn:
            digest = self._digest(conn, request)
            reader = store_subscribers.get(conn, digest.subscriber)
            content = store_digests.content(conn, digest.key)
        if self._is_too_old(digest) or (content is None and digest.papers):
            return self._gone(request, reader)
        if content is None:
            raise HTTPException(404)  # nothing matched, so nothing was sent
        return as_sent(content, as_text="text" in request.query_params)

    def show_all(self, request: Request) -> Response:
        """Show all papers that matched, those of the digest marked."""
        with self._pages.app.database.reading() as conn:
            digest = self._digest(conn, request)
            reader = store_subscribers.get(conn, digest.subscriber)
            if self._is_too_old(digest):
                return self._gone(request, reader)
            found = self._matched(conn, digest)
        return self._all(request, reader, digest, found, self._pages.links.digest(digest.key))

    def show_listed(self, request: Request) -> Response:
        """Show all papers that matched for a channel's profiles."""
        with self._pages.app.database.reading() as conn:
            page = store_posts.page(conn, request.path_params["key"])
            digest = store_archive.find(conn, page.digest) if page else None
            if page is None or digest is None:
                raise HTTPException(404)
            reader = store_subscribers.get(conn, digest.subscriber)
            if self._is_too_old(digest):
                return self._gone(request, reader)
            found = of_profiles(self._matched(conn, digest), page.profiles)
        return self._all(request, reader, digest, found, "")

    def _matched(self, conn: Connection, digest: Archived) -> AllMatched:
        app = self._pages.app
        return all_matched(conn, digest, order=app.order, lookback=app.lookback, limit=MOST_SHOWN)

    def _all(
        self,
        request: Request,
        reader: Subscriber | None,
        digest: Archived,
        found: AllMatched,
        whole: str,
    ) -> Response:
        now, links = self._pages.app.clock(), self._pages.links
        zone = cadence.zone_of(reader.schedule) if reader else UTC
        return self._pages.page(
            request,
            "matched",
            reader=reader,
            found=found,
            digest=whole,
            links=links,
            is_past=digest.composed_at < now - KEPT,
            kept_days=KEPT.days,
            day=digest.composed_at.astimezone(zone).date(),
        )

    def _digest(self, conn: Connection, request: Request) -> Archived:
        key = request.path_params["key"]
        digest = store_archive.find(conn, key) if _KEY.fullmatch(key) else None
        if digest is None:
            raise HTTPException(404)
        return digest

    def _is_too_old(self, digest: Archived) -> bool:
        return digest.composed_at < self._pages.app.clock() - self._pages.app.archive

    def _gone(self, request: Request, reader: Subscriber | None) -> Response:
        days = self._pages.app.archive.days
        return self._pages.message(request, "not kept", 410, reader=reader, days=days)
