"""What is wrong with an instance, so that somebody must look.

Pure. What passes by itself is none: one failure of a source, a slow destination, a night in which
no digest is due.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from notifier.delivery.breaker import Breaker
from notifier.delivery.standing import Standing
from notifier.storage.store_sources import Health

Kind: TypeAlias = Literal["silence", "login", "destination", "source", "disk"]
"""silence: no digest went out although some were due. login: the mail server refuses ours.
destination: one refuses us, and waits for somebody's word. disk: nearly full."""
MEGABYTE = 1_000_000
# A disk has room again when a quarter more than the least is free.
ROOM_AGAIN = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something is a trouble; 0: never.

    `wait` is how long a digest may wait for a source after it is due.
    """

    silent: timedelta
    failures: int
    free_bytes: int
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Facts:
    """How an instance does.

    `last_sent_at`: when a digest went out last. `unsent_since`: when the first one after it was
    made that has not gone out. `overdue_since`: since when the first subscriber after it is due
    and has none. `free_bytes`: on the database's disk, None where that is another machine's.
    `was_full`: that disk was seen to be nearly full, and must have more than the least since.
    """

    server: Breaker
    standings: Sequence[Standing]
    sources: Sequence[Health]
    last_sent_at: datetime | None
    unsent_since: datetime | None
    overdue_since: datetime | None
    free_bytes: int | None
    was_full: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs somebody: of which source or destination, since when, and why in the
    words of who refuses us, "" where nobody does."""

    kind: Kind
    name: str
    since: datetime
    why: str = ""


def troubles(facts: Facts, limits: Limits, *, now: datetime) -> list[Trouble]:
    """Return what is wrong at `now` (aware UTC), the worst first."""
    found = [_silence(facts, limits, now), _login(facts, now), _disk(facts, limits, now)]
    return [one for one in found if one] + list(_refused(facts)) + list(_sources(facts, limits))


def _silence(facts: Facts, limits: Limits, now: datetime) -> Trouble | None:
    waiting = [facts.unsent_since]
    if facts.overdue_since and now - facts.overdue_since >= limits.silent + limits.wait:
        waiting.append(facts.overdue_since)
    since = min((when for when in waiting if when), default=None)
    if not limits.silent or since is None or now - since < limits.silent:
        return None
    return Trouble("silence", "", since, facts.server.reason if facts.server.is_open else "")


def _login(facts: Facts, now: datetime) -> Trouble | None:
    server = facts.server
    if server.cause != "login":
        return None
    return Trouble("login", "", server.opened_at or now, server.reason)


def _disk(facts: Facts, limits: Limits, now: datetime) -> Trouble | None:
    free, least = facts.free_bytes, limits.free_bytes
    if facts.was_full:  # else what comes and goes is told again and again
        least += least // ROOM_AGAIN
    if free is None or free >= least:
        return None
    return Trouble("disk", "", now, f"{free / MEGABYTE:,.0f} MB are left")


def _refused(facts: Facts) -> Iterator[Trouble]:
    for one in facts.standings:
        if one.paused_at:
            yield Trouble("destination", one.destination, one.paused_at, one.reason)


def _sources(facts: Facts, limits: Limits) -> Iterator[Trouble]:
    for one in facts.sources:
        if limits.failures and one.failures >= limits.failures and one.last_attempt_at:
            since = one.last_success_at or one.last_attempt_at
            yield Trouble("source", one.name, since, one.error or "")
