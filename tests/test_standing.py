"""How we stand with a destination: slower, paused, and back."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.standing import (
    LONGEST,
    MANY_REFUSALS,
    REFUSALS,
    STEPS,
    Standing,
    refused,
    resumed,
    slowed,
    taken,
)

from .builders import NOON

MINUTE, HOUR, NONE = timedelta(minutes=1), timedelta(hours=1), timedelta(0)
GOOGLE = Standing("google")


def slow(standing: Standing, minutes: float, least: timedelta = NONE) -> Standing:
    return slowed(standing, "421 4.7.28 slower", least=least, now=NOON + minutes * MINUTE)


def refusals(*at: tuple[str, float]) -> Standing:
    found = GOOGLE
    for key, minutes in at:
        found = refused(found, key, "550 5.7.1 no", now=NOON + minutes * MINUTE)
    return found


def after_taken(standing: Standing, minutes: float = 0) -> Standing:
    return taken(standing, now=NOON + minutes * MINUTE)


# Slower.


def test_a_destination_that_stays_slow_is_left_alone_longer_each_time() -> None:
    found, now, waits = GOOGLE, NOON, []
    for _ in range(10):
        found = slowed(found, "421", least=NONE, now=now)
        assert found.slow_until is not None
        waits.append((found.slow_until - now) / MINUTE)
        now = found.slow_until
    assert waits == [1, 2, 5, 15, 30, 60, 120, 240, 240, 240]


def test_answers_to_what_was_on_the_wire_together_count_once() -> None:
    once = slow(GOOGLE, 0)
    assert slow(slow(once, 0.1), 0.9) == once


def test_a_longer_time_that_is_asked_for_counts_also_while_it_is_slow() -> None:
    assert slow(slow(GOOGLE, 0), 0.5, least=2 * HOUR).slow_until == NOON + 2 * HOUR + MINUTE / 2
    assert slow(GOOGLE, 0, least=9 * HOUR).slow_until == NOON + LONGEST


def test_every_mail_taken_goes_a_step_back() -> None:
    high = Standing("google", step=4)
    two_back = after_taken(after_taken(high))
    assert [after_taken(high).step, two_back.step] == [3, 2]
    assert slow(two_back, 0).slow_until == NOON + STEPS[2]
    assert after_taken(GOOGLE).is_plain


@given(st.lists(st.tuples(st.sampled_from("stp"), st.floats(0, 300)), max_size=30))
def test_no_destination_is_slow_for_more_than_four_hours(events: list[tuple[str, float]]) -> None:
    found, minutes = GOOGLE, 0.0
    for kind, later in events:
        minutes += later
        if kind != "p":
            found = slow(found, minutes) if kind == "s" else after_taken(found, minutes)
        until = found.slow_until or NOON
        assert until <= NOON + minutes * MINUTE + LONGEST
        assert 0 <= found.step <= len(STEPS)


# Paused.


def test_three_mails_refused_within_an_hour_pause_it() -> None:
    assert refusals(("a", 0), ("b", 20), ("c", 59)).state(NOON) == "paused"


def test_one_mail_refused_over_and_over_pauses_nobody() -> None:
    assert refusals(*[("a", minute) for minute in range(30)]).state(NOON) == "open"


def test_refusals_of_more_than_an_hour_ago_do_not_count() -> None:
    assert refusals(("a", 0), ("b", 20), ("c", 61)).state(NOON) == "open"


def test_a_mail_taken_between_wipes_out_what_was_before() -> None:
    two = after_taken(refusals(("a", 0), ("b", 1)))
    assert refused(two, "c", "no", now=NOON + 2 * MINUTE).paused_at is None


def test_where_mails_were_taken_within_the_hour_it_takes_ten_refusals_in_a_row() -> None:
    found = after_taken(refusals(("a", 0)))
    for number in range(MANY_REFUSALS):
        assert found.paused_at is None
        found = refused(found, f"m{number}", "no", now=NOON + number * MINUTE)
    assert found.paused_at == NOON + 9 * MINUTE
    old = after_taken(refusals(("a", 0)))
    for number in range(REFUSALS):
        old = refused(old, f"m{number}", "no", now=NOON + (61 + number) * MINUTE)
    assert old.paused_at == NOON + 63 * MINUTE


def test_a_pause_stays_until_somebody_says_so() -> None:
    paused = refusals(("a", 0), ("b", 1), ("c", 2))
    assert after_taken(paused).state(NOON + 99 * HOUR) == "paused"
    assert slow(paused, 5).state(NOON + 99 * HOUR) == "paused"
    assert resumed(paused) == GOOGLE


def test_a_pause_keeps_the_answer_it_came_from() -> None:
    paused = refusals(("a", 0), ("b", 1), ("c", 2))
    assert refused(paused, "d", "550 another", now=NOON + 3 * MINUTE).reason == "550 5.7.1 no"


@given(st.lists(st.tuples(st.sampled_from([*"abcdefghijkl", "taken"]), st.floats(0, 9)),
                max_size=40))  # fmt: skip
def test_it_is_paused_by_enough_mails_in_an_hour_and_by_nothing_less(
    events: list[tuple[str, float]],
) -> None:
    found, minutes, recent, last = GOOGLE, 0.0, dict[str, float](), -99.0
    for key, later in events:
        minutes += later
        if key == "taken":
            found, recent, last = after_taken(found, minutes), {}, minutes
        else:
            found = refused(found, key, "no", now=NOON + minutes * MINUTE)
            recent[key] = minutes
        within = [at for at in recent.values() if minutes - at < 60]
        enough = MANY_REFUSALS if minutes - last < 60 else REFUSALS
        if found.paused_at:
            assert len(within) >= enough
            return
        assert key == "taken" or len(within) < enough
