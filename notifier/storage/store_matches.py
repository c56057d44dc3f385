"""Matches: which papers each profile wants, kept until they are of no use to anybody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, delete, exists, func, literal_column, select

from notifier.ranking.order import Fit
from notifier.storage import paper_changes
from notifier.storage import tables as t
from notifier.storage.statements import (
    chunks,
    epoch,
    last_day,
    last_number,
    set_day,
    set_number,
    upsert,
)

_HOUR_SECONDS = 3_600
_MARK, _CLEARED = "matched change", "matches cleared on"


@dataclass(frozen=True, slots=True)
class NewMatch:
    """A match to be kept; its fields are the columns of the table: see `tables.MatchRow`."""

    profile_id: int
    paper_id: int
    number: int
    relevance: float
    rules: str
    trending: bool

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines of the profile that want the paper."""
        return _lines(self.rules)

    def as_row(self) -> dict[str, Any]:
        """Return the columns by name."""
        return {
            "profile_id": self.profile_id,
            "paper_id": self.paper_id,
            "number": self.number,
            "relevance": self.relevance,
            "rules": self.rules,
            "trending": self.trending,
        }


def put(conn: Connection, found: Iterable[NewMatch]) -> None:
    """Keep matches; one that is known already is overwritten."""
    names = ("number", "relevance", "rules", "trending")
    upsert(conn, t.match, map(NewMatch.as_row, found), names)


def put_missing(conn: Connection, found: Iterable[NewMatch]) -> None:
    """Keep matches; of one that is known only whether a rule asks for what is trending."""
    upsert(conn, t.match, map(NewMatch.as_row, found), ("trending",))


def forget_papers(conn: Connection, papers: Sequence[int]) -> None:
    """Delete the matches of papers that are matched again."""
    for chunk in chunks(papers):
        conn.execute(delete(t.match).where(t.match.c.paper_id.in_(chunk)))


def forget_profile(conn: Connection, profile: int) -> None:
    """Delete the matches of a profile that is matched again."""
    conn.execute(delete(t.match).where(t.match.c.profile_id == profile))


def cleared_on(conn: Connection) -> date:
    """Return the day on which old matches were deleted last."""
    return last_day(conn, _CLEARED)


def forget_old(conn: Connection, *, before: datetime, today: date) -> None:
    """Delete the matches of papers first seen before a time (UTC), and write down the day."""
    old = select(t.paper.c.id).where(t.paper.c.first_seen_at < before)
    conn.execute(delete(t.match).where(t.match.c.paper_id.in_(old)))
    set_day(conn, _CLEARED, today)


@dataclass(frozen=True, slots=True)
class Match:
    """A kept match: whose, and how it is ranked (its trend is not known here).

    `number` is the paper's last number of news or new versions, `lines` the lines of the profile
    that want it.
    """

    profile: int
    fit: Fit
    number: int
    trending: bool
    lines: tuple[int, ...] = ()


def unsent(
    conn: Connection,
    profiles: Sequence[int],
    *,
    after: int,
    also: Collection[int] = (),
    before: datetime | None = None,
) -> list[Match]:
    """Return the matches of profiles with papers numbered behind `after`, or by `trending`.

    Papers that have reached the subscriber are left out.

    Args:
        also: Rows of papers of which matches are returned whatever their number.
        before: Only what digests made before then (UTC) held has reached anybody.
    """
    columns = (t.paper.c.key, t.paper.c.first_seen_at, t.paper.c.published_at)
    sent = select(t.digest_paper.c.id).where(
        t.digest_paper.c.subscriber_id == t.profile.c.subscriber_id,
        t.digest_paper.c.paper_id == t.match.c.paper_id,
    )
    if before is not None:
        sent = sent.join(t.digest, t.digest.c.id == t.digest_paper.c.digest_id).where(
            t.digest.c.composed_at < before
        )
    out: list[Match] = []
    for chunk in chunks(profiles):
        query = (
            select(t.match, *columns)
            .join(t.paper, t.paper.c.id == t.match.c.paper_id)
            .join(t.profile, t.profile.c.id == t.match.c.profile_id)
            .where(
                t.match.c.profile_id.in_(chunk),
                ~exists(sent),
                (t.match.c.number > after) | t.match.c.trending | t.match.c.paper_id.in_(also),
            )
            .order_by(t.match.c.profile_id, t.match.c.paper_id)
        )
        for row in conn.execute(query):
            newest = row.published_at or row.first_seen_at
            fit = Fit(row.paper_id, row.key, row.relevance, None, row.first_seen_at, newest)
            lines = _lines(row.rules)
            out.append(Match(row.profile_id, fit, row.number, row.trending, lines))
    return out


