"""Of which days papers are: a day, a week or a month, of the calendar or up to now.

Pure: `now` is an argument. Days, weeks (ISO 8601, from Monday on) and months are those of UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Literal, TypeAlias

By: TypeAlias = Literal["day", "week", "month"]
# How far back something rose, and how long a period up to now is.
WINDOWS = MappingProxyType(
    {"day": timedelta(hours=24), "week": timedelta(days=7), "month": timedelta(days=30)}
)
_IN_WORDS = {"day": "in the last 24 hours", "week": "in the last 7 days"}
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From `begins` up to `ends`, which is not of it (UTC).

    `as_of`: trends are those of that moment, the end, or now where that is to come. `is_current`
    is true for one that goes up to now, and is no calendar's.
    """

    by: By
    begins: datetime
    ends: datetime
    as_of: datetime
    is_current: bool = False

    @property
    def window(self) -> timedelta:
        """How far back from `as_of` something rose."""
        return WINDOWS[self.by]

    def __str__(self) -> str:
        """`2026-11-20`, `2026-W47`, `2026-11`, `in the last 24 hours`."""
        if self.is_current:
            return _IN_WORDS.get(self.by, "in the last 30 days")
        if self.by == "week":
            year, week, _ = self.begins.isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.begins:%Y-%m}" if self.by == "month" else f"{self.begins:%Y-%m-%d}"


def up_to(now: datetime, by: By) -> Period:
    """Return the last 24 hours, 7 days or 30 days."""
    return Period(by, now - WINDOWS[by], now + _TICK, now, is_current=True)


def of(day: date, by: By, *, now: datetime) -> Period:
    """Return the day itself, or the week or month that it lies in; it may be to come.

    Args:
        day: Of the years 1970 to 2200.
        by: How long the period is.
        now: Aware UTC.
    """
    first, after = day, day + timedelta(days=1)
    if by == "week":
        first = day - timedelta(days=day.weekday())
        after = first + timedelta(days=7)
    elif by == "month":
        first = day.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    begins, ends = (datetime.combine(one, time(), UTC) for one in (first, after))
    return Period(by, begins, ends, min(ends - _TICK, now))
