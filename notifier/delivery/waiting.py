"""Why a mail in the outbox waits, in a few words.

Pure. What holds back most mails is told first: the mail server, the destination, then the mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifier.delivery import breaker
from notifier.delivery.breaker import Breaker
from notifier.delivery.standing import Standing


@dataclass(frozen=True, slots=True)
class Way:
    """What lies between a mail and its reader: the mail server, the destination and their limits.

    `full_until`: a limit of either is used up.
    """

    server: Breaker
    destination: Standing
    full_until: datetime | None = None


def why(state: str, not_before: datetime, way: Way, *, now: datetime) -> str:
    """Return why a mail in this state waits; "" for one that does not."""
    if state == "claimed":
        return "is on the wire"
    if state == "held":
        return "may have been taken"
    return _held_back(not_before, way, now) if state == "pending" else ""


def _held_back(not_before: datetime, way: Way, now: datetime) -> str:
    to = way.destination
    if way.server.is_open:
        return f"mail server {breaker.told(way.server)}"
    if to.paused_at:
        return f"{to.destination} is paused: {to.reason}"
    if to.slow_until and to.slow_until > now:
        return f"{to.destination} wants us slower, until {_time(to.slow_until, now)}: {to.reason}"
    if not_before > now:
        return f"next try at {_time(not_before, now)}"
    if way.full_until and way.full_until > now:
        return f"a limit is used up until {_time(way.full_until, now)}"
    return "is due"


def _time(time: datetime, now: datetime) -> str:
    return f"{time:%H:%MZ}" if time.date() == now.date() else f"{time:%Y-%m-%d %H:%MZ}"
