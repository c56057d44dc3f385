"""How much a paper is talked about: momentum, peers, what rose, and signals as they are stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.jobs.talk import talk
from notifier.ranking.rising import Rise, rise
from notifier.ranking.trending import Reading, Series, Talked, momentum, trends, trends_of
from notifier.storage import store_papers, store_signals
from notifier.storage.database import Database
from tests.builders import NOON, an_entry

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def upvotes(*values: float, every: timedelta = HOUR, until: datetime = NOON) -> list[Reading]:
    """Return readings of upvotes, the last one at `until`."""
    last = len(values) - 1
    return [
        Reading("upvotes", value, until - (last - number) * every)
        for number, value in enumerate(values)
    ]


def talked(row: int, *values: float, field: str = "cs", age: timedelta = DAY / 4) -> Talked:
    """Return a paper with these upvotes, read hour by hour, the last one just now."""
    return Talked(row, field, NOON - age, upvotes(*values))


READINGS = st.lists(
    st.builds(
        Reading,
        st.sampled_from(["upvotes", "comments", "stars", "mentions"]),
        st.integers(0, 10_000).map(float),
        st.integers(0, 500).map(lambda hours: NOON - timedelta(hours=hours)),
        st.sampled_from(["", "huggingface", "listing"]),
    ),
    max_size=8,
).map(lambda readings: sorted(readings, key=lambda reading: reading.read_at))
AGES = st.integers(-10, 600).map(lambda hours: timedelta(hours=hours))
PEERS = st.lists(
    st.tuples(
        st.sampled_from(["cs", "math", ""]), AGES, READINGS, st.sampled_from([None, DAY, 60 * DAY])
    ),
    max_size=30,
).map(
    lambda rows: [
        Talked(row, field, NOON - age, readings, None if older is None else NOON - age - older)
        for row, (field, age, readings, older) in enumerate(rows)
    ]
)


# Momentum


def test_one_reading_counts_as_a_gain_from_nothing() -> None:
    assert momentum(upvotes(12), now=NOON) == 12


def test_an_old_gain_counts_half_for_every_three_days() -> None:
    assert momentum(upvotes(12, until=NOON - 3 * DAY), now=NOON) == 6
    assert momentum(upvotes(12, until=NOON - 6 * DAY), now=NOON) == 3


def test_only_the_gain_since_the_last_reading_is_fresh() -> None:
    assert momentum(upvotes(8, 10, every=3 * DAY), now=NOON) == 8 / 2 + 2


def test_a_reading_dated_in_the_future_counts_as_read_now() -> None:
    assert momentum(upvotes(12, until=NOON + DAY), now=NOON) == 12


def test_each_signal_gains_for_itself() -> None:
    readings = [
        Reading("upvotes", 10, NOON), Reading("comments", 3, NOON), Reading("mentions", 1, NOON)
    ]  # fmt: skip
    assert momentum(readings, now=NOON) == pytest.approx(10 + 0.1 * 3 + 1)


def test_stars_grow_by_orders() -> None:
    assert momentum([Reading("stars", 9, NOON)], now=NOON) == pytest.approx(5)
    assert momentum([Reading("stars", 9_999, NOON)], now=NOON) == pytest.approx(20)


def test_a_correction_takes_back_what_it_corrects_and_leaves_the_rest_its_date() -> None:
    assert momentum(upvotes(10, 100, 10, every=3 * DAY), now=NOON) == 10 / 4


def test_a_number_that_falls_and_returns_has_gained_nothing() -> None:
    held = momentum(upvotes(20, 20, 20, every=3 * DAY), now=NOON)
    assert momentum(upvotes(20, 5, 20, every=3 * DAY), now=NOON) == held == 20 / 4


@given(READINGS)
def test_momentum_is_never_below_nothing_nor_above_what_a_paper_has_at_last(
    readings: list[Reading],
) -> None:
    worth = {"upvotes": 1.0, "comments": 0.1, "mentions": 1.0}
    last = {(one.name, one.source): one.value for one in readings}
    most = sum(
        5 * np.log10(1 + value) if name == "stars" else worth[name] * value
        for (name, _), value in last.items()
    )
    assert 0 <= momentum(readings, now=NOON) <= most + 1e-5


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=6),
    st.integers(1, 99),
    st.integers(0, 9).map(lambda days: days * DAY),
)
def test_a_higher_last_reading_is_never_less_momentum(
    values: list[int], more: int, ago: timedelta
) -> None:
    before, higher = (upvotes(*values[:-1], values[-1] + n, until=NOON - ago) for n in (0, more))
    assert momentum(higher, now=NOON) > momentum(before, now=NOON)


@given(READINGS.filter(bool), st.data())
def test_a_reading_again_of_what_is_known_changes_nothing(
    readings: list[Reading], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(readings) - 1))
    again = [*readings[: at + 1], readings[at], *readings[at + 1 :]]
    assert momentum(again, now=NOON) == momentum(readings, now=NOON)


def test_a_number_that_two_sources_tell_counts_once() -> None:
    one = upvotes(10, 20, every=DAY)
    both = [
        Reading("upvotes", 10, NOON - DAY, "a"), Reading("upvotes", 9, NOON - HOUR, "b"),
        Reading("upvotes", 20, NOON, "a"), Reading("upvotes", 19, NOON, "b"),
    ]  # fmt: skip
    assert momentum(both, now=NOON) == momentum(one, now=NOON)


def test_a_paper_of_last_year_has_not_gained_all_it_has_on_the_day_it_is_found() -> None:
    def found(published_at: datetime | None, *values: float) -> float:
        one = Talked(1, "cs", NOON - DAY / 4, upvotes(*values), published_at)
        others = [
            Talked(99 + row, "cs", NOON, upvotes(row * 300), NOON - 300 * DAY) for row in range(5)
        ]
        return trends([one, *others, *(talked(row, row) for row in range(2, 32))], now=NOON)[1]

    last_year, last_week = NOON - 300 * DAY, NOON - 7 * DAY
    assert found(last_week, 800) == found(None, 800) > 0.9
    assert found(last_year, 800) < 0.7
    assert found(last_year, 800, 1_000) > found(last_year, 1_000)


# Hours and gaps


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 13)), min_size=2, max_size=20),
    st.randoms(use_true_random=False),
)
def test_the_hour_at_which_papers_are_read_changes_no_trend(
    values: list[tuple[int, int]], random: Random
) -> None:
    midnight = NOON.replace(hour=0)
    now = midnight + timedelta(hours=23, minutes=30)

    def papers(hours: Sequence[int]) -> list[Talked]:
        return [
            Talked(
                row,
                "cs",
                midnight - days * DAY + hour * HOUR,
                upvotes(value, 2 * value, every=DAY, until=midnight + hour * HOUR),
            )
            for row, ((value, days), hour) in enumerate(zip(values, hours, strict=True))
        ]

    at_six = papers([6] * len(values))
    mixed = papers([random.choice([6, 23]) for _ in values])
    assert trends(mixed, now=now) == trends(at_six, now=now)


@given(st.lists(st.integers(0, 99), min_size=2, max_size=20), st.integers(1, 6))
def test_days_on_which_nothing_could_be_read_leave_the_order_as_it_is(
    gains: list[int], gap: int
) -> None:
    def order(gap: int) -> list[float]:
        papers = [
            Talked(row, "cs", NOON - 7 * DAY, upvotes(5, 5 + gain, every=gap * DAY))
            for row, gain in enumerate(gains)
        ]
        return list(trends(papers, now=NOON).values())

    without, with_gap = order(1), order(gap)
    assert np.argsort(with_gap, kind="stable").tolist() == (
        np.argsort(without, kind="stable").tolist()
    )


# Trends


@given(PEERS)
def test_a_trend_lies_between_nothing_and_one_and_only_papers_with_signals_have_one(
    papers: list[Talked],
) -> None:
    found = trends(papers, now=NOON)
    assert set(found) == {paper.row for paper in papers if paper.readings}
    assert all(0 <= trend <= 1 for trend in found.values())


@given(PEERS, st.randoms(use_true_random=False))
def test_the_order_of_papers_changes_no_trend(papers: list[Talked], random: Random) -> None:
    shuffled = random.sample(papers, len(papers))
    assert trends(shuffled, now=NOON) == trends(papers, now=NOON)


def test_readings_may_come_source_by_source_as_the_database_gives_them() -> None:
    told = [
        Reading("upvotes", value, NOON - days * DAY, source)
        for days, value, source in ((9, 1, "a"), (6, 30, "b"), (3, 20, "a"), (0, 35, "b"))
    ]
    by_source = sorted(told, key=lambda reading: reading.source)
    assert momentum(by_source, now=NOON) == momentum(told, now=NOON)


def test_no_papers_have_no_trends() -> None:
    assert trends([], now=NOON) == {}


def test_a_paper_without_signals_has_no_trend_and_is_no_peer() -> None:
    with_silent = trends([talked(1, 5), talked(2), talked(3)], now=NOON)
    assert with_silent == trends([talked(1, 5)], now=NOON)


def test_a_lone_paper_stands_in_the_middle() -> None:
    assert trends([talked(1, 500)], now=NOON) == {1: 0.5}


def test_equal_papers_have_one_trend() -> None:
    assert set(trends([talked(row, 7) for row in range(9)], now=NOON).values()) == {0.5}


def test_numbers_that_shrink_bring_a_paper_below_one_that_holds() -> None:
    found = trends([talked(1, 20, 5), talked(2, 20, 20), talked(3, 20, 40)], now=NOON)
    assert 0 <= found[1] < found[2] < found[3] <= 1


@given(st.lists(st.tuples(st.integers(0, 99), st.sampled_from(["cs", "math"])), max_size=20))
def test_more_upvotes_are_never_less_trend_within_a_field_and_day(
    papers: list[tuple[int, str]],
) -> None:
    found = trends([talked(row, n, field=f) for row, (n, f) in enumerate(papers)], now=NOON)
    for field in ("cs", "math"):
        rows = sorted(
            (row for row, (_, own) in enumerate(papers) if own == field),
            key=lambda row: papers[row][0],
        )
        order = [found[row] for row in rows]
        assert order == sorted(order)


# Peers: fields


@given(
    st.integers(40, 200), st.integers(12, 200), st.sampled_from([1, 3, 10, 30, 100]),
    st.integers(0, 10_000),
)  # fmt: skip
def test_on_mixed_days_every_field_has_its_share_of_top_trends(
    loud: int, quiet: int, times: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)

    def papers(first: int, count: int, field: str, level: float) -> list[Talked]:
        counts = np.rint(level * np.exp(chance.normal(0, 1, count)))
        ages = chance.integers(0, 6, count)
        return [
            talked(first + n, float(counts[n]), field=field, age=int(ages[n]) * DAY)
            for n in range(count)
        ]

    found = trends(
        [*papers(0, loud, "cs", 30.0 * times), *papers(loud, quiet, "math", 30.0)], now=NOON
    )
    values = np.array(list(found.values()))
    for of_field in (values[:loud], values[loud:]):
        share = (of_field >= 0.7).mean()
        assert abs(share - 0.3) <= 0.05 + 2.5 / len(of_field)


def test_the_best_of_three_papers_a_week_trends_beside_a_field_of_hundreds() -> None:
    loud = [talked(row, 20 + row, field="cs", age=row % 7 * DAY) for row in range(300)]
    few = [
        talked(1000 + n, value, field="math", age=2 * n * DAY) for n, value in enumerate((1, 9, 2))
    ]
    found = trends([*loud, *few], now=NOON)
    assert found[1001] >= 0.7
    assert found[1000] < found[1001]


def test_a_second_field_moves_a_large_field_by_less_than_one_of_its_papers() -> None:
    large = [talked(row, row, field="cs") for row in range(100)]
    others = [talked(1000 + row, 500, field="math") for row in range(100)]
    alone, beside = trends(large, now=NOON), trends([*large, *others], now=NOON)
    assert max(abs(alone[row] - beside[row]) for row in range(100)) < 0.06


@given(st.integers(1, 30))
def test_one_peer_more_never_moves_a_small_field_by_a_leap(size: int) -> None:
    loud = [talked(row, 100 + row, field="cs") for row in range(50)]
    few = [talked(1000 + row, row % 7, field="math") for row in range(size + 1)]
    before = trends([*loud, *few[:-1]], now=NOON)
    after = trends([*loud, *few], now=NOON)
    # The one more takes a place itself: 1 / (size + 1), and tells of the field's level.
    assert max(abs(before[p.row] - after[p.row]) for p in few[:-1]) < 0.05 + 0.75 / (size + 1)


# Peers: ages


def test_a_paper_is_compared_with_papers_of_its_age() -> None:
    old = [talked(row, 100 + row, age=5 * DAY) for row in range(20)]
    new = [talked(100 + row, row) for row in range(5)]
    found = trends([*old, *new], now=NOON)
    for papers in (old, new):
        values = [found[paper.row] for paper in papers]
        assert values[0] < 0.3
        assert values[-1] > 0.7
        assert abs(sum(values) / len(values) - 0.5) < 0.1


def test_a_paper_that_turns_older_overnight_keeps_about_its_trend() -> None:
    papers = [
        Talked(row, "cs", NOON - row % 14 * DAY, upvotes(20 + row * 37 % 50, until=NOON))
        for row in range(280)
    ]
    tonight = NOON + 12 * HOUR
    before = trends(papers, now=tonight - HOUR)
    after = trends(papers, now=tonight + HOUR)
    assert max(abs(before[row] - after[row]) for row in before) < 0.15


# What rose


def test_a_rise_is_told_with_its_time() -> None:
    readings = upvotes(5, 12, 50, every=12 * HOUR)
    assert rise(readings, NOON) == [Rise("upvotes", 45, DAY, 50)]


def test_a_rise_of_a_paper_known_for_hours_is_that_since_it_is_known() -> None:
    assert rise(upvotes(5, 43, every=10 * HOUR), NOON) == [Rise("upvotes", 38, 10 * HOUR, 43)]


def test_a_rise_after_days_without_a_reading_is_told_with_all_of_them() -> None:
    assert rise(upvotes(5, 43, every=5 * DAY), NOON) == [Rise("upvotes", 38, 5 * DAY, 43)]


@pytest.mark.parametrize(
    "readings",
    [
        [], upvotes(40), upvotes(40, 30), upvotes(5, 40, until=NOON - 2 * DAY),
        upvotes(5, 40, until=NOON + 5 * HOUR), upvotes(40, 20, 40),
    ],
)  # fmt: skip
def test_nothing_has_risen_without_a_higher_reading_of_late(readings: list[Reading]) -> None:
    assert rise(readings, NOON) == []


def test_the_highest_rise_comes_first() -> None:
    readings = [
        Reading(name, value, at)
        for at, values in ((NOON - DAY, (1, 1, 7)), (NOON, (4, 9, 7)))
        for name, value in zip(("comments", "upvotes", "stars"), values, strict=True)
    ]
    assert rise(readings, NOON) == [Rise("upvotes", 8, DAY, 9), Rise("comments", 3, DAY, 4)]


def test_a_rise_that_two_sources_tell_is_the_lesser_of_the_two() -> None:
    one = [Reading("upvotes", 1, NOON - DAY, "a"), Reading("upvotes", 9, NOON, "a")]
    other = [Reading("upvotes", 2, NOON - 3 * HOUR, "b"), Reading("upvotes", 9, NOON, "b")]
    assert rise([*one, *other], NOON) == [Rise("upvotes", 7, 3 * HOUR, 9)]


@given(READINGS)
def test_a_rise_is_above_nothing_and_each_signal_has_one_at_most(readings: list[Reading]) -> None:
    found = rise(readings, NOON)
    assert all(one.gain > 0 and one.since >= timedelta(0) for one in found)
    assert len({one.name for one in found}) == len(found)


# Signals as they are stored


def take(
    database: Database, at: datetime, *numbers: int, source: str = "huggingface", **signals: float
) -> None:
    """Let a source show papers with these signals at a time."""
    entries = [an_entry(number, signals=signals, categories=("cs.LG",)) for number in numbers]
    with database.writing() as conn:
        store_papers.take_in(conn, entries, source=source, now=at)


def readings(database: Database, row: int = 1, now: datetime = NOON) -> list[tuple[str, float]]:
    """Return what is stored of a paper, as (name, value), in order of time."""
    with database.reading() as conn:
        return [(one.name, one.value) for one in store_signals.of(conn, row, now=now)]


def test_a_fall_and_a_return_stay_visible_and_a_number_that_stays_is_kept_once(
    database: Database,
) -> None:
    for hours, value in enumerate((20.0, 20.0, 5.0, 5.0, 20.0, 0.0)):
        take(database, NOON - (9 - hours) * HOUR, 1, upvotes=value)
    assert readings(database) == [("upvotes", value) for value in (20.0, 5.0, 20.0, 0.0)]


def test_every_signal_keeps_when_it_was_read(database: Database) -> None:
    take(database, NOON - DAY, 1, upvotes=3.0, comments=1.0)
    take(database, NOON - HOUR, 1, upvotes=9.0, comments=1.0, stars=2.0)
    with database.reading() as conn:
        found = store_signals.of(conn, 1, now=NOON)
    assert {(one.name, one.value, one.read_at, one.source) for one in found} == {
        ("upvotes", 3.0, NOON - DAY, "huggingface"), ("comments", 1.0, NOON - DAY, "huggingface"),
        ("upvotes", 9.0, NOON - HOUR, "huggingface"), ("stars", 2.0, NOON - HOUR, "huggingface"),
    }  # fmt: skip


def test_each_further_source_is_a_mention_and_the_same_one_again_is_none(
    database: Database,
) -> None:
    for days, source in enumerate(("lab", "arxiv", "huggingface", "arxiv", "arxiv")):
        take(database, NOON - days * DAY, 1, source=source)
    assert readings(database) == [("mentions", 1.0), ("mentions", 2.0)]
    assert readings(database, now=NOON - DAY) == [("mentions", 1.0)]


def test_sources_alone_make_no_paper_talked_about_and_lift_one_that_is(database: Database) -> None:
    for source in ("arxiv", "lab"):
        take(database, NOON, 1, source=source)
    take(database, NOON, 2, 3, upvotes=4.0)
    take(database, NOON, 3, source="arxiv")
    with database.reading() as conn:
        found = talk(conn, now=NOON).trends
    assert set(found) == {2, 3}
    assert found[3] > found[2]


def test_readings_of_later_than_now_and_papers_unread_for_long_take_no_part(
    database: Database,
) -> None:
    take(database, NOON - 15 * DAY, 1, upvotes=4.0)
    take(database, NOON - DAY, 2, upvotes=4.0)
    take(database, NOON, 2, upvotes=400.0)
    take(database, NOON, 3, upvotes=1.0)
    with database.reading() as conn:
        before = store_signals.talked_about(conn, now=NOON - HOUR, within=14 * DAY)
        after = store_signals.talked_about(conn, now=NOON, within=14 * DAY)
    assert (before.rows.tolist(), before.value.tolist()) == ([2], [4.0])
    assert (after.rows.tolist(), sorted(after.value.tolist())) == ([2, 3], [1.0, 4.0, 400.0])


def test_what_is_stored_trends_as_the_readings_that_were_taken(database: Database) -> None:
    for row, values in enumerate(((1, 9, 30), (2, 3, 3), (8, 4, 8), (5, 6, 7)), start=1):
        for days, value in zip((3, 1, 0), values, strict=True):
            take(database, NOON - days * DAY, row, upvotes=float(value), stars=float(value // 2))
    with database.reading() as conn:
        stored = store_signals.talked_about(conn, now=NOON, within=14 * DAY)
        told = [
            Talked(row, "cs", NOON - 3 * DAY, store_signals.of(conn, row, now=NOON))
            for row in range(1, 5)
        ]
    assert trends_of(stored, now=NOON).tolist() == list(trends(told, now=NOON).values())
    assert stored.rows.tolist() == [1, 2, 3, 4]
    assert set(stored.fields) == {"cs"}


# Time


def test_twenty_thousand_papers_with_five_readings_each_are_scored_within_a_second() -> None:
    chance = np.random.default_rng(1)
    papers, each = 20_000, 5
    hours = np.repeat(chance.integers(0, 14 * 24, papers), each) - np.tile(np.arange(each), papers)
    now = int(NOON.timestamp())
    series = Series(
        rows=np.arange(papers),
        fields=[("cs", "math", "stat")[row % 7 // 3] for row in range(papers)],
        seen=now - 3600 * chance.integers(0, 14 * 24, papers),
        born=now - 3600 * chance.integers(0, 14 * 24, papers),
        names=["comments", "upvotes"],
        paper=np.repeat(np.arange(papers), each),
        name=chance.integers(0, 2, papers * each),
        source=np.zeros(papers * each, np.int64),
        value=chance.integers(0, 500, papers * each).astype(np.float64),
        read=now - 3600 * hours,
    )
    start = time.perf_counter()
    found = trends_of(series, now=NOON)
    assert time.perf_counter() - start < 1
    assert len(found) == papers
