"""What a failed attempt means: try again and when, give up, or give the address up."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.backoff import (
    DEAD_ADDRESS,
    JITTER,
    LAST_TRY,
    POLICY_WAIT,
    RCPT_WAIT,
    SHORTEST,
    WAITS,
    Decision,
    Tried,
    decide,
    wait,
)
from notifier.delivery.hints import LONGEST
from notifier.errors import SendError

from .builders import NOON

STAGES = ("mail", "rcpt", "data", "dot")
keys = st.text(max_size=40)
attempts = st.integers(1, 50)
stages = st.sampled_from(STAGES)
behind_mail = st.sampled_from(STAGES[1:])
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def judged(
    error: SendError, attempt: int = 1, key: str = "k", *, hours: float = 20, before: bool = False
) -> Decision:
    """What follows from a failure of a mail that is of use for so many hours."""
    return decide(error, Tried(key, attempt, NOON + hours * HOUR, before), now=NOON)


def decided(
    stage: str, code: int, enhanced: str = "", reply: str = "", *, attempt: int = 1, key: str = "k"
) -> tuple[str, float, bool]:
    """State, minutes to wait (0: no further try), dead or not."""
    made = judged(SendError(stage, code, enhanced, reply), attempt, key)
    minutes = (made.not_before - NOON) / MINUTE if made.not_before else 0.0
    return made.state, minutes, made.dead


# Waiting.


@given(keys, st.lists(attempts, min_size=2, max_size=2, unique=True).map(sorted))
def test_waits_grow_with_the_attempts_until_four_hours(key: str, two: list[int]) -> None:
    fewer, more = two
    if fewer < len(WAITS):
        assert wait(fewer, key) < wait(more, key)
    assert timedelta(hours=4) * (1 - JITTER) <= wait(len(WAITS) + more, key)


@given(keys, st.integers(-3, 50))
def test_a_wait_lies_within_a_fifth_of_its_step(key: str, attempt: int) -> None:
    step = WAITS[min(max(attempt, 1), len(WAITS)) - 1]
    assert step * 0.8 <= wait(attempt, key) <= step * 1.2


@given(keys, attempts)
def test_deciding_twice_decides_the_same(key: str, attempt: int) -> None:
    error = SendError("data", 451, "4.3.0")
    assert judged(error, attempt, key) == judged(error, attempt, key)


def test_many_digests_do_not_come_back_all_at_once() -> None:
    waits = {wait(3, f"digest {n}") for n in range(100)}
    assert len(waits) > 50
    assert max(waits) - min(waits) > WAITS[2] * JITTER


def test_the_waits_of_one_digest_are_not_all_shifted_alike() -> None:
    drawn = {round(wait(n, "k") / WAITS[n - 1], 2) for n in range(1, len(WAITS) + 1)}
    assert len(drawn) > 3


def test_the_steps_stay_apart_whatever_the_jitter() -> None:
    assert all(one * (1 + JITTER) < two * (1 - JITTER) for one, two in pairwise(WAITS))


# Try again.


@given(stages, st.integers(400, 499), st.sampled_from(["", "4.2.2", "4.7.1", "5.1.1"]), attempts)
def test_a_4yz_reply_is_tried_again_and_kills_no_address(
    stage: str, code: int, enhanced: str, attempt: int
) -> None:
    made = judged(SendError(stage, code, enhanced), attempt)
    assert (made.state, made.dead) == ("pending", False)
    assert made.not_before is not None
    assert made.not_before > NOON or not made.counts


@pytest.mark.parametrize("in_doubt", [True, False])
@pytest.mark.parametrize("stage", STAGES)
def test_no_reply_is_tried_again(stage: str, in_doubt: bool) -> None:
    made = judged(SendError(stage, 0, in_doubt=in_doubt))
    assert (made.state, made.dead, made.counts) == ("pending", False, True)
    assert made.not_before == NOON + wait(1, "k")


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize(
    ("code", "enhanced"),
    [(450, "4.2.0"), (451, "4.7.1"), (450, ""), (450, "4.7.1"), (552, "5.2.2")],
)
def test_a_greylisted_message_is_tried_again_after_five_minutes_and_a_little(
    code: int, enhanced: str, attempt: int
) -> None:
    state, minutes, dead = decided("rcpt", code, enhanced, attempt=attempt)
    assert (state, dead) == ("pending", False)
    assert RCPT_WAIT / MINUTE <= minutes <= 6


def test_greylisting_after_the_dot_waits_as_long() -> None:
    assert decided("dot", 451, "4.7.1", "Try again later")[1] >= RCPT_WAIT / MINUTE


@given(st.integers(1, 100_000), keys, attempts)
def test_a_time_that_the_server_names_is_waited_for_but_no_more_than_four_hours(
    seconds: int, key: str, attempt: int
) -> None:
    reply = f"greylisted, try again in {seconds} seconds"
    _, minutes, _ = decided("rcpt", 450, "4.7.1", reply, attempt=attempt, key=key)
    asked = min(max(timedelta(seconds=seconds), SHORTEST), LONGEST)
    assert minutes >= asked / MINUTE
    if attempt <= 3:
        assert minutes <= min(asked * 1.2, LONGEST) / MINUTE + 1e-6


def test_a_server_that_always_says_soon_is_asked_ever_more_rarely() -> None:
    waits = [
        decided("rcpt", 450, "4.7.1", "retry in 60 seconds", attempt=n)[1] for n in range(1, 8)
    ]
    assert max(waits[:3]) <= 1.2
    assert waits[3:] == [wait(n, "k") / MINUTE for n in range(4, 8)]


@given(stages, st.floats(0, 100), attempts, st.integers(0, 100_000), keys)
def test_no_wait_goes_beyond_what_the_mail_is_of_use_for(
    stage: str, hours: float, attempt: int, seconds: int, key: str
) -> None:
    error = SendError(stage, 450, "4.2.0", f"try again in {seconds} seconds")
    made = judged(error, attempt, key, hours=hours)
    assert made.not_before is not None
    last = max(NOON + SHORTEST, NOON + hours * HOUR - LAST_TRY)
    assert made.not_before <= last


# Whoever else is to blame.


@given(behind_mail, attempts, keys)
def test_a_destination_that_wants_us_slower_costs_the_mail_no_attempt(
    stage: str, attempt: int, key: str
) -> None:
    made = judged(SendError(stage, 421, "4.7.28", "slower"), attempt, key)
    assert made == Decision("pending", NOON, counts=False, blame="busy")


@given(st.integers(400, 599).filter(lambda code: code != 552), attempts)
def test_what_is_said_at_mail_costs_the_mail_no_attempt(code: int, attempt: int) -> None:
    made = judged(SendError("mail", code), attempt)
    assert made == Decision("pending", NOON, counts=False, blame="server")


@given(behind_mail, st.integers(0, 99).filter(lambda detail: detail != 13), attempts)
def test_a_refusal_by_policy_is_asked_once_more_after_an_hour_and_then_final(
    stage: str, detail: int, attempt: int
) -> None:
    error = SendError(stage, 550, f"5.7.{detail}", "no")
    first, second = judged(error, attempt), judged(error, attempt + 1, before=True)
    assert (first.state, first.blame, first.dead) == ("pending", "policy", False)
    assert first.not_before is not None
    assert POLICY_WAIT <= first.not_before - NOON <= POLICY_WAIT * (1 + JITTER)
    assert (second.state, second.dead) == ("failed", False)


def test_later_tries_at_the_recipient_wait_longer() -> None:
    state, minutes, _ = decided("rcpt", 450, attempt=4)
    assert state == "pending"
    assert 24 <= minutes <= 36


@pytest.mark.parametrize("enhanced", ["5.2.2", "", "5.1.1"])
def test_552_at_the_recipient_means_not_now(enhanced: str) -> None:
    assert decided("rcpt", 552, enhanced)[0] == "pending"


@pytest.mark.parametrize("stage", ["mail", "data", "dot"])
def test_552_elsewhere_is_final(stage: str) -> None:
    assert decided(stage, 552, "5.3.4") == ("failed", 0.0, False)


# Give up.


@given(behind_mail, st.integers(500, 599).filter(lambda code: code != 552), attempts)
def test_any_other_5yz_reply_is_final(stage: str, code: int, attempt: int) -> None:
    assert decided(stage, code, attempt=attempt) == ("failed", 0.0, False)


@pytest.mark.parametrize("enhanced", DEAD_ADDRESS)
@pytest.mark.parametrize("stage", ["rcpt", "data", "dot"])
def test_a_code_that_says_there_is_no_such_address_makes_it_dead(stage: str, enhanced: str) -> None:
    assert decided(stage, 550, enhanced) == ("failed", 0.0, True)


def test_the_codes_of_a_dead_address_are_these() -> None:
    assert set(DEAD_ADDRESS) == {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}


@pytest.mark.parametrize("enhanced", DEAD_ADDRESS)
def test_what_is_said_of_our_sender_kills_no_recipient(enhanced: str) -> None:
    assert decided("mail", 550, enhanced) == ("pending", 0.0, False)


@given(stages, st.integers(400, 599), st.integers(0, 999))
def test_a_policy_code_never_kills_an_address(stage: str, code: int, detail: int) -> None:
    error = SendError(stage, code, f"5.7.{detail}")
    assert not judged(error).dead
    assert not judged(error, before=True).dead


@pytest.mark.parametrize("enhanced", ["5.2.1", "5.2.2", "5.3.4", "5.4.4", "5.5.1", "5.7.13", ""])
def test_other_refusals_leave_the_address_alone(enhanced: str) -> None:
    assert decided("rcpt", 550, enhanced) == ("failed", 0.0, False)
