"""What a failed attempt means: try again and when, give up, or give the address up."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.backoff import DEAD_ADDRESS, JITTER, WAITS, decide, wait
from notifier.errors import SendError

from .builders import NOON

STAGES = ("mail", "rcpt", "data", "dot")
keys = st.text(max_size=40)
attempts = st.integers(1, 50)
stages = st.sampled_from(STAGES)


def decided(
    stage: str, code: int, enhanced: str = "", *, attempt: int = 1, key: str = "k"
) -> tuple[str, float, bool]:
    """State, minutes to wait (0: no further try), dead or not."""
    made = decide(SendError(stage, code, enhanced), attempts=attempt, key=key, now=NOON)
    minutes = (made.not_before - NOON) / timedelta(minutes=1) if made.not_before else 0.0
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
    one, two = (decide(error, attempts=attempt, key=key, now=NOON) for _ in range(2))
    assert one == two


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
    made = decide(SendError(stage, code, enhanced), attempts=attempt, key="k", now=NOON)
    assert (made.state, made.dead) == ("pending", False)
    assert made.not_before is not None
    assert made.not_before > NOON


@pytest.mark.parametrize("in_doubt", [True, False])
@pytest.mark.parametrize("stage", STAGES)
def test_no_reply_is_tried_again(stage: str, in_doubt: bool) -> None:
    error = SendError(stage, 0, in_doubt=in_doubt)
    made = decide(error, attempts=1, key="k", now=NOON)
    assert (made.state, made.dead) == ("pending", False)
    assert made.not_before == NOON + wait(1, "k")


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize(
    ("code", "enhanced"),
    [(450, "4.2.0"), (451, "4.7.1"), (450, ""), (421, "4.7.0"), (552, "5.2.2")],
)
def test_a_greylisted_message_is_tried_again_after_about_five_minutes(
    code: int, enhanced: str, attempt: int
) -> None:
    state, minutes, dead = decided("rcpt", code, enhanced, attempt=attempt)
    assert (state, dead) == ("pending", False)
    assert 4 <= minutes <= 6


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


@given(stages, st.integers(500, 599).filter(lambda code: code != 552), attempts)
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
    assert decided("mail", 550, enhanced) == ("failed", 0.0, False)


@given(stages, st.integers(400, 599), st.integers(0, 999))
def test_a_policy_code_never_kills_an_address(stage: str, code: int, detail: int) -> None:
    made = decide(SendError(stage, code, f"5.7.{detail}"), attempts=1, key="k", now=NOON)
    assert not made.dead


@pytest.mark.parametrize("enhanced", ["5.2.1", "5.2.2", "5.3.4", "5.4.4", "5.5.1", "5.1.8", ""])
def test_other_refusals_leave_the_address_alone(enhanced: str) -> None:
    assert decided("rcpt", 550, enhanced) == ("failed", 0.0, False)
