"""How long a server's words ask us to wait, and which words ask for nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.hints import LONGEST, hint

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("words", "pause"),
    [
        ("try again in 300 seconds", 5 * MINUTE),
        ("Please retry after 15 minutes", 15 * MINUTE),
        ("<x>: Recipient address rejected: Greylisted for 300 seconds (see http://x)", 5 * MINUTE),
        ("Greylisting in action, please come back in 00:04:30", 4.5 * MINUTE),
        ("greylisted, come back in 3 min", 3 * MINUTE),
        ("Temporarily deferred, try again in an hour.", HOUR),
        ("4.7.0 Deferred for 90 s", 1.5 * MINUTE),
        ("Service busy; wait at least 2 hrs before you resend", 2 * HOUR),
        ("Greylist policy: retry in 1 minute", MINUTE),
        ("RESEND AFTER 10 MINUTES", 10 * MINUTE),
    ],
)
def test_a_time_to_try_again_is_read(words: str, pause: timedelta) -> None:
    assert hint(words) == pause


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Try again later",
        "you have sent 100 messages in 60 minutes",
        "try again later; you have sent 100 messages in 60 minutes",
        "Greylisted, see http://postgrey.schweikert.ch/help/example.org.html",
        "try again, ticket 300 seconded",
        "retry 0 seconds",
        "come back at 10:30:00:15",
        "wait for the 300 seats",
        "regrettable delay of 1.5 seconds",
    ],
)
def test_other_words_ask_for_nothing(words: str) -> None:
    assert hint(words) is None


@given(st.integers(1, 9_999_999), st.sampled_from(["seconds", "minutes", "hours"]))
def test_no_hint_asks_for_more_than_four_hours(number: int, unit: str) -> None:
    found = hint(f"try again in {number} {unit}")
    assert found is not None
    assert timedelta(0) < found <= LONGEST == 4 * HOUR


@given(st.text(max_size=300))
def test_any_words_at_all_can_be_read(words: str) -> None:
    found = hint(words)
    assert found is None or timedelta(0) < found <= LONGEST


def test_a_long_reply_is_read_in_no_time() -> None:
    assert hint("try again " * 5000 + "wait " * 5000) is None
