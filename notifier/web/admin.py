"""The operator's page: how the instance is getting on, with people's addresses and servers' words.

Behind the keys of the API, by HTTP Basic (RFC 7617), since a browser has no other way to send one:
any user name, and as password a key with the scope `admin`. It can only be read.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.access.scopes import allows
from notifier.jobs.alerting import wording
from notifier.overview import overview
from notifier.storage import store_bounces, store_overview
from notifier.web.answers import Pages, asker
from notifier.web.guarding import password

SHOWN = 20
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="notifier", charset="UTF-8"'}


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the page is."""
    return [Route("/admin", _Admin(pages).show, methods=["GET"])]


class _Admin:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show the page to who holds a key with the scope `admin`."""
        app, typed = self._pages.app, password(request.headers.get("authorization", ""))
        try:
            holder = app.served.api_keys.holder(typed, host=asker(request), now=app.clock())
        except errors.TooOften:
            return self._closed(request, 429, "too often")
        if holder is None or not allows(holder.scopes, "admin"):
            said = "not admin" if holder else "wrong" if typed else ""
            return self._closed(request, 401, said)
        return self._open(request)

    def _closed(self, request: Request, status: int, said: str) -> Response:
        headers = _CHALLENGE if status == 401 else {"Retry-After": "10"}
        return self._pages.page(request, "admin_closed", status, said=said, headers=headers)

    def _open(self, request: Request) -> Response:
        app = self._pages.app
        with app.database.reading() as conn:
            failures = store_overview.failures(conn, limit=SHOWN)
            bounces = store_bounces.newest(conn, limit=SHOWN)
        keys = [(key, key.state(app.clock())) for key in app.served.api_keys.every()]
        found, words = overview(app), self._pages.words(request)
        alerts = [(words.said(wording.what(one)), one) for one in found.alerts]
        return self._pages.page(
            request, "admin", found=found, alerts=alerts, failures=failures, bounces=bounces,
            keys=keys, readers=app.served.readers.at(app.clock()),
        )  # fmt: skip
