"""When digests are due: every zone, both clock changes, gaps, repeated hours, odd dates."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise, product
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.digests.cadence import (
    behind,
    is_zone,
    last_due,
    next_due,
    next_free,
    period,
    planned,
    zone_of,
)
from notifier.profiles.profile import Schedule

ZONES = sorted(available_timezones() - {"localtime"})
EVERY_DAY = tuple(range(7))
DAY = timedelta(days=1)
NEW_YEAR = date(2026, 1, 1)

moments = st.timedeltas(timedelta(0), 94_000 * DAY).map(
    lambda since: datetime(1843, 1, 1, tzinfo=UTC) + since
)
days = st.sets(st.integers(0, 6), min_size=1).map(lambda some: tuple(sorted(some)))
schedules = st.builds(
    Schedule,
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.integers(0, 59),
    days,
    st.sampled_from(["daily", "weekly"]),
)
APIA = Schedule("Pacific/Apia", 7, 0, EVERY_DAY)  # had no 2011-12-30
NUUK = Schedule("America/Nuuk", 23, 30, (5,))  # loses the last hour of a Saturday


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(schedule: Schedule, due: datetime) -> datetime:
    return due.astimezone(ZoneInfo(schedule.zone)).replace(tzinfo=None)


def chosen(schedule: Schedule) -> tuple[int, ...]:
    return schedule.days[:1] if schedule.cadence == "weekly" else schedule.days


def gap(schedule: Schedule, wall: datetime) -> timedelta | None:
    """How long the gap is in which a local time falls; None when the time exists (PEP 495)."""
    aware = wall.replace(tzinfo=ZoneInfo(schedule.zone))
    back = aware.astimezone(UTC).astimezone(aware.tzinfo).replace(tzinfo=None, fold=0)
    if back == wall:
        return None
    before, after = aware.utcoffset(), aware.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    return after - before


# Properties, over every zone.


@given(schedules, moments)
@example(APIA, utc("2011-12-29T18:00"))
@example(NUUK, utc("2026-03-28T20:00"))
def test_the_next_digest_is_due_later_on_a_chosen_day_at_the_local_time(
    schedule: Schedule, after: datetime
) -> None:
    due = next_due(schedule, after)
    assert due > after
    day, same = last_due(schedule, due)
    assert same == due
    assert day.weekday() in chosen(schedule)
    wall = datetime.combine(day, time(schedule.hour, schedule.minute))
    assert local(schedule, due) == wall + (gap(schedule, wall) or timedelta(0))


@given(schedules, moments)
@example(APIA, utc("2011-12-29T16:00"))
def test_no_due_moment_lies_between_now_and_the_next(schedule: Schedule, after: datetime) -> None:
    _, before = last_due(schedule, after)
    assert before <= after < next_due(schedule, after)
    assert next_due(schedule, before) == next_due(schedule, after)


@given(schedules, moments)
def test_a_time_that_comes_twice_means_its_first(schedule: Schedule, after: datetime) -> None:
    due = next_due(schedule, after)
    assert due.astimezone(ZoneInfo(schedule.zone)).fold == 0


@given(schedules, moments)
@example(APIA, utc("2011-12-28T00:00"))
def test_consecutive_due_moments_have_different_periods(
    schedule: Schedule, after: datetime
) -> None:
    seen = []
    for _ in range(9):
        after = next_due(schedule, after)
        seen.append(period(schedule, after))
    assert len(set(seen)) == 9
    assert seen == sorted(seen)


@given(schedules, moments, st.timedeltas(timedelta(0), DAY * 20))
def test_a_period_lasts_until_the_next_due_moment(
    schedule: Schedule, now: datetime, wait: timedelta
) -> None:
    due = next_due(schedule, now)
    later = min(now + wait, due - timedelta(microseconds=1))
    assert period(schedule, later) == period(schedule, now)
    assert period(schedule, due) != period(schedule, now)


@given(schedules, moments)
def test_a_weekly_digest_comes_once_in_every_iso_week(schedule: Schedule, after: datetime) -> None:
    weekly = Schedule(schedule.zone, schedule.hour, schedule.minute, schedule.days, "weekly")
    due, weeks = after, []
    for _ in range(54):
        due = next_due(weekly, due)
        weeks.append(period(weekly, due))
    first = date.fromisocalendar(int(weeks[0][:4]), int(weeks[0][6:]), 1)
    every = [(first + n * 7 * DAY).isocalendar() for n in range(54)]
    assert weeks == [f"{year}-W{week:02d}" for year, week, _ in every]


# Every clock change of every zone.


@cache
def changes(zone: str, year: int) -> tuple[date, ...]:
    """The local dates of a year on which the clock is moved."""
    there = ZoneInfo(zone)
    midnights = [datetime(year, 1, 1, tzinfo=UTC) + n * DAY for n in range(367)]
    offsets = [(moment, moment.astimezone(there).utcoffset()) for moment in midnights]
    return tuple(a.date() for (a, old), (_, new) in pairwise(offsets) if old != new)


def test_the_zones_here_change_their_clocks_at_all() -> None:
    assert sum(1 for zone in ZONES if len(changes(zone, 2026)) >= 2) > 100


@pytest.mark.parametrize("minute", [0, 30])
def test_no_clock_change_of_any_zone_loses_or_doubles_a_daily_digest(minute: int) -> None:
    for zone in ZONES:
        for change in changes(zone, 2026):
            for hour in (0, 1, 2, 3, 7, 22, 23):
                schedule = Schedule(zone, hour, minute, EVERY_DAY)
                start = datetime.combine(change, time(12), tzinfo=UTC) - 4 * DAY
                dates = one_for_each_period(schedule, start, 8)
                expected = [(dates[0] + n * DAY) for n in range(8)]
                assert dates == expected, (schedule, dates)


def one_for_each_period(schedule: Schedule, due: datetime, number: int) -> list[date]:
    dates = []
    for _ in range(number):
        due = next_due(schedule, due)
        dates.append(date.fromisoformat(period(schedule, due)))
    return dates


def moments_of_change(zone: str) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """Each (moment, offset before, offset from then on) of 2024 to 2030, to the second."""
    there, found = ZoneInfo(zone), []
    known = [datetime(2024, 1, 1, tzinfo=UTC) + n * 5 * DAY for n in range(512)]
    offsets = [(moment, moment.astimezone(there).utcoffset()) for moment in known]
    for (early, old), (late, new) in pairwise(offsets):
        if old == new:
            continue
        while late - early > timedelta(seconds=1):
            middle = early + (late - early) // 2
            early, late = (
                (middle, late) if middle.astimezone(there).utcoffset() == old else (early, middle)
            )
        assert old is not None
        assert new is not None
        found.append((late.replace(microsecond=0), old, new))
    return tuple(found)


@cache
def every_change() -> dict[tuple[tuple[datetime, timedelta, timedelta], ...], list[str]]:
    """The zones by their changes: those with the same ones are the same in these years."""
    out: dict[tuple[tuple[datetime, timedelta, timedelta], ...], list[str]] = {}
    for zone in ZONES:
        out.setdefault(moments_of_change(zone), []).append(zone)
    return out


def times_around(moment: datetime, old: timedelta, new: timedelta) -> set[time]:
    """Local times before, in and behind what a change leaves out or doubles, and odd ones."""
    first, last = sorted((moment + old, moment + new))
    minute = timedelta(minutes=1)
    walls = (first - minute, first, first + minute, first + (last - first) / 2, last - minute, last)
    return {wall.time().replace(second=0, microsecond=0) for wall in walls} | {
        time(0),
        time(23, 59),
    }


def test_there_is_a_change_to_look_at_in_many_zones() -> None:
    assert sum(map(len, every_change().values())) == len(ZONES)
    assert sum(len(changes) for changes in every_change() if changes) > 300


@pytest.mark.parametrize("subscriber", [1, 70_001])
def test_ticks_over_every_change_of_seven_years_make_each_dates_digest_once(
    subscriber: int,
) -> None:
    draw = Random(subscriber)
    for changes, zones in every_change().items():
        for moment, old, new in changes:
            for zone, at in product(zones, sorted(times_around(moment, old, new))):
                schedule = Schedule(zone, at.hour, at.minute, EVERY_DAY)
                ticked_over(schedule, moment - 2 * DAY, subscriber, draw)


def ticked_over(schedule: Schedule, start: datetime, subscriber: int, draw: Random) -> None:
    """Play four days: a tick comes 0 to 15 minutes after a digest is due, which makes it."""
    due = planned(schedule, start, subscriber=subscriber, spread_minutes=60)
    dates, late = [], behind(schedule, subscriber, 60)
    while due < start + 4 * DAY:
        now = due + timedelta(seconds=draw.choice((0, 1, 29, 30, 450, 899)))
        day, chosen = last_due(schedule, now)
        assert due == chosen + late
        assert local(schedule, chosen).date() == day or gap(schedule, wall_of(schedule, day))
        dates.append(date.fromisoformat(period(schedule, now)))
        following = planned(schedule, now, subscriber=subscriber, spread_minutes=60)
        assert following > due
        due = following
    assert dates == [dates[0] + n * DAY for n in range(len(dates))], (schedule, dates)
    assert len(dates) >= 3


def wall_of(schedule: Schedule, day: date) -> datetime:
    return datetime.combine(day, time(schedule.hour, schedule.minute))


# Spreading.


rows = st.integers(1, 3_000_000)


@given(schedules, rows, st.integers(0, 60))
def test_nobody_is_due_before_the_time_they_chose_nor_beyond_the_window_or_the_day(
    schedule: Schedule, subscriber: int, most: int
) -> None:
    late = behind(schedule, subscriber, most)
    assert timedelta(0) <= late <= timedelta(minutes=max(most - 1, 0))
    assert wall_of(schedule, NEW_YEAR) + late < datetime.combine(NEW_YEAR + DAY, time())
    assert late == behind(schedule, subscriber, most)


def test_who_chose_the_last_half_hour_of_a_day_is_spread_over_no_more_than_that() -> None:
    late = {behind(Schedule("UTC", 23, 30), row, 60) for row in range(60_000, 61_000)}
    assert late == {timedelta(minutes=n) for n in range(30)}


@given(schedules, moments, rows)
def test_whoever_is_spread_has_the_same_periods_as_who_is_not(
    schedule: Schedule, after: datetime, subscriber: int
) -> None:
    due = planned(schedule, after, subscriber=subscriber, spread_minutes=60)
    assert period(schedule, due) == period(schedule, next_due(schedule, after))
    assert next_due(schedule, due) == next_due(schedule, next_due(schedule, after))


@given(schedules, moments, st.integers(1, 1999))
def test_where_few_subscribe_everybody_is_due_at_the_minute_they_chose(
    schedule: Schedule, after: datetime, subscriber: int
) -> None:
    due = planned(schedule, after, subscriber=subscriber, spread_minutes=60)
    assert due == next_due(schedule, after)


@pytest.mark.parametrize(("count", "minutes"), [(10_000, 10), (60_000, 60), (1_000_000, 60)])
def test_very_many_are_spread_evenly(count: int, minutes: int) -> None:
    seven = Schedule("Europe/Berlin")
    in_minute = Counter(
        int(behind(seven, row, 60).total_seconds()) // 60
        for row in range(1, count + 1, max(count // 50_000, 1))
    )
    sampled = in_minute.total()
    assert set(in_minute) <= set(range(minutes))
    # Each thousand has a window of its own, so the first minutes have more, but never much more.
    share = sampled / minutes * (1.5 if count == 1_000_000 else 7)
    assert max(in_minute.values()) <= share


@given(schedules, moments, st.integers(0, 5))
def test_the_next_free_moment_is_the_first_whose_period_is_not_taken(
    schedule: Schedule, after: datetime, taken: int
) -> None:
    due, used = after, list[str]()
    for _ in range(taken):
        due = next_due(schedule, due)
        used.append(period(schedule, due))
    assert next_free(schedule, after, used.__contains__) == next_due(schedule, due)


@pytest.mark.parametrize(
    ("zone", "at", "day", "due"),
    [
        ("Europe/Berlin", "02:30", "2026-03-29", "2026-03-29T01:30"),  # does not exist: 03:30
        ("Europe/Berlin", "02:30", "2026-10-25", "2026-10-25T00:30"),  # twice: the first
        ("America/Sao_Paulo", "00:00", "2018-11-04", "2018-11-04T03:00"),  # the day begins at 01:00
        ("Australia/Lord_Howe", "02:15", "2026-10-04", "2026-10-03T15:45"),  # half an hour
        ("Antarctica/Troll", "02:00", "2026-03-29", "2026-03-29T02:00"),  # two hours
        ("America/Nuuk", "23:30", "2026-03-28", "2026-03-29T01:30"),  # behind the gap is tomorrow
        ("Asia/Kathmandu", "07:00", "2026-06-01", "2026-06-01T01:15"),
        ("Pacific/Kiritimati", "07:00", "2026-06-01", "2026-05-31T17:00"),
    ],
)
def test_a_digest_of_a_day_is_due_at(zone: str, at: str, day: str, due: str) -> None:
    wanted = time.fromisoformat(at)
    schedule = Schedule(zone, wanted.hour, wanted.minute, EVERY_DAY)
    assert last_due(schedule, utc(due)) == (date.fromisoformat(day), utc(due))
    assert next_due(schedule, utc(due) - timedelta(seconds=1)) == utc(due)


@pytest.mark.parametrize(
    ("zone", "skipped"),
    [("Pacific/Apia", "2011-12-30"), ("Pacific/Fakaofo", "2011-12-30"),
     ("Pacific/Kwajalein", "1993-08-21"), ("Pacific/Kiritimati", "1994-12-31"),
     ("Asia/Manila", "1844-12-31")],
)  # fmt: skip
@pytest.mark.parametrize("hour", [0, 7, 23])
def test_a_date_that_a_zone_left_out_gives_no_digest_and_doubles_none(
    zone: str, skipped: str, hour: int
) -> None:
    missing = date.fromisoformat(skipped)
    schedule = Schedule(zone, hour, 0, EVERY_DAY)
    start = datetime.combine(missing, time(0), tzinfo=UTC) - 3 * DAY
    dates = one_for_each_period(schedule, start, 6)
    assert missing not in dates
    assert dates == [d for n in range(7) if (d := dates[0] + n * DAY) != missing]


def test_a_date_that_a_zone_had_twice_gives_one_digest() -> None:
    schedule = Schedule("America/Juneau", 7, 0, EVERY_DAY)  # bought by the United States
    dates = one_for_each_period(schedule, utc("1867-10-14T00:00"), 8)
    assert dates == [dates[0] + n * DAY for n in range(8)]
    again_the_18th = utc("1867-10-19T01:00")
    assert period(schedule, again_the_18th) == "1867-10-19"


def test_a_weekly_digest_on_a_date_that_was_left_out_comes_the_day_after() -> None:
    friday = Schedule("Pacific/Apia", 7, 0, (4,), "weekly")
    due = next_due(friday, utc("2011-12-26T00:00"))
    assert due == utc("2011-12-30T17:00")  # 07:00 on the 31st, at +14
    assert period(friday, due) == "2011-W52"
    assert period(friday, next_due(friday, due)) == "2012-W01"


# Names of periods.


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("2026-11-20T05:59", "2026-11-19"),  # before seven in Berlin
        ("2026-11-20T06:00", "2026-11-20"),
        ("2026-11-22T12:00", "2026-11-20"),  # Sunday belongs to Friday's
        ("2028-02-29T06:00", "2028-02-29"),
        ("2026-01-01T06:00", "2026-01-01"),
    ],
)
def test_a_daily_period_is_the_local_date_that_was_due_last(now: str, name: str) -> None:
    assert period(Schedule("Europe/Berlin"), utc(now)) == name


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("2026-12-28T06:00", "2026-W53"),
        ("2027-01-01T12:00", "2026-W53"),
        ("2027-01-04T06:00", "2027-W01"),
        ("2024-12-30T06:00", "2025-W01"),  # the ISO year is ahead of the calendar's
    ],
)
def test_a_weekly_period_is_the_iso_week_that_was_due_last(now: str, name: str) -> None:
    assert period(Schedule("Europe/Berlin", days=(0,), cadence="weekly"), utc(now)) == name


def test_the_leap_day_is_a_day_like_any_other() -> None:
    schedule = Schedule("Asia/Tokyo", 7, 0, EVERY_DAY)
    dates = one_for_each_period(schedule, utc("2028-02-27T12:00"), 3)
    assert [str(day) for day in dates] == ["2028-02-28", "2028-02-29", "2028-03-01"]


@pytest.mark.parametrize("cadence", ["daily", "weekly"])
def test_three_days_of_downtime_are_one_period(cadence: str) -> None:
    schedule = Schedule("Europe/Berlin", 7, 0, EVERY_DAY, cadence)  # type: ignore[arg-type]  # a parameter
    late = next_due(schedule, utc("2026-11-15T12:00")) + 3 * DAY + timedelta(hours=5)
    made = period(schedule, late)
    assert period(schedule, next_due(schedule, late) - timedelta(seconds=1)) == made
    assert next_due(schedule, late) > late


def test_a_weekly_schedule_keeps_to_the_first_of_its_days() -> None:
    schedule = Schedule("UTC", 7, 0, (2, 4), "weekly")
    assert next_due(schedule, utc("2026-11-18T07:00")) == utc("2026-11-25T07:00")


# Zones that are none.


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Base", "Europe", "../../etc/passwd", "/etc/localtime", "Europe/Berlin ", "x" * 5000,
     "nul\0", "grün", "."],
)  # fmt: skip
def test_an_unknown_zone_is_told_and_means_utc(name: str) -> None:
    assert not is_zone(name)
    assert zone_of(Schedule(name)) == ZoneInfo("UTC")
    assert next_due(Schedule(name), utc("2026-11-20T06:00")) == utc("2026-11-20T07:00")


def test_every_zone_of_this_machine_is_known() -> None:
    assert all(map(is_zone, ZONES))


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_zone_of_after_does_not_matter(zone: str) -> None:
    after = utc("2026-11-20T05:00")
    berlin = Schedule("Europe/Berlin")
    assert next_due(berlin, after.astimezone(ZoneInfo(zone))) == next_due(berlin, after)
