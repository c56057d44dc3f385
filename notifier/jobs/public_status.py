"""How an instance is, as anybody may know it: nothing of people but round numbers, no error's text.

An error may hold an address with a key in it, so that only what kind of trouble it is gets out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from notifier.sources.freshness import NEEDS_CARE, Freshness, State
from notifier.storage import (
    paper_facts,
    store_digests,
    store_papers,
    store_sources,
    store_subscribers,
)

# "none": nothing was ever read. One source in trouble makes all "late", every one "stale".
Whole: TypeAlias = Literal["none", "fresh", "late", "stale"]
DAY = timedelta(hours=24)
_NEVER_SAID = 10
# Of others `since` is not when papers came.
_WITH_PAPERS: tuple[State, ...] = ("fresh", "quiet", "late", "stale")


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source is, when its newest papers came, and when it was read last (UTC)."""

    name: str
    state: State
    newest_at: datetime | None
    read_at: datetime | None
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class PublicStatus:
    """All that is told; times are UTC. Counts of people and their mails are rounded down.

    `newest_at`: when new papers came last, of whatever source.
    """

    state: Whole
    newest_at: datetime | None
    sources: tuple[SourceState, ...]
    last_run_at: datetime | None
    last_digests_at: datetime | None
    papers: int
    papers_24h: int
    subscribers_at_least: int
    digests_24h_at_least: int


def public_status(
    conn: Connection, states: Mapping[str, Freshness], *, now: datetime
) -> PublicStatus:
    """Return how the instance is, by the states of its sources."""
    health = {one.name: one for one in store_sources.health(conn)}
    sources = tuple(
        SourceState(
            name,
            found.state,
            found.since if found.state in _WITH_PAPERS else None,
            health[name].last_success_at if name in health else None,
            found.next_due,
        )
        for name, found in states.items()
    )
    made, _ = store_digests.counts(conn, since=now - DAY)
    return PublicStatus(
        state=whole(one.state for one in sources),
        newest_at=max((one.newest_at for one in sources if one.newest_at), default=None),
        sources=sources,
        last_run_at=max(
            (h.last_attempt_at for h in health.values() if h.last_attempt_at), default=None
        ),
        last_digests_at=store_digests.last_made(conn),
        papers=store_papers.count(conn),
        papers_24h=paper_facts.count_since(conn, now - DAY, now=now),
        subscribers_at_least=rounded(store_subscribers.counts(conn).get("active", 0)),
        digests_24h_at_least=rounded(made),
    )


def whole(states: Iterable[State]) -> Whole:
    """Return how all sources are together; those that are paused or not read yet do not count."""
    read = [state for state in states if state not in ("paused", "new")]
    troubled = sum(state in NEEDS_CARE for state in read)
    if not read:
        return "none"
    if not troubled:
        return "fresh"
    return "stale" if troubled == len(read) else "late"


def rounded(count: int) -> int:
    """Return a number rounded down to its first digit, 0 below ten, so that it tells of nobody."""
    if count < _NEVER_SAID:
        return 0
    digits = str(count)
    return int(digits[0].ljust(len(digits), "0"))
