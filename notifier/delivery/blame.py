"""Of whom a refusal speaks: the mail or its address, its destination, us, or the mail server.

Pure. By stage, code and enhanced code, words only where a code is missing. Before RCPT no recipient
is known, so an answer there is about us and the server. From RCPT on a relay's answer may be its
own or its next server's; it is taken for the destination's, and `breaker` sees when many
destinations say the same at once.
Source: RFC 5321, 3.8 (421) and 4.5.3.1.10 (552); RFC 3463, 3.8 (X.7.X); docs/delivery.md.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from notifier.delivery import verdict
from notifier.errors import SendError

Blame = Literal["mail", "busy", "policy", "server"]
"""mail: this mail or address, whatever the others get. busy: its destination wants us slower
(421, 4.7.x). policy: its destination does not want us, or this mail (5.7.x). server: the mail
server refuses, or defers, whatever we send."""

CLOSING = 421
# Yahoo's "temporarily deferred"; it asks for hours: https://senders.yahooinc.com/smtp-error-codes
_DEFERRED = re.compile(r"\[?\bTSS0[0-9]\b", re.IGNORECASE)
DEFERRED_WAIT = timedelta(hours=2)
# "Throttling failure: Maximum sending rate exceeded" (Amazon SES, 454), "Daily user sending limit
# exceeded" (Gmail, 550 5.4.5), "Too many messages"; not "Quota exceeded", which is a mailbox's.
_TOO_MUCH = re.compile(
    r"throttl|too (?:many (?:messages|mails|emails|connections)|fast)"
    r"|\b(?:sending|daily|hourly) .{0,20}(?:limit|quota|rate)|\brate.{0,20}(?:limit|exceed)",
    re.IGNORECASE,
)


def blame(error: SendError) -> Blame:
    """Return of whom a refusal, or a silence, speaks."""
    if not error.code or is_about_size(error):
        return "mail"
    if error.stage == "mail":
        return "server"
    if error.permanent:
        return "policy" if _is_policy(error) or _is_too_much(error) else "mail"
    slower = error.enhanced.startswith("4.7.") and not is_greylisting(error)
    return "busy" if error.code == CLOSING or slower or _is_too_much(error) else "mail"


def is_about_size(error: SendError) -> bool:
    """Whether this mail is too big, or a mailbox too full for it."""
    if error.stage == "mail" and error.enhanced == "5.3.4":  # SIZE is judged there: RFC 1870, 6.1
        return True
    return error.code == 552 and not error.enhanced.startswith("5.7.")  # Gmail: 552 5.7.0, content


def is_greylisting(error: SendError) -> bool:
    """Whether a first try is put off, as Postgrey does at RCPT and rspamd after the dot."""
    return error.code in (450, 451) and error.enhanced == "4.7.1"


def least_wait(error: SendError) -> timedelta:
    """Return for how long a destination that wants us slower is left alone at least."""
    return DEFERRED_WAIT if _DEFERRED.search(error.reply) else timedelta(0)


def _is_too_much(error: SendError) -> bool:
    """Whether we send more than we may; the codes for it differ, or are missing."""
    of_mailbox = error.enhanced[2:] in ("2.1", "2.2") or is_greylisting(error)
    return not of_mailbox and bool(_TOO_MUCH.search(error.reply))


def _is_policy(error: SendError) -> bool:
    """Whether a 5yz is about us, our mail or our sender: X.7.X but for 5.7.13 (a disabled account),
    5.1.7 and 5.1.8 (our address, which Postfix judges at RCPT); or says so without a code."""
    if error.enhanced:
        ours = error.enhanced.startswith("5.7.") and error.enhanced != "5.7.13"
        return ours or error.enhanced in ("5.1.7", "5.1.8")
    return verdict.judge("", f"{error.code} {error.reply}") == "policy"
