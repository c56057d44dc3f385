"""How the service is, for anybody: a page, the same as JSON, and a badge for other pages."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from notifier.jobs.public_status import PublicStatus, Whole, public_status
from notifier.web.answers import Pages
from notifier.web.guarding import CACHED

KEPT = timedelta(minutes=1)
_COLOURS: dict[Whole, str] = {
    "none": "#5a5e66",
    "fresh": "#2b6e3f",
    "late": "#8a5a00",
    "stale": "#a3241c",
}
_HEIGHT, _PADDING, _LETTER = 20, 12, 7


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    status = _Status(pages)
    return [
        Route("/status", status.show),
        Route("/status.json", status.as_json),
        Route("/badge.svg", status.badge),
    ]


class _Status:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._kept: tuple[datetime, PublicStatus] | None = None

    def _found(self, now: datetime) -> PublicStatus:
        """How it is, or was less than a minute ago: badges are asked for often."""
        if self._kept is None or not timedelta(0) <= now - self._kept[0] < KEPT:
            self._kept = now, self._read(now)
        return self._kept[1]

    def _read(self, now: datetime) -> PublicStatus:
        app = self._pages.app
        states = app.intake.freshness(now)
        with app.database.reading() as conn:
            return public_status(conn, states, now=now)

    def show(self, request: Request) -> Response:
        """Show it in words."""
        now = self._pages.app.clock()
        found = self._found(now)
        return self._pages.page(request, "status", headers=CACHED, found=found, now=now)

    def as_json(self, request: Request) -> Response:
        """Give it to programs; times are RFC 3339, UTC."""
        now = self._pages.app.clock()
        return JSONResponse(_plain(asdict(self._found(now)) | {"now": now}), headers=CACHED)

    def badge(self, request: Request) -> Response:
        """Draw it, for somebody's README."""
        now = self._pages.app.clock()
        found = self._found(now)
        drawn = drawing("papers", said(found, now), _COLOURS[found.state])
        return Response(drawn, media_type="image/svg+xml", headers=CACHED)


def said(found: PublicStatus, now: datetime) -> str:
    """Return the state in two to four words, English: `fresh 12 min ago`."""
    if found.state == "none":
        return "none yet"
    if found.newest_at is None:
        return found.state
    minutes = max((now - found.newest_at) // timedelta(minutes=1), 0)
    ago = f"{minutes} min"
    if minutes >= 48 * 60:
        ago = f"{minutes // (24 * 60)} d"
    elif minutes >= 60:
        ago = f"{minutes // 60} h"
    return f"{found.state} {ago} ago"


def drawing(label: str, text: str, colour: str) -> str:
    """Return a badge as SVG, without style or script, in letters that every machine has."""
    left, right = (len(one) * _LETTER + _PADDING for one in (label, text))
    whole, title = left + right, escape(f"{label}: {text}", {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{_HEIGHT}" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<rect width="{whole}" height="{_HEIGHT}" rx="3" fill="#3a3e46"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" rx="3" fill="{colour}"/>'
        '<g fill="#ffffff" text-anchor="middle" font-family="Verdana,Arial,sans-serif" '
        f'font-size="11"><text x="{left / 2:g}" y="14">{escape(label)}</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(text)}</text></g></svg>\n'
    )


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%SZ}"
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value
