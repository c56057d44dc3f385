"""A sample digest, as it would be mailed now: shown within the first page, or by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from notifier.digests.reading import body
from notifier.jobs.sample import sample
from notifier.storage import store_papers
from notifier.web.answers import Pages
from notifier.web.guarding import CACHED
from notifier.web.inbox import MAIL_POLICY, beside

KEPT = timedelta(minutes=10)
_FRAMED = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; "
           "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"}  # fmt: skip


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the sample is, and where its links lead: nowhere when there is none."""
    shown = _Sample(pages)
    return [Route("/sample", shown.show), Route("/sample/link", shown.explain)]


class _Sample:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._kept: dict[str, tuple[datetime, str]] = {}  # by language
        self._lock = Lock()  # it takes up to seconds: whoever else asks waits for the same one

    def show(self, request: Request) -> Response:
        """Give the sample, or say that there is nothing to show yet."""
        app = self._pages.app
        if not app.settings.site.sample_rules:
            raise HTTPException(404)
        words = self._pages.words(request)
        if shown := self._html(words.code):
            headers = {"Content-Language": words.code, "Vary": "Accept-Language"}
            policy = {"Content-Security-Policy": MAIL_POLICY}
            return HTMLResponse(shown, headers=headers | policy | CACHED)
        with app.database.reading() as conn:
            has_papers = store_papers.count(conn) > 0
        return self._pages.page(request, "sample", headers=_FRAMED | CACHED, has_papers=has_papers)

    def _html(self, code: str) -> str:
        now = self._pages.app.clock()
        with self._lock:
            if code not in self._kept or not timedelta(0) <= now - self._kept[code][0] < KEPT:
                self._kept[code] = now, self._made(code, now)
            return self._kept[code][1]

    def _made(self, code: str, now: datetime) -> str:
        app = self._pages.app
        with app.database.reading() as conn:
            mail = sample(
                conn,
                app.settings.site.sample_rules,
                app.compose_settings,
                lambda conn, profiles, now: app.matcher.found(conn, profiles, now=now),
                schedule=app.subscriptions.default_schedule,
                language=code,
                about=f"{app.links.base}/sample/link",
                now=now,
            )
        return beside(body(mail, "html").decode("utf-8", "replace")) if mail else ""

    def explain(self, request: Request) -> Response:
        """Say where the sample's links would lead."""
        return self._pages.message(request, "sample", headers=CACHED)
