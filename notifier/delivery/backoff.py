"""What an attempt's failure means for the delivery, and when to try again.

Pure. Jitter comes from the digest's key, so that deciding twice decides the same.
Source: RFC 5321, 4.2.1 and 4.5.4.1; RFC 3463 for enhanced codes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.errors import SendError

WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30, 60, 120, 240))
JITTER = 0.2
# Greylisting refuses a recipient for about five minutes.
RCPT_WAIT = timedelta(minutes=5)
# "No such mailbox", "no such domain", "null MX": the address is dead (RFC 3463, 7505).
DEAD_ADDRESS = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")


@dataclass(frozen=True, slots=True)
class Decision:
    """`state` for the delivery: pending again at `not_before`, or failed; `dead` address or not."""

    state: str
    not_before: datetime | None = None
    dead: bool = False


def decide(error: SendError, *, attempts: int, key: str, now: datetime) -> Decision:
    """Return what follows from a refusal.

    A 4yz answer or a broken connection is tried again. So is 552 at RCPT, which means "not
    now" there (RFC 5321, 4.5.3.1.10). Any other 5yz ends this delivery; at MAIL it speaks of
    our sender, so it never makes the recipient's address a dead one.
    """
    over_quota = error.stage == "rcpt" and error.code == 552
    if error.permanent and not over_quota:
        return Decision("failed", dead=error.stage != "mail" and error.enhanced in DEAD_ADDRESS)
    least = RCPT_WAIT if error.stage == "rcpt" and error.code else timedelta(0)
    return Decision("pending", now + wait(attempts, key, least))


def is_about_us(error: SendError) -> bool:
    """Whether the server refuses whatever we send: a 5yz to MAIL that is not about the size."""
    about_size = error.code == 552 or error.enhanced == "5.3.4"
    return error.stage == "mail" and error.permanent and not about_size


def wait(attempts: int, key: str, least: timedelta = timedelta(0)) -> timedelta:
    """Return the pause after attempt number `attempts` (from 1): growing, +-20 % by key.

    `least` is the shortest step, before the jitter; waits grow all the same.
    """
    step = max(WAITS[min(max(attempts, 1), len(WAITS)) - 1], least)
    drawn = hashlib.sha256(f"{key}:{attempts}".encode()).digest()[0] / 255
    return step * (1 - JITTER + 2 * JITTER * drawn)
