"""What an attempt's failure means for the delivery, and when to try again.

Pure. Jitter comes from the digest's key, so that deciding twice decides the same.
Source: RFC 5321, 4.2.1 and 4.5.4.1; RFC 3463 for enhanced codes; docs/delivery.md, the table.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.delivery.blame import Blame, blame, is_greylisting
from notifier.delivery.hints import LONGEST, hint
from notifier.errors import SendError

WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30, 60, 120, 240))
JITTER = 0.2
# Greylisting refuses a recipient for about five minutes.
RCPT_WAIT = timedelta(minutes=5)
# A refusal by policy may be a mistake, or soon be one of many: asked once more after this.
POLICY_WAIT = timedelta(hours=1)
# So many times a server's hint may bring a try forward; then it can only put it off.
HINTS_BELIEVED = 3
# The last try comes this long before a mail is of no use any more.
LAST_TRY = timedelta(minutes=5)
SHORTEST = timedelta(minutes=1)
# "No such mailbox", "no such domain", "null MX": the address is dead (RFC 3463, 7505).
DEAD_ADDRESS = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")


@dataclass(frozen=True, slots=True)
class Tried:
    """A delivery that was tried: the digest's `key`, the `attempts` with this one, from 1, and how
    long it is of use. `policy_before`: the attempt before was refused by policy, too."""

    key: str
    attempts: int
    expires_at: datetime
    policy_before: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """`state` for the delivery: pending again at `not_before`, or failed; `dead` address or not.

    `counts`: the attempt is the mail's; else it is given back as if it had not been tried, and
    goes behind all others of its destination. `blame`: of whom the answer spoke.
    """

    state: str
    not_before: datetime | None = None
    dead: bool = False
    counts: bool = True
    blame: Blame = "mail"


def decide(error: SendError, tried: Tried, *, now: datetime) -> Decision:
    """Return what follows from a refusal, for the mail alone.

    A 4yz answer or a broken connection is tried again. So is 552 at RCPT, which means "not
    now" there (RFC 5321, 4.5.3.1.10), and once a refusal by policy. Any other 5yz ends this
    delivery; at MAIL it speaks of our sender, so it never makes the recipient's address a dead one.
    """
    of = blame(error)
    if of in ("busy", "server"):
        return Decision("pending", now, counts=False, blame=of)
    if of == "policy":
        if tried.policy_before:
            return Decision("failed", blame=of)
        pause = POLICY_WAIT * (1 + JITTER * _drawn(tried.attempts, tried.key))
        return Decision("pending", useful(now, pause, tried), blame=of)
    over_quota = error.stage == "rcpt" and error.code == 552
    if error.permanent and not over_quota:
        return Decision("failed", dead=error.stage != "mail" and error.enhanced in DEAD_ADDRESS)
    return Decision("pending", useful(now, _pause(error, tried), tried))


def _pause(error: SendError, tried: Tried) -> timedelta:
    at_recipient = error.stage == "rcpt" and error.code
    least = RCPT_WAIT if at_recipient or is_greylisting(error) else timedelta(0)
    ours = wait(tried.attempts, tried.key, least)
    asked = hint(error.reply) if error.code else None
    if asked is None:
        return ours
    theirs = after(asked, tried)
    return theirs if tried.attempts <= HINTS_BELIEVED else max(ours, theirs)


def after(asked: timedelta, tried: Tried) -> timedelta:
    """Return the pause where one was asked for: never shorter, and not all at the same moment."""
    later = max(asked, SHORTEST) * (1 + JITTER * _drawn(tried.attempts, tried.key))
    return min(later, LONGEST)


def useful(now: datetime, pause: timedelta, tried: Tried) -> datetime:
    """Return the time after a pause, but soon enough for a last try before it is of no use."""
    return min(now + pause, max(now + SHORTEST, tried.expires_at - LAST_TRY))


def wait(attempts: int, key: str, least: timedelta = timedelta(0)) -> timedelta:
    """Return the pause after attempt number `attempts` (from 1): growing, +-20 % by key.

    Never shorter than `least`; waits grow all the same.
    """
    step = WAITS[min(max(attempts, 1), len(WAITS)) - 1]
    drawn = _drawn(attempts, key)
    pause = step * (1 - JITTER + 2 * JITTER * drawn)
    return pause if pause >= least else least * (1 + JITTER * drawn)


def _drawn(attempts: int, key: str) -> float:
    """A number in [0, 1], the same for the same try of the same mail."""
    return hashlib.sha256(f"{key}:{attempts}".encode()).digest()[0] / 255
