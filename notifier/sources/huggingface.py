"""Hugging Face Daily Papers: `https://huggingface.co/api/daily_papers`, no key needed.

Each round reads the lists of the last days, which still grow, and what is trending: so the
upvotes of older papers become a series, too. Far back whole months and weeks are asked for.
Source: https://huggingface.co/docs/hub/api.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from notifier.papers.paper import Batch, Entry
from notifier.sources import daily_paper, json_items
from notifier.sources.reading import read_each
from notifier.sources.rhythm import MON_FRI, Calendar, Rhythm
from notifier.sources.source import NOTHING_ASKED, WHOLE, Kind, Request

API = "https://huggingface.co/api/daily_papers"
FIRST_LIST = date(2023, 5, 1)  # the month in which Daily Papers began
# A day's list still grows late in the day, and upvotes for some days after.
DAYS_READ_AGAIN = 3
LONGEST_LIST = 100  # the most the service gives; without `limit` a long day stops at 50
# From further back than this, whole months and weeks are asked for.
LONG = timedelta(days=14)
# What is trending may be months old: news is only what came to Daily Papers since.
NEWS_FOR = timedelta(days=14)
# A list begins in the small hours (UTC) of a working day and grows until the evening.
WORKING_DAYS = Calendar("UTC", MON_FRI, time(0), timedelta(hours=14))
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_TRENDING = "sort=trending"
_IS_TRENDING = re.compile(rf"[?&]{_TRENDING}(?:[&#]|$)")
_CHOOSES = re.compile(r"[?&](?:date|week|month|sort)=")
_HAS_LIMIT = re.compile(r"[?&]limit=")


@dataclass(frozen=True, slots=True)
class HuggingFaceSource:
    """The Daily Papers of the last `days`, or from other addresses of the same API.

    An address that says itself which papers it wants (`sort=trending`, `date=`, `week=`,
    `month=`) is asked as it stands.
    """

    name: str
    urls: tuple[str, ...] = ()
    days: int = DAYS_READ_AGAIN
    rhythm: Rhythm = WORKING_DAYS
    kind: Kind = "huggingface"
    replay: timedelta | None = None

    @property
    def window(self) -> timedelta | None:
        """From today back to the first of the days read each round."""
        return timedelta(days=self.days - 1)

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        """Return the lists since then, the oldest first; then what is trending."""
        start = since if since is not None else now - timedelta(days=self.days - 1)
        wanted = list(_lists(start.astimezone(UTC).date(), now.astimezone(UTC).date()))
        due = self.rhythm.last(now)
        newest = f"date={due.opens:%Y-%m-%d}" if due else ""
        asked: list[Request] = []
        for base in self.urls or (API,):
            chosen = _CHOOSES.search(base)
            asked += _as_it_stands(base) if chosen else _asked(base, wanted, newest)
        return asked

    def read(self, body: bytes, *, now: datetime, asked: Request = NOTHING_ASKED) -> Batch:
        """Return the papers of one answer, with their signals as they stand."""
        items, defect = json_items.read(body)
        trending = _IS_TRENDING.search(asked.url) is not None
        return read_each(
            items,
            lambda item: _entry(item, now, trending),
            label=daily_paper.label,
            date=daily_paper.written_date,
            defect=defect,
        )


def _entry(item: Any, now: datetime, trending: bool) -> Entry:
    entry = daily_paper.read(item, now=now)
    shown = daily_paper.shown_at(item, now=now)
    old = trending and shown is not None and now - shown > NEWS_FOR
    return replace(entry, announce="update") if old else entry


def _asked(base: str, wanted: list[tuple[str, list[date]]], newest: str) -> list[Request]:
    """Return the requests for some lists, each by its days where the service refuses it whole.

    Lists from before the `newest` day that is due go on growing for a while: that says nothing of
    how current the source is.
    """
    lists = [
        Request(
            _address(base, query),
            parts=WHOLE if query.startswith("date=") and query >= newest else (),
            instead=tuple(Request(_address(base, f"date={d}"), pages=True) for d in days),
            pages=True,
        )
        for query, days in wanted
    ]
    # Its pages would have no end; and old papers in it say nothing of how current the lists are.
    return [*lists, Request(_address(base, _TRENDING), announces=False)]


def _as_it_stands(base: str) -> list[Request]:
    return [Request(_address(base), pages=not _IS_TRENDING.search(base))]


def _address(base: str, *queries: str) -> str:
    wanted = [*queries] if _HAS_LIMIT.search(base) else [*queries, f"limit={LONGEST_LIST}"]
    return "&".join([base if "?" in base else f"{base}?", *wanted]).replace("?&", "?")


def _lists(start: date, today: date) -> Iterator[tuple[str, list[date]]]:
    """Yield what to ask for to have every day from `start` to `today`, the oldest first.

    With each month and week come its days.
    """
    day = min(max(start, FIRST_LIST), today)
    long = today - day > LONG
    while day <= today:
        query, end = _list(day, today) if long else (f"date={day}", day + _DAY)
        days = [day + _DAY * n for n in range((end - day).days)]
        yield query, days if len(days) > 1 else []
        day = end


def _list(day: date, today: date) -> tuple[str, date]:
    """Return the longest list that begins at `day` and is over, and the day after it.

    A week that reaches into a month which is asked for as a whole gives way to it.
    """
    next_month = _next_month(day)
    if day.day == 1 and next_month <= today:
        return f"month={day:%Y-%m}", next_month
    end = next_month if _next_month(next_month) <= today else today
    if day.weekday() == 0 and day + _WEEK <= end:
        return f"week={day:%G}-W{day:%V}", day + _WEEK
    return f"date={day}", day + _DAY


def _next_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1]) + _DAY
