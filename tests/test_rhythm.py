"""When a batch is expected: arXiv's evenings, working days, feeds without a calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.sources.arxiv import ANNOUNCEMENTS, HOLIDAYS, usual_holidays
from notifier.sources.rhythm import MON_FRI, Calendar, Expected, Silence

NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 3 * 365 * 24 * 60).map(lambda n: START + timedelta(minutes=n))


def eastern(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-{day}T{clock}").replace(tzinfo=NEW_YORK).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "opened"),
    [
        (("11-18", "00:30"), "11-17"),  # Wednesday, half past midnight: Tuesday's is due
        (("11-18", "00:29"), "11-16"),  # a minute before: still Monday's
        (("11-18", "19:00"), "11-17"),
        (("11-20", "23:00"), "11-19"),  # Friday evening: Thursday's is the last
        (("11-22", "12:00"), "11-19"),  # Sunday noon: still
        (("11-23", "00:30"), "11-22"),  # Monday's feed: announced on Sunday evening
    ],
)
def test_arxiv_announces_from_sunday_to_thursday(now: tuple[str, str], opened: str) -> None:
    batch = ANNOUNCEMENTS.last(eastern(*now))
    assert batch == Expected(
        eastern(opened, "20:00"), eastern(opened, "20:00") + timedelta(hours=4.5)
    )


def test_a_holiday_has_no_batch() -> None:
    thanksgiving = eastern("11-27", "12:00")
    assert ANNOUNCEMENTS.last(thanksgiving) == ANNOUNCEMENTS.last(eastern("11-26", "12:00"))
    assert ANNOUNCEMENTS.next(thanksgiving) == eastern("11-30", "00:30")


def test_years_without_a_list_have_the_usual_holidays() -> None:
    assert set(usual_holidays(2026)) <= set(HOLIDAYS)
    assert sorted(usual_holidays(2027)) == [
        date(2027, 1, 1), date(2027, 1, 18), date(2027, 6, 18), date(2027, 7, 5),
        date(2027, 9, 6), date(2027, 11, 25), date(2027, 12, 24),
    ]  # fmt: skip


@pytest.mark.parametrize("day", ["03-08", "03-09", "11-01", "11-02"])
def test_the_evening_is_the_local_one_on_both_sides_of_a_clock_change(day: str) -> None:
    batch = ANNOUNCEMENTS.last(eastern(day, "23:59") + timedelta(days=1))
    assert batch
    assert batch.opens.astimezone(NEW_YORK).time() == time(20)


@given(MOMENTS)
def test_a_batch_is_due_before_now_and_the_next_one_after(now: datetime) -> None:
    last, following = ANNOUNCEMENTS.last(now), ANNOUNCEMENTS.next(now)
    assert last
    assert following
    assert last.opens < last.due <= now < following
    again = ANNOUNCEMENTS.last(following)
    assert again
    assert again.due == following
    assert ANNOUNCEMENTS.last(following - timedelta(seconds=1)) == last


@given(MOMENTS, st.integers(1, 400))
def test_a_feed_is_expected_to_show_something_within_its_longest_silence(
    now: datetime, days: int
) -> None:
    silence = Silence(timedelta(days=days))
    assert silence.last(now) == Expected(now - timedelta(days=days), now - timedelta(days=days))
    assert silence.next(now) is None


def test_a_calendar_without_any_working_day_expects_nothing() -> None:
    closed = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(365))
    calendar = Calendar("UTC", MON_FRI, time(0), timedelta(hours=1), holidays=closed)
    assert calendar.last(datetime(2026, 6, 1, tzinfo=UTC)) is None
    assert calendar.next(datetime(2026, 6, 1, tzinfo=UTC)) is None
