"""How we stand with a destination: open, slow for a while, or paused until somebody says so.

Pure. "Slower, please" (421, 4.7.X) makes all its mails wait, longer each time, and every mail it
takes goes a step back. A refusal by policy (5.7.X) is about us or about one mail: three mails
refused within an hour with none taken between pause the destination, one alone stops nobody. Where
a mail was taken within that hour it must be ten in a row: among very many mails a few with the same
doubtful words may well follow each other.
Source: delivery.md, 2.5 and 4.3; RFC 5321, 4.5.4.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

STEPS = tuple(timedelta(minutes=m) for m in (1, 2, 5, 15, 30, 60, 120, 240))
LONGEST = STEPS[-1]
REFUSALS, MANY_REFUSALS = 3, 10
WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A mail, by its digest's key, that was refused by policy."""

    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one destination. `step` counts how often it asked for more time; `taken_at` is when it
    took a mail after trouble. `reason` is the answer that made it slow or paused; it holds no
    address."""

    destination: str
    paused_at: datetime | None = None
    slow_until: datetime | None = None
    step: int = 0
    refusals: tuple[Refusal, ...] = ()
    taken_at: datetime | None = None
    reason: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing that a mail's being taken would change."""
        return not (self.step or self.refusals or self.paused_at)

    def state(self, now: datetime) -> str:
        """Return "paused", "slow" or "open"."""
        if self.paused_at:
            return "paused"
        return "slow" if self.slow_until and self.slow_until > now else "open"


def slowed(standing: Standing, reason: str, *, least: timedelta, now: datetime) -> Standing:
    """Return the standing after an answer that asks for more time, `least` or more of it.

    Answers to what was on the wire at the same moment count once.
    """
    waiting = standing.state(now) == "slow"
    step = standing.step if waiting else min(standing.step + 1, len(STEPS))
    pause = timedelta(0) if waiting else STEPS[step - 1]
    until = now + min(max(pause, least), LONGEST)
    known = standing.slow_until
    later = max(known, until) if known and waiting else until
    return replace(standing, step=step, slow_until=later, reason=reason)


def refused(standing: Standing, key: str, reason: str, *, now: datetime) -> Standing:
    """Return the standing after a refusal by policy of the mail with this key."""
    recent = [one for one in standing.refusals if one.key != key and now - one.at < WITHIN]
    refusals = (*recent, Refusal(key, now))[-MANY_REFUSALS:]
    goes_well = standing.taken_at is not None and now - standing.taken_at < WITHIN
    enough = MANY_REFUSALS if goes_well else REFUSALS
    pauses = standing.paused_at is None and len(refusals) >= enough
    return replace(
        standing,
        refusals=refusals,
        paused_at=now if pauses else standing.paused_at,
        reason=reason if pauses or not standing.paused_at else standing.reason,
    )


def taken(standing: Standing, *, now: datetime) -> Standing:
    """Return the standing after a mail was taken: a step back, and no refusals.

    A pause stays: what was still on the wire proves nothing about it.
    """
    return replace(standing, step=max(standing.step - 1, 0), refusals=(), taken_at=now)


def resumed(standing: Standing) -> Standing:
    """Return the standing after somebody said "go on"."""
    return Standing(standing.destination)
