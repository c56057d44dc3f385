"""When a subscriber's digest is due, by their own clock.

Pure. A digest belongs to a local date (or an ISO week), so neither clock change loses or doubles
one: a local time that does not exist moves behind the gap, one that exists twice means its first.

Where there are many subscribers, not all of them are due at the minute they chose: each is due some
minutes behind it, always the same, never before it and never on the next date.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from notifier.profiles.profile import Schedule

# Many people have the same schedule, and are asked for at the same moment.
_KEPT = 4096
# So many subscribers may be due in one minute without any harm: those behind them are spread.
_AT_ONCE = 1000
_DAY_MINUTES = 24 * 60
# 2**32 by the golden ratio: multiples of it, modulo 2**32, fall evenly (Knuth, volume 3, 6.4).
_GOLDEN = 2_654_435_769


@lru_cache(maxsize=1000)  # people type names: not without end
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def is_zone(name: str) -> bool:
    """Return whether `name` is an IANA time zone of this machine."""
    return bool(name) and _zone(name) is not None


def zone_of(schedule: Schedule) -> ZoneInfo:
    """Return the schedule's zone, or UTC when the zone is no longer known."""
    return _zone(schedule.zone) or ZoneInfo("UTC")


def _at(schedule: Schedule, day: date) -> datetime:
    """The moment of a local day's digest, in UTC."""
    zone = zone_of(schedule)
    local = datetime(day.year, day.month, day.day, schedule.hour, schedule.minute, tzinfo=zone)
    return local.astimezone(UTC)


def begins(schedule: Schedule, day: date) -> datetime:
    """Return when a day begins by the schedule's clock (UTC)."""
    return datetime.combine(day, time(), zone_of(schedule)).astimezone(UTC)


def _days(schedule: Schedule) -> tuple[int, ...]:
    return schedule.days[:1] if schedule.cadence == "weekly" else schedule.days


@lru_cache(maxsize=_KEPT)
def next_due(schedule: Schedule, after: datetime) -> datetime:
    """Return the first due moment (UTC) strictly after `after` (aware)."""
    day = after.astimezone(zone_of(schedule)).date() - timedelta(days=1)
    while True:
        if day.weekday() in _days(schedule) and (due := _at(schedule, day)) > after:
            return due
        day += timedelta(days=1)


@lru_cache(maxsize=_KEPT)
def last_due(schedule: Schedule, upto: datetime) -> tuple[date, datetime]:
    """Return (local date, moment in UTC) of the last due moment at or before `upto`."""
    day = upto.astimezone(zone_of(schedule)).date() + timedelta(days=1)
    while True:
        if day.weekday() in _days(schedule) and (due := _at(schedule, day)) <= upto:
            return day, due
        day -= timedelta(days=1)


def period(schedule: Schedule, now: datetime) -> str:
    """Return the name of the period a digest made `now` belongs to.

    `2026-11-21` for daily ones, `2026-W47` for weekly ones; after a downtime it is the last
    period that was due, so that several missed ones give one digest.
    """
    day, _ = last_due(schedule, now)
    if schedule.cadence == "daily":
        return day.isoformat()
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def next_free(schedule: Schedule, after: datetime, is_taken: Callable[[str], bool]) -> datetime:
    """Return the first due moment after `after` whose period, by its name, is not taken."""
    due = next_due(schedule, after)
    while is_taken(period(schedule, due)):
        due = next_due(schedule, due)
    return due


def behind(schedule: Schedule, subscriber: int, spread_minutes: int) -> timedelta:
    """Return how long after the chosen time a subscriber's digests are due, in whole minutes.

    Nothing for the first thousand subscribers (by row); of those behind them each thousand has a
    minute more to be spread over, up to `spread_minutes`, and never beyond the local day.
    """
    left = _DAY_MINUTES - schedule.hour * 60 - schedule.minute
    window = min(spread_minutes, subscriber // _AT_ONCE, left)
    return timedelta(minutes=window * (subscriber * _GOLDEN % 2**32) >> 32)


def planned(
    schedule: Schedule, after: datetime, *, subscriber: int, spread_minutes: int
) -> datetime:
    """Return when a subscriber's first digest whose time is after `after` is due (UTC)."""
    return next_due(schedule, after) + behind(schedule, subscriber, spread_minutes)
