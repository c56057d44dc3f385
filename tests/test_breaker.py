"""The circuit breaker: when the mail server is left alone, for how long, and who may try it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.breaker import (
    CLOSED,
    LOGIN_WAITS,
    WAITS,
    Breaker,
    Cause,
    Failure,
    failed,
    reserved,
    told,
)

from .builders import NOON

MINUTE = timedelta(minutes=1)


def after(*events: tuple[Cause, str], start: Breaker = CLOSED, apart: float = 1) -> Breaker:
    """The breaker after failures, so many minutes apart."""
    found = start
    for number, (cause, to) in enumerate(events):
        now = NOON + number * apart * MINUTE
        found = failed(found, Failure(cause, to, now), "why", now=now)
    return found


def waits(cause: Cause, start: Breaker, times: int) -> list[float]:
    """How long each further trial is waited for, in minutes."""
    found, out = start, []
    for _ in range(times):
        assert found.retry_at is not None
        now = found.retry_at
        found = failed(found, Failure(cause, "a", now), "why", now=now, trial=True)
        assert found.retry_at is not None
        out.append((found.retry_at - now) / MINUTE)
    return out


@pytest.mark.parametrize("cause", ["connection", "server"])
def test_five_failures_in_a_row_open_it_for_1_2_4_to_30_minutes(cause: Cause) -> None:
    assert not after(*[(cause, "a")] * 4).is_open
    opened = after(*[(cause, "a")] * 5)
    assert opened.retry_at == NOON + 4 * MINUTE + WAITS[0]
    assert waits(cause, opened, 6) == [2, 4, 8, 16, 30, 30]


def test_failures_count_in_a_row_however_far_apart() -> None:
    assert after(*[("connection", "a")] * 5, apart=300).is_open


def test_a_refused_login_opens_it_at_once_and_is_tried_ever_more_rarely() -> None:
    opened = after(("login", "a"))
    assert (opened.cause, opened.retry_at) == ("login", NOON + LOGIN_WAITS[0])
    assert waits("login", opened, 5) == [60, 120, 240, 240, 240]


def test_no_two_logins_are_tried_within_half_an_hour() -> None:
    assert min(LOGIN_WAITS) >= 30 * MINUTE


def test_only_one_may_try_while_a_trial_is_on_its_way() -> None:
    opened = after(*[("connection", "a")] * 5)
    assert opened.retry_at is not None
    assert not opened.tries(opened.retry_at - MINUTE / 60)
    assert opened.tries(opened.retry_at)
    assert not reserved(opened, until=opened.retry_at + MINUTE).tries(opened.retry_at)
    assert not CLOSED.tries(NOON)


def test_what_was_on_the_wire_when_it_opened_makes_it_wait_no_longer() -> None:
    opened = after(*[("connection", "a")] * 5)
    late = failed(opened, Failure("connection", "b", NOON), "late", now=NOON + 5 * MINUTE)
    assert (late.retry_at, late.step, late.reason) == (opened.retry_at, opened.step, "why")
    refused = after(("login", "a"))
    again = failed(refused, Failure("login", "b", NOON), "late", now=NOON + MINUTE)
    assert again.retry_at == refused.retry_at


def test_the_same_answer_for_three_destinations_is_the_mail_servers_own() -> None:
    assert after(*[("destinations", to) for to in "aabbc"]).cause == "destinations"


def test_what_two_destinations_say_is_theirs() -> None:
    assert not after(*[("destinations", to) for to in "ababababab"]).is_open


def test_answers_of_more_than_an_hour_ago_are_another_story() -> None:
    assert not after(*[("destinations", to) for to in "abcde"], apart=20).is_open


def test_a_destinations_answer_ends_a_row_of_failures_to_connect() -> None:
    four = [("connection", "a")] * 4
    assert not after(*four, ("destinations", "a"), *four[:3]).is_open  # type: ignore[arg-type]


@pytest.mark.parametrize("cause", ["connection", "server", "login"])
def test_a_trial_that_gets_as_far_as_a_destination_closes_it(cause: Cause) -> None:
    opened = after(*[(cause, "a")] * 5)
    now = NOON + 60 * MINUTE
    heard = failed(opened, Failure("destinations", "a", now), "421", now=now, trial=True)
    assert not heard.is_open


def test_a_trial_whose_destination_says_the_same_again_keeps_it_open() -> None:
    opened = after(*[("destinations", to) for to in "abcde"])
    now = NOON + 60 * MINUTE
    again = failed(opened, Failure("destinations", "f", now), "421", now=now, trial=True)
    assert again.retry_at == now + WAITS[1]
    assert again.opened_at == opened.opened_at


def test_why_and_until_when_is_told_in_one_line() -> None:
    said = told(after(("login", "a")))
    assert said == "not asked since 2026-11-20 12:00Z, tried again at 12:30Z: why"


causes = st.sampled_from(["login", "connection", "server", "destinations"])


@given(st.lists(st.tuples(causes, st.sampled_from("abcd"), st.booleans(), st.floats(0, 90))))
def test_it_never_waits_longer_than_its_longest_step(
    events: list[tuple[Cause, str, bool, float]],
) -> None:
    found, minutes = CLOSED, 0.0
    for cause, to, trial, later in events:
        minutes += later
        now = NOON + minutes * MINUTE
        found = failed(found, Failure(cause, to, now), "w", now=now, trial=trial and found.is_open)
        if found.is_open:
            assert found.retry_at is not None
            assert found.retry_at <= now + LOGIN_WAITS[-1]
        else:
            assert found.retry_at is None
