"""Of whom an answer speaks: the mail, its destination, us, or the mail server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.blame import blame, least_wait
from notifier.errors import SendError

BEHIND_MAIL = ("rcpt", "data", "dot")


def blamed(stage: str, code: int, enhanced: str = "", reply: str = "") -> str:
    return blame(SendError(stage, code, enhanced, reply))


@pytest.mark.parametrize("stage", BEHIND_MAIL)
@pytest.mark.parametrize(
    ("code", "enhanced", "reply", "of"),
    [
        (421, "4.7.0", "[TSS04] Messages from x temporarily deferred", "busy"),
        (421, "", "closing", "busy"),
        (421, "4.3.2", "shutting down", "busy"),
        (451, "4.7.500", "Server busy", "busy"),
        (451, "4.7.650", "rate limited due to IP reputation", "busy"),
        (421, "4.7.28", "unusual rate of unsolicited mail", "busy"),
        (454, "", "Throttling failure: Maximum sending rate exceeded.", "busy"),
        (454, "", "Throttling failure: Daily message quota exceeded.", "busy"),
        (450, "4.7.1", "Greylisted for 300 seconds", "mail"),
        (451, "4.7.1", "Try again later", "mail"),
        (450, "4.2.1", "The user is receiving mail at a rate that prevents delivery", "mail"),
        (452, "4.2.2", "over quota", "mail"),
        (451, "4.3.0", "later", "mail"),
        (450, "", "later", "mail"),
        (550, "5.7.1", "looks like spam", "policy"),
        (550, "5.7.26", "unauthenticated", "policy"),
        (550, "5.7.515", "Access denied, does not meet the required authentication", "policy"),
        (552, "5.7.0", "blocked: potential security issue", "policy"),
        (550, "5.1.8", "Sender address rejected: Domain not found", "policy"),
        (554, "", "Service unavailable; blocked using zen.spamhaus.org", "policy"),
        (550, "5.4.5", "Daily user sending limit exceeded", "policy"),
        (550, "5.7.13", "user disabled", "mail"),
        (550, "5.1.1", "no such user", "mail"),
        (550, "", "no such user", "mail"),
        (552, "5.2.2", "mailbox full", "mail"),
        (552, "5.3.4", "too big", "mail"),
        (554, "5.6.0", "content", "mail"),
    ],
)
def test_behind_mail_an_answer_speaks_of(
    stage: str, code: int, enhanced: str, reply: str, of: str
) -> None:
    assert blamed(stage, code, enhanced, reply) == of


@pytest.mark.parametrize(
    ("code", "enhanced"), [(421, "4.7.0"), (450, "4.1.8"), (550, "5.7.1"), (451, ""), (553, "")]
)
def test_at_mail_no_recipient_is_known_so_the_server_speaks_of_us(code: int, enhanced: str) -> None:
    assert blamed("mail", code, enhanced) == "server"


@pytest.mark.parametrize(("code", "enhanced"), [(552, ""), (552, "5.3.4"), (554, "5.3.4")])
def test_at_mail_the_size_is_the_mails_own(code: int, enhanced: str) -> None:
    assert blamed("mail", code, enhanced) == "mail"


@given(st.sampled_from(("mail", *BEHIND_MAIL)), st.text(max_size=60), st.booleans())
def test_silence_speaks_of_nobody_else(stage: str, words: str, in_doubt: bool) -> None:
    assert blame(SendError(stage, 0, "", words, in_doubt)) == "mail"


def test_yahoos_deferral_asks_for_two_hours_and_other_words_for_none() -> None:
    assert least_wait(SendError("dot", 421, "4.7.0", "[TSS04] deferred")) == timedelta(hours=2)
    assert least_wait(SendError("dot", 421, "4.7.0", "busy")) == timedelta(0)
