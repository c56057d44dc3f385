"""notifier paper trending: what a day, a week or a month talks about, as of then."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.jobs.talk import SIGNAL_DAYS, Talks, talk
from notifier.jobs.trends import trends
from notifier.papers.identity import Alias
from notifier.ranking import periods
from notifier.ranking.trending import Reading, Series, Talked, standing
from notifier.storage import store_papers
from notifier.storage.database import Database

from .builders import NOON, an_entry
from .commands import Notifier, notifier
from .conftest import real_data
from .test_cli_finding import an_app, take
from .test_cli_papers import store

__all__ = ["notifier"]

DAY = timedelta(days=1)
FIELDS = {1: ("cs.CL", "cs.LG"), 2: ("cs.CV",), 3: ("q-bio.NC",), 4: ("stat.ML", "cs.LG")}


def tell(
    notifier: Notifier, upvotes: Mapping[int, float], *, later: int = 0, source: str = "huggingface"
) -> None:
    """A source tells upvotes of papers, so many days after noon of 2026-11-20."""
    entries = [
        an_entry(
            number, f"Paper {number}", categories=FIELDS.get(number, ("cs.CL",)),
            signals={"upvotes": value}, announce="update",
        )
        for number, value in upvotes.items()
    ]  # fmt: skip
    store(notifier, *entries, source=source, later=later)


@pytest.fixture
def told(notifier: Notifier) -> Notifier:
    """Four papers of 2026-11-20, two of the day after, with upvotes of three days."""
    tell(notifier, {1: 5, 2: 20, 3: 2})
    store(notifier, an_entry(4, "Paper 4", categories=FIELDS[4]))
    tell(notifier, {1: 43, 2: 21, 5: 8, 6: 1}, later=1)
    tell(notifier, {2: 99}, later=2)
    return notifier


def trending(notifier: Notifier, *arguments: object, now: datetime = NOON + 2 * DAY):  # type: ignore[no-untyped-def]
    return notifier("--now", now.isoformat(), "paper", "trending", *arguments, "--format", "jsonl")


def numbers(result: object) -> list[int]:
    return [int(row["id"][-1]) for row in result.rows]  # type: ignore[attr-defined]


def test_a_day_has_the_papers_first_seen_on_it_as_of_its_end(told: Notifier) -> None:
    result = trending(told, "--date", "2026-11-20")
    assert numbers(result) == [2, 3, 1]  # what was read on later days plays no part
    assert result.rows[0]["signals"] == {"upvotes": 20}
    assert all(row["rose"] == [] for row in result.rows)
    assert result.err == "3 papers of 2026-11-20, by trend as of 2026-11-20 23:59Z\n"
    assert numbers(trending(told, "--date", "2026-11-21")) == [5, 6]


def test_a_week_and_a_month_have_the_papers_of_all_their_days(told: Notifier) -> None:
    for by, day in (("week", "2026-11-18"), ("month", "2026-11-01"), ("month", "2026-11")):
        result = trending(told, "--by", by, "--date", day, now=NOON + 99 * DAY)
        assert sorted(numbers(result)) == [1, 2, 3, 5, 6]
    assert "5 papers of 2026-11, by trend as of 2026-11-30 23:59Z" in result.err


def test_without_a_date_it_has_what_something_new_was_told_of(told: Notifier) -> None:
    result = trending(told)
    assert numbers(result) == [2]  # first seen two days ago
    assert result.rows[0]["rose"] == [{"signal": "upvotes", "gain": 78, "hours": 24}]
    assert sorted(numbers(trending(told, "--by", "week"))) == [1, 2, 3, 5, 6]
    assert numbers(trending(told, "--by", "week", now=NOON + 8.5 * DAY)) == [2]


def test_a_table_shows_trend_rise_signals_field_and_title(told: Notifier) -> None:
    result = told("--now", (NOON + DAY).isoformat(), "paper", "trending")
    head, first, *_ = result.out.splitlines()
    assert head.split() == ["id", "trend", "rose", "signals", "field", "title"]
    assert first.startswith("arxiv:2611.00001  0.")
    assert "+38 upvotes in 24 h  upvotes 43  cs     Paper 1" in first
    assert "4 papers talked about in the last 24 hours, by trend as of 2026-11-21 12:00Z" in (
        result.err
    )


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("cs", [1, 2]),
        ("cs.*", [1, 2]),
        ("cs.LG", [1]),
        ("q-bio", [3]),
        ("q-bio.N*", [3]),
        ("c", []),
    ],
)
def test_a_field_takes_what_a_rule_for_categories_takes(
    told: Notifier, field: str, expected: list[int]
) -> None:
    assert sorted(numbers(trending(told, "--date", "2026-11-20", "--field", field))) == expected


def test_the_limit_shows_the_best_and_counts_all(told: Notifier) -> None:
    every = trending(told, "--by", "week")
    best = trending(told, "--by", "week", "--limit", 2)
    assert numbers(best) == numbers(every)[:2]
    assert "5 papers talked about in the last 7 days, by trend" in best.err
    assert best.err.endswith("the best 2 shown\n")


def test_of_equal_trends_the_newer_paper_comes_first_then_the_smaller_id(
    notifier: Notifier,
) -> None:
    for number, day in ((3, 19), (2, 19), (1, 18)):
        published = datetime(2026, 11, day, tzinfo=UTC)
        entry = an_entry(number, str(number), published_at=published, signals={"upvotes": 5.0})
        store(notifier, entry, source="huggingface")
    assert numbers(trending(notifier, now=NOON)) == [2, 3, 1]


def test_the_best_of_a_quiet_field_is_not_drowned_by_another_fields_upvotes(
    database: Database,
) -> None:
    with database.writing() as conn:
        for field, scale, papers in (("cs.CL", 10, 20), ("math.NT", 1, 8)):
            entries = [
                an_entry(
                    aliases=(Alias("arxiv", f"2611.{scale:02}{number:03}"),), title=f"{number}",
                    categories=(field,), signals={"upvotes": float(scale * number)},
                )
                for number in range(1, papers + 1)
            ]  # fmt: skip
            store_papers.take_in(conn, entries, source="huggingface", now=NOON)
    period = periods.of(NOON.date(), "day", now=NOON + DAY)
    with database.reading() as conn:
        found = trends(conn, period, limit=10)
    by_upvotes = sorted(
        (one for one in trends_all(database, period)), key=lambda one: -one.signals["upvotes"]
    )
    assert {one.field for one in by_upvotes[:10]} == {"cs"}  # as a list by upvotes has it
    best = [one for one in found.best if one.field == "math"]
    assert best[0].signals == {"upvotes": 8}
    assert found.best.index(best[0]) < 3
    assert len(best) in (2, 3, 4)  # 8 of 28 papers


def trends_all(database: Database, period: periods.Period):  # type: ignore[no-untyped-def]
    with database.reading() as conn:
        return trends(conn, period, limit=None).best


# Nothing


def test_without_any_signals_it_is_said_which_sources_tell_them(notifier: Notifier) -> None:
    store(notifier, an_entry(1))
    result = trending(notifier)
    assert (result.code, result.out) == (0, "")
    assert 'add a [[source]] of kind "huggingface" (Daily Papers)' in result.err


def test_a_day_without_signals_says_what_was_looked_at_and_where_more_may_be(
    told: Notifier,
) -> None:
    store(told, an_entry(9), later=4)
    result = trending(told, "--date", "2026-11-24", now=NOON + 9 * DAY)
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines() == [
        "papers first seen in 2026-11-24: 1, with signals by its end: none",
        "looked at: 5 papers with 8 readings, as of 2026-11-24 23:59Z, from huggingface",
        "try --by week",
    ]
    assert "nothing new was told of any paper in the last 24 hours" in (
        trending(told, now=NOON + 9 * DAY).err
    )


def test_a_field_without_signals_names_those_that_have_some(told: Notifier) -> None:
    result = trending(told, "--date", "2026-11-20", "--field", "hep-th")
    assert result.code == 0
    assert "no paper of that field has signals; of others there are: cs 2, q-bio 1" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--date", "2026-11-23"), "2026-11-23 is still to come - today is 2026-11-22 (UTC)"),
        (("--date", "yesterday"), '--date "yesterday" is no day - write it like 2026-11-20'),
        (("--date", "1900-01-01"), "lies outside the years 1970 to 2200"),
        (("--field", " "), "--field names no field - write one, like cs, cs.CL or q-bio.N*"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage_in_one_line(
    told: Notifier, arguments: tuple[str, ...], said: str
) -> None:
    result = trending(told, *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert len(result.err.splitlines()) == 1


# Periods


@given(
    st.dates(date(1970, 1, 1), date(2200, 12, 31)),
    st.sampled_from(["day", "week", "month"]),
    st.integers(0, 2_000_000).map(lambda hours: datetime.fromtimestamp(3_600 * hours, UTC)),
)
def test_a_period_holds_its_day_and_is_followed_by_the_next_without_a_gap(
    day: date, by: periods.By, now: datetime
) -> None:
    period = periods.of(day, by, now=now)
    assert period.begins.date() <= day < period.ends.date()
    following = periods.of(period.ends.date(), by, now=now)
    assert following.begins == period.ends
    assert str(following) > str(period) or len(str(period)) > 10
    assert period.as_of < period.ends
    assert period.as_of <= now
    assert periods.of(period.begins.date(), by, now=now) == period


def test_periods_are_named_as_iso_8601_has_them() -> None:
    first = date(2027, 1, 1)
    named = [str(periods.of(first, by, now=NOON)) for by in ("day", "week", "month")]
    assert named == ["2027-01-01", "2026-W53", "2027-01"]


# Readings of many papers


READINGS = st.lists(
    st.builds(
        Reading,
        st.sampled_from(["upvotes", "stars"]),
        st.integers(0, 99).map(float),
        st.integers(0, 99).map(lambda hours: NOON - timedelta(hours=hours)),
        st.sampled_from(["a", "b"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda reading: reading.read_at,
).map(lambda readings: sorted(readings, key=lambda reading: reading.read_at))


@given(st.lists(READINGS, min_size=1, max_size=5))
def test_the_readings_of_each_paper_come_out_as_they_went_in(papers: list[list[Reading]]) -> None:
    series = Series.of(Talked(row, "cs", NOON, own) for row, own in enumerate(papers))
    for place, own in enumerate(papers):
        found = series.readings_of([place])[place]
        assert [(r.name, r.value, r.read_at) for r in found] == [
            (r.name, r.value, r.read_at) for r in own
        ]
        assert standing(found) == standing(own)


def test_of_several_sources_of_one_signal_the_highest_counts() -> None:
    told_by = [("a", 9.0), ("b", 7.0), ("a", 5.0)]
    readings = [
        Reading("upvotes", value, NOON + hour * DAY, source)
        for hour, (source, value) in enumerate(told_by)
    ]
    assert standing(readings) == {"upvotes": 7.0}


# The talk that is given out again


def test_talk_is_given_out_again_only_as_long_as_it_holds(notifier: Notifier) -> None:
    tell(notifier, {1: 5, 2: 20, 3: 2})
    tell(notifier, {1: 43, 5: 8}, later=6)
    app = an_app(notifier)
    talks = Talks()
    fresh = 0
    with app.database.reading() as conn:
        for hours in (*range(0, 24 * 30, 5), 24 * 6):  # and back again
            now = NOON + hours * timedelta(hours=1)
            before, found = talks._talk, talks.at(conn, now)
            expected = talk(conn, now=now)
            assert (found.trends, found.trending) == (expected.trends, expected.trending)
            fresh += talks._talk is not before and hours > 24 * 6
    assert 24 <= fresh <= 28  # each day, and when a paper becomes too old
    with app.database.reading() as conn:
        before = talks.at(conn, NOON + 6 * DAY)
    tell(notifier, {3: 70}, later=6)
    with app.database.reading() as conn:
        assert talks.at(conn, NOON + 6 * DAY).trends != before.trends
    app.close()


def test_talk_holds_up_to_the_last_moment_of_a_reading(notifier: Notifier) -> None:
    tell(notifier, {1: 5})
    app = an_app(notifier)
    with app.database.reading() as conn:
        found = talk(conn, now=NOON + 13.6 * DAY)
        assert found.until == NOON + SIGNAL_DAYS
        assert talk(conn, now=found.until).trends == found.trends
        assert not talk(conn, now=found.until + timedelta(seconds=1)).trends
    app.close()


# Real days


def test_the_first_of_a_real_day_is_among_those_with_most_upvotes(notifier: Notifier) -> None:
    folder = real_data("hf/daily")
    files = [file for file in sorted(folder.glob("*")) if file.stat().st_size > 10_000][20:26]
    assert len(files) == 6
    app = an_app(notifier)
    for file in files:
        take(
            app,
            gzip.decompress(file.read_bytes()),
            NOON.combine(_day(file), NOON.time(), UTC),
            "huggingface",
        )
    app.close()
    for file in files[1:]:
        result = trending(notifier, "--date", _day(file), "--limit", 99)
        upvotes = [row["signals"].get("upvotes", 0) for row in result.rows]
        assert upvotes[0] in sorted(upvotes)[-3:]
        assert 1 >= result.rows[0]["trend"] > 0.7


def _day(file: Path) -> date:
    return date.fromisoformat(file.name[:10])
