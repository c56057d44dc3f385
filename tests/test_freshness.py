"""A quiet source and a broken one are told apart by what the answers held."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.jobs.freshness import WAITED_FOR, awaited, missing_note
from notifier.languages import language
from notifier.sources import freshness
from notifier.sources.arxiv import ANNOUNCEMENTS
from notifier.sources.freshness import FAILURES, Freshness, Part, Reading, judge
from notifier.sources.rhythm import Silence

# Tuesday 2026-11-17, 20:00 in New York, is announced; its feeds are due at 05:30 UTC.
OPENS = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)
DUE = OPENS + timedelta(hours=4.5)
BEFORE = OPENS - timedelta(hours=20)  # the batch of the evening before came then
GRACE = timedelta(hours=2)
MONTH = timedelta(days=30)


def a_part(name: str = "cs.CL", **values: object) -> Part:
    known = Part(name, known_since=OPENS - MONTH, answered_at=DUE, batch_at=BEFORE, entries=200)
    return replace(known, **values)  # type: ignore[arg-type]


def read(*parts: Part, **values: object) -> Reading:
    reading = Reading(last_attempt_at=DUE, last_success_at=DUE, parts=parts or (a_part(),))
    return replace(reading, **values)  # type: ignore[arg-type]


def state(reading: Reading, now: datetime = DUE + GRACE) -> Freshness:
    return judge(reading, ANNOUNCEMENTS, now=now, grace=GRACE)


def test_a_source_that_was_never_asked_is_new() -> None:
    assert state(Reading()).state == "new"


def test_a_source_that_brought_the_batch_is_fresh() -> None:
    found = state(read(a_part(batch_at=DUE)))
    assert (found.state, found.since, found.missing) == ("fresh", DUE, False)


def test_a_source_that_answers_with_the_old_batch_is_stale_and_says_which_part() -> None:
    found = state(read(a_part("cs.AI"), a_part("cs.CL", batch_at=DUE)))
    assert (found.state, found.since, found.missing) == ("stale", BEFORE, True)
    assert "cs.AI" in found.why
    assert "cs.CL" not in found.why


def test_an_empty_feed_is_late_and_not_stale() -> None:
    assert state(read(a_part(entries=0))).state == "late"


def test_a_source_that_gave_no_answer_since_is_late() -> None:
    assert state(read(a_part(answered_at=BEFORE))).state == "late"


def test_until_a_batch_had_time_to_come_it_is_missing_but_not_late() -> None:
    found = state(read(), now=DUE + GRACE - timedelta(seconds=1))
    assert found.state in ("fresh", "quiet")
    assert found.missing


def test_before_a_batch_is_due_nothing_is_missing() -> None:
    found = state(read(), now=DUE - timedelta(seconds=1))
    assert (found.state, found.missing) == ("quiet", False)


def test_a_small_field_without_papers_is_no_cause_for_concern() -> None:
    found = state(read(a_part("econ.GN", entries=0), a_part("cs.CL", batch_at=DUE)))
    assert (found.state, found.missing) == ("fresh", False)


@pytest.mark.parametrize("day", [1, 2])
def test_a_week_end_is_quiet(day: int) -> None:
    friday = datetime(2026, 11, 20, 5, 40, tzinfo=UTC)
    empty = read(a_part(batch_at=friday, answered_at=friday + timedelta(days=day), entries=0))
    found = state(empty, now=friday + timedelta(days=day, hours=8))
    assert (found.state, found.missing) == ("quiet", False)


def test_a_source_configured_on_a_saturday_waits_for_no_batch_of_the_week_before() -> None:
    saturday = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    first = Part("cs.CL", known_since=saturday, answered_at=saturday)
    assert state(read(first), now=saturday + timedelta(hours=5)).state == "quiet"


@pytest.mark.parametrize(
    ("failures", "success", "expected"),
    [(1, DUE, "fresh"), (FAILURES - 1, DUE, "fresh"), (FAILURES, DUE, "failing"),
     (1, None, "failing")],
)  # fmt: skip
def test_a_passing_trouble_is_no_failure(
    failures: int, success: datetime | None, expected: str
) -> None:
    reading = read(
        a_part(batch_at=DUE), failures=failures, last_success_at=success, error="HTTP 503"
    )
    found = state(reading)
    assert found.state == expected
    assert "HTTP 503" in found.why


def test_a_failing_source_says_since_when_how_often_and_why() -> None:
    found = state(read(failures=5, error="HTTP 500 Internal Server Error", last_success_at=BEFORE))
    assert found.since == BEFORE
    assert found.why == "failed 5 times: HTTP 500 Internal Server Error"
    assert found.missing


def test_a_paused_source_is_neither_late_nor_waited_for() -> None:
    found = state(read(paused_at=BEFORE, failures=9))
    assert (found.state, found.since, found.missing) == ("paused", BEFORE, False)


def test_a_feed_without_a_calendar_is_stale_after_its_longest_silence() -> None:
    silent = read(a_part("", batch_at=DUE - MONTH))
    rhythm = Silence(timedelta(days=30))
    assert judge(silent, rhythm, now=DUE, grace=GRACE).state == "quiet"
    later = DUE + timedelta(seconds=1) + GRACE
    assert judge(silent, rhythm, now=later, grace=GRACE).state == "stale"


def test_a_new_journal_without_papers_yet_is_quiet() -> None:
    empty = read(Part("", known_since=DUE, answered_at=DUE))
    assert judge(empty, Silence(MONTH), now=DUE + timedelta(days=20), grace=GRACE).state == "quiet"


# Batches


@pytest.mark.parametrize(
    ("seen_now", "seen_before", "is_new"),
    [(239, 0, True), (223, 16, True), (16, 223, False), (0, 239, False), (0, 0, False)],
)
def test_an_answer_is_a_new_batch_by_what_was_not_seen_before(
    seen_now: int, seen_before: int, is_new: bool
) -> None:
    seen = [DUE] * seen_now + [BEFORE] * seen_before
    assert freshness.is_new_batch(ANNOUNCEMENTS, seen, now=DUE) is is_new


def test_a_list_that_grows_is_new_by_a_single_entry() -> None:
    assert freshness.is_new_batch(Silence(MONTH), [BEFORE] * 99 + [DUE], now=DUE)


@pytest.mark.parametrize(("announced", "is_batch"), [(0, False), (10, False), (50, True)])
def test_a_few_stragglers_of_the_other_route_are_no_batch(announced: int, is_batch: bool) -> None:
    assert freshness.is_replayed_batch(a_part(entries=200), announced) is is_batch


@pytest.mark.parametrize(
    ("part", "due"),
    [
        (a_part(batch_at=DUE), True),  # never replayed
        (a_part(batch_at=DUE, replayed_at=BEFORE), True),  # not since this batch
        (a_part(batch_at=DUE, replayed_at=OPENS + timedelta(hours=1)), True),  # too early
        (a_part(batch_at=DUE, replayed_at=DUE), False),
        (a_part(replayed_at=DUE + timedelta(minutes=1)), False),  # stale, but just looked for
        (a_part(replayed_at=DUE), True),  # stale, and looked for a while ago
    ],
)
def test_the_other_route_is_read_once_a_batch_and_again_while_one_is_missing(
    part: Part, due: bool
) -> None:
    now = DUE + freshness.REPLAY_AGAIN
    assert freshness.to_replay([part], ANNOUNCEMENTS, now=now) == (["cs.CL"] if due else [])


@pytest.mark.parametrize(
    ("categories", "expected"),
    [(["cs.CL"], ["cs.CL", "cs"]), (["cs.CV", "stat.ML"], ["cs"]), (["csx.A"], []), ([], [])],
)
def test_an_entry_belongs_to_the_parts_of_its_categories(
    categories: list[str], expected: list[str]
) -> None:
    assert freshness.part_of(categories, ["cs.CL", "cs"]) == expected
    assert freshness.part_of(categories, [""]) == [""]


TIMES = st.none() | st.integers(0, 30 * 24 * 60).map(lambda n: DUE - MONTH + timedelta(minutes=n))


@given(TIMES, TIMES, TIMES, TIMES, st.integers(0, 9), st.integers(0, 5), st.booleans())
def test_any_reading_has_a_state_and_one_that_needs_care_misses_something(
    success: datetime | None,
    answered: datetime | None,
    batch: datetime | None,
    replayed: datetime | None,
    failures: int,
    entries: int,
    has_parts: bool,
) -> None:
    part = Part("cs.CL", OPENS - MONTH, answered, batch, entries, replayed_at=replayed)
    reading = Reading(DUE, success, failures, "why", None, (part,) if has_parts else ())
    found = state(reading)
    assert found.state in freshness.MEANING
    assert found.next_due
    assert found.next_due > DUE + GRACE
    if found.state in ("late", "stale"):
        assert found.missing


# What a digest does about it


def test_a_digest_waits_for_what_is_missing_but_not_for_what_is_gone() -> None:
    stale = state(read())
    assert awaited(stale, now=DUE + GRACE)
    assert not awaited(stale, now=DUE + WAITED_FOR)
    assert not awaited(replace(stale, next_due=None), now=DUE)
    failing = state(read(failures=9, error="HTTP 404", last_success_at=DUE - timedelta(days=3)))
    assert not awaited(failing, now=DUE + timedelta(seconds=1))


def test_a_digest_waits_for_no_source_that_has_missed_the_batch_before() -> None:
    weeks = state(read(a_part(batch_at=OPENS - timedelta(days=20))))
    assert (weeks.state, weeks.missing, weeks.gone) == ("stale", True, True)
    assert not awaited(weeks, now=DUE + GRACE)


def test_a_small_field_that_both_routes_show_without_papers_is_quiet() -> None:
    def small(**values: object) -> Freshness:
        empty = a_part("math.HO", entries=0, answered_at=DUE, replayed_at=DUE, usual=3)
        return state(read(replace(empty, **values)))  # type: ignore[arg-type]

    assert (small().state, small().missing) == ("quiet", False)
    assert small(usual=200).state == "late", "of a large field this is no chance"
    assert small(replayed_at=BEFORE).state == "late", "the other route has not been asked"
    assert small(answered_at=BEFORE).state == "late"


@pytest.mark.parametrize(
    ("reading", "note"),
    [
        (read(), "arxiv has shown nothing new since Tue, 17 Nov 2026"),
        (read(failures=4, error="HTTP 503", last_success_at=BEFORE),
         "arxiv cannot be read since Tue, 17 Nov 2026"),
        (read(a_part(batch_at=DUE)), None),
    ],
)  # fmt: skip
def test_a_digest_says_what_was_missing_in_words(reading: Reading, note: str | None) -> None:
    found = missing_note("arxiv", state(reading))
    assert (None if found is None else language("en").said(found)) == note
