"""A sample digest, as it would be mailed now: shown within the first page, or by itself."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from notifier.storage import store_papers
from notifier.web.answers import Pages
from notifier.web.guarding import CACHED
from notifier.web.inbox import MAIL_POLICY, beside

_FRAMED = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; "
           "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"}  # fmt: skip


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the sample is, and where its links lead: nowhere when there is none."""
    shown = _Sample(pages)
    return [Route("/sample", shown.show), Route("/sample/link", shown.explain)]


class _Sample:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Give the sample, or say that there is nothing to show yet."""
        app = self._pages.app
        if not app.settings.site.sample_rules:
            raise HTTPException(404)
        words = self._pages.words(request)
        if shown := self._pages.samples.html(words.code):
            headers = {"Content-Language": words.code, "Vary": "Accept-Language"}
            policy = {"Content-Security-Policy": MAIL_POLICY}
            return HTMLResponse(beside(shown), headers=headers | policy | CACHED)
        with app.database.reading() as conn:
            has_papers = store_papers.count(conn) > 0
        return self._pages.page(request, "sample", headers=_FRAMED | CACHED, has_papers=has_papers)

    def explain(self, request: Request) -> Response:
        """Say where the sample's links would lead."""
        return self._pages.message(request, "sample", headers=CACHED)
