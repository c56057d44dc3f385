"""The papers of a day or a week, by trend and then by date; and those that rules find."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.jobs.days import Arranged
from notifier.ranking import periods
from notifier.ranking.periods import By, Period
from notifier.web.answers import Pages
from notifier.web.finding import Finding
from notifier.web.guarding import CACHED, PUBLIC
from notifier.web.listing import SHOWN, page_number, summaries

_DAY, _WEEK = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII), re.compile(r"(\d{4})-W(\d\d)", re.ASCII)
_YEARS = range(1990, 2200)
_FIELD_CHARACTERS = 60


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    days = _Days(pages)
    return [Route("/papers", days.first), Route("/papers/{period}", days.show)]


def day_in(typed: str) -> tuple[date, By] | None:
    """Return the day or week that an address names (ISO 8601), None where it names none."""
    try:
        if _DAY.fullmatch(typed):
            day, by = date.fromisoformat(typed), "day"
        elif week := _WEEK.fullmatch(typed):
            day, by = date.fromisocalendar(int(week[1]), int(week[2]), 1), "week"
        else:
            return None
    except ValueError:
        return None
    return (day, "week" if by == "week" else "day") if day.year in _YEARS else None


class _Days:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._finding = Finding(pages)

    def first(self, request: Request) -> Response:
        """Show what rules find, or the newest day that has papers, today if it has."""
        if "q" in request.query_params:
            return self._finding.show(request)
        now = self._pages.app.clock()
        newest = self._pages.app.days.newest()
        if newest is None:
            return self._pages.page(request, "nothing", headers=CACHED)
        return self._page(request, periods.of(newest, "day", now=now))

    def show(self, request: Request) -> Response:
        """Show the papers of a day or a week."""
        found = day_in(request.path_params["period"])
        if found is None:
            raise HTTPException(404)
        day, by = found
        return self._page(request, periods.of(day, by, now=self._pages.app.clock()))

    def _page(self, request: Request, period: Period) -> Response:
        arranged = self._pages.app.days.of(period)
        field = request.query_params.get("field", "").strip()[:_FIELD_CHARACTERS]
        rows, number = arranged.of_field(field), page_number(request.query_params.get("page", ""))
        start = (number - 1) * SHOWN
        with self._pages.app.database.reading() as conn:
            papers = arranged.load(conn, rows[start : start + SHOWN])
        is_whole = bool(papers) and not field and number == 1
        return self._pages.page(
            request,
            "papers",
            headers=PUBLIC if is_whole else CACHED,
            is_listed=is_whole,
            by=period.by,
            day=period.begins.date(),
            last_day=period.ends.date() - timedelta(days=1),
            papers=summaries(papers, self._pages.words(request)),
            start=start,
            count=len(rows),
            field=field,
            fields=sorted(arranged.fields.items()),
            here_at=self._at(period),
            more=self._more(period, field, number) if start + SHOWN < len(rows) else "",
            around=self._around(period, arranged),
            links=self._pages.links,
        )

    def _at(self, period: Period, **more: str) -> str:
        query = urlencode({name: value for name, value in more.items() if value})
        return f"{self._pages.links.base}/papers/{period}" + (f"?{query}" if query else "")

    def _more(self, period: Period, field: str, number: int) -> str:
        return self._at(period, field=field, page=str(number + 1))

    def _around(self, period: Period, arranged: Arranged) -> Mapping[str, tuple[str, date] | None]:
        """Where the periods before and after are that have papers, and their first days."""
        now = self._pages.app.clock()

        def at(day: date | None) -> tuple[str, date] | None:
            if day is None:
                return None
            there = periods.of(day, period.by, now=now)
            return self._at(there), there.begins.date()

        wider = periods.of(period.begins.date(), "week", now=now)
        return {
            "before": at(arranged.before),
            "after": at(arranged.after),
            "week": (self._at(wider), wider.begins.date()) if period.by == "day" else None,
        }