def _lines(rules: str) -> tuple[int, ...]:
    return tuple(map(int, rules.split()))


def volume(
    conn: Connection, subscribers: Sequence[int], *, since: datetime, until: datetime
) -> dict[int, dict[datetime, int]]:
    """Return by subscriber how many matched papers became news in each hour (UTC) of a time."""
    # Written out: PostgreSQL takes two bound values in SELECT and GROUP BY for different ones.
    hour = epoch(t.paper.c.arrived_at) // literal_column(str(_HOUR_SECONDS), BigInteger)
    out: dict[int, dict[datetime, int]] = {}
    for chunk in chunks(subscribers):
        query = (
            select(t.profile.c.subscriber_id, hour, func.count(t.match.c.paper_id.distinct()))
            .join(t.match, t.match.c.profile_id == t.profile.c.id)
            .join(t.paper, t.paper.c.id == t.match.c.paper_id)
            .where(
                t.profile.c.subscriber_id.in_(chunk),
                t.profile.c.enabled,
                t.paper.c.arrived_at.between(since, until),
            )
            .group_by(t.profile.c.subscriber_id, hour)
        )
        for subscriber, number, papers in conn.execute(query):
            when = datetime.fromtimestamp(int(number) * _HOUR_SECONDS, UTC)
            out.setdefault(subscriber, {})[when] = papers
    return out


def relevance(conn: Connection, profile: int, paper: int) -> float | None:
    """Return how well a paper fits a profile by their kept match, if there is one."""
    here = (t.match.c.profile_id == profile) & (t.match.c.paper_id == paper)
    return conn.scalar(select(t.match.c.relevance).where(here))


def rules(conn: Connection, profile: int, papers: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Return by row of paper which lines of a profile want it, by the kept matches."""
    out: dict[int, tuple[int, ...]] = {}
    for chunk in chunks(papers):
        here = (t.match.c.profile_id == profile) & t.match.c.paper_id.in_(chunk)
        query = select(t.match.c.paper_id, t.match.c.rules).where(here)
        out |= {row.paper_id: _lines(row.rules) for row in conn.execute(query)}
    return out


def counts_by_line(conn: Connection, profile: int) -> dict[int, int]:
    """Return by line of a profile how many papers it brings, among the kept matches."""
    query = select(t.match.c.rules, func.count()).where(t.match.c.profile_id == profile)
    out: dict[int, int] = {}
    for rules, papers in conn.execute(query.group_by(t.match.c.rules)):
        for line in _lines(rules):
            out[line] = out.get(line, 0) + papers
    return out


def trending(conn: Connection, papers: Sequence[int]) -> set[tuple[int, int]]:
    """Return (profile, paper) of the kept matches of these papers by `trending`."""
    out: set[tuple[int, int]] = set()
    for chunk in chunks(papers):
        query = select(t.match.c.profile_id, t.match.c.paper_id).where(
            t.match.c.paper_id.in_(chunk), t.match.c.trending
        )
        out |= {(row.profile_id, row.paper_id) for row in conn.execute(query)}
    return out


def mark(conn: Connection) -> int:
    """Return the number of the last change of papers that was matched."""
    return last_number(conn, _MARK)


def is_current(conn: Connection) -> bool:
    """Whether every change of papers is matched."""
    return mark(conn) >= paper_changes.last(conn)


def set_mark(conn: Connection, number: int) -> None:
    """Write down that changes up to `number` are matched."""
    set_number(conn, _MARK, number)
