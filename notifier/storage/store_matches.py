"""Matches: which papers each profile wants, kept until they are of no use to anybody.

How they are kept, and what is true of them when, says `match_rows`; `match_marks` says up to where
there are any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, select

from notifier.ranking.order import Fit
from notifier.ranking.relevance import relevance as relevance_of
from notifier.storage import match_rows
from notifier.storage import tables as t
from notifier.storage.match_rows import Flags, Found
from notifier.storage.packing import Numbers, lines_of
from notifier.storage.statements import chunks, last_day, set_day, set_time

_CLEARED = "matches cleared on"
_HOUR_SECONDS = 3_600


def put(conn: Connection, found: Found, *, change: int) -> None:
    """Keep what papers brought that have changed up to a change, each profile's at once."""
    match_rows.write(conn, found, change)


def put_beside(conn: Connection, found: Found, *, change: int) -> None:
    """Keep more matches of a run that has kept some."""
    profiles, days = np.unique(found.profiles).tolist(), np.unique(found.days).tolist()
    before, _ = match_rows.read(conn, profiles, days, t.match.c.change == change)
    match_rows.write(conn, match_rows.together([before, found]), change)


def put_own(conn: Connection, profiles: Sequence[int], found: Found, *, change: int) -> None:
    """Keep what profiles want of all papers, instead of what they had up to a change."""
    forget_profiles(conn, profiles, upto=change)
    own = Found(found.profiles, np.full(len(found), match_rows.OWN), found.records)
    match_rows.write(conn, own, change)


def missing(conn: Connection, found: Found) -> Found:
    """Return those matches that are not kept, or kept without that they are for what trends."""
    known = match_rows.papers_of(conn, np.unique(found.records.papers).tolist())
    here, at = match_rows.kept(conn, np.unique(found.profiles).tolist(), known)
    keys = here.profiles * (len(known.rows) + 1) + at
    trending = match_rows.asks_for_trends(here.records.bits)
    wanted_at, is_known = known.places(found.records.papers)
    asked = found.profiles * (len(known.rows) + 1) + wanted_at
    is_held = np.isin(asked, keys) & ~match_rows.asks_for_trends(found.records.bits)
    return found.at(np.flatnonzero(is_known & ~is_held & ~np.isin(asked, keys[trending])))


def forget_profiles(conn: Connection, profiles: Sequence[int], *, upto: int | None = None) -> None:
    """Delete what is kept of profiles, but for what came by changes of papers behind `upto`."""
    days = match_rows.days(conn)
    old = () if upto is None else (t.match.c.change <= upto,)
    for chunk in chunks(profiles):
        match_rows.forget(conn, t.match.c.day.in_(days), t.match.c.profile_id.in_(chunk), *old)


def cleared_on(conn: Connection) -> date:
    """Return the day on which old matches were deleted last."""
    return last_day(conn, _CLEARED)


def forget_old(conn: Connection, *, before: datetime, today: date) -> None:
    """Let go of matches with papers first seen before a time (UTC), and write down the day."""
    set_time(conn, match_rows.CLEARED, before)
    day, first_day = t.match.c.day, int(before.timestamp()) // match_rows.DAY_SECONDS
    match_rows.forget(conn, day > match_rows.OWN, day < first_day)
    recent = select(func.min(t.paper.c.change)).where(t.paper.c.first_seen_at >= before)
    first = conn.scalar(recent)
    if first is not None:  # what knew of no paper that is of use yet
        match_rows.forget(conn, day == match_rows.OWN, t.match.c.change < first)
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
    trending: Collection[int] = (),
    before: datetime | None = None,
) -> list[Match]:
    """Return the matches of profiles with papers numbered behind `after`, or named.

    Papers that have reached the subscriber are left out.

    Args:
        also: Rows of papers of which matches are returned whatever their number.
        trending: Rows of papers of which those by `trending` are.
        before: Only what digests made before then (UTC) held has reached anybody.
    """
    p = t.paper.c
    news = (match_rows.papers(conn, column > after) for column in (p.arrival, p.revision))
    named = match_rows.papers_of(conn, {*also, *trending})
    known = match_rows.both(*news, named)
    found, at = match_rows.kept(conn, profiles, known)
    rows, numbers = known.rows[at], known.numbers[at]
    is_wanted = (numbers > after) | np.isin(rows, list(also))
    is_wanted |= match_rows.asks_for_trends(found.records.bits) & np.isin(rows, list(trending))
    is_wanted &= ~_is_sent(conn, found.profiles, rows, before)
    wanted = np.flatnonzero(is_wanted)
    return _matches(conn, found.at(wanted), numbers[wanted])


def of(conn: Connection, profiles: Sequence[int]) -> list[Match]:
    """Return all matches of profiles."""
    found, known = match_rows.all_kept(conn, profiles)
    return _matches(conn, found, known.numbers)


def _is_sent(
    conn: Connection, profiles: Numbers, papers: Numbers, before: datetime | None
) -> Flags:
    """Which papers have reached the subscriber of the profile."""
    if not len(papers):
        return np.zeros(0, bool)
    whose = _subscribers(conn, t.profile.c.id, np.unique(profiles).tolist())
    first, last = int(papers.min()), int(papers.max())
    held, span = t.digest_paper.c, last - first + 1
    query = select(held.subscriber_id, held.paper_id).where(held.paper_id.between(first, last))
    if before is not None:
        made = t.digest.c.id == held.digest_id
        query = query.join(t.digest, made).where(t.digest.c.composed_at < before)
    sent = [
        subscriber * span + paper - first
        for chunk in chunks(sorted(set(whose.values())))
        for subscriber, paper in conn.execute(query.where(held.subscriber_id.in_(chunk)))
    ]
    subscribers = np.array([whose.get(one, 0) for one in profiles.tolist()], np.int64)
    return np.isin(subscribers * span + papers - first, np.array(sent, np.int64))


def _subscribers(
    conn: Connection, column: ColumnElement[Any], some: Sequence[int], *also: ColumnElement[bool]
) -> dict[int, int]:
    """Whose profiles are, by their rows: of those with one of some values in a column."""
    columns = select(t.profile.c.id, t.profile.c.subscriber_id)
    return {
        row.id: row.subscriber_id
        for chunk in chunks(some)
        for row in conn.execute(columns.where(column.in_(chunk), *also))
    }


def told(conn: Connection, found: Found) -> list[Match]:
    """Return matches, kept or not, with all that is known of their papers."""
    known = match_rows.papers_of(conn, np.unique(found.records.papers).tolist())
    at, is_known = known.places(found.records.papers)
    return _matches(conn, found.at(np.flatnonzero(is_known)), known.numbers[at[is_known]])


def _matches(conn: Connection, found: Found, numbers: Numbers) -> list[Match]:
    p, records = t.paper.c, found.records
    columns = (p.id, p.key, p.first_seen_at, p.published_at)
    papers = {
        row.id: row
        for chunk in chunks(np.unique(records.papers).tolist())
        for row in conn.execute(select(*columns).where(p.id.in_(chunk)))
    }
    out, lines = [], cache(lines_of)
    for profile, row, fits, number, trending, bits in zip(
        found.profiles.tolist(), records.papers.tolist(), relevance_of(records.totals).tolist(),
        numbers.tolist(), match_rows.asks_for_trends(records.bits).tolist(), records.bits,
        strict=True,
    ):  # fmt: skip
        paper = papers[row]
        newest = paper.published_at or paper.first_seen_at
        fit = Fit(row, paper.key, fits, None, paper.first_seen_at, newest)
        out.append(Match(profile, fit, number, trending, lines(bits.tobytes())))
    return out


def volume(
    conn: Connection, subscribers: Sequence[int], *, since: datetime, until: datetime
) -> dict[int, dict[datetime, int]]:
    """Return by subscriber how many matched papers became news in each hour (UTC) of a time."""
    enabled = t.profile.c.enabled
    whose = _subscribers(conn, t.profile.c.subscriber_id, subscribers, enabled)
    known = match_rows.papers(conn, t.paper.c.arrived_at.between(since, until))
    found, at = match_rows.kept(conn, list(whose), known)
    who = np.array([whose[profile] for profile in found.profiles.tolist()], np.int64)
    once = np.unique(np.stack((who, at)), axis=1)
    hours, counts = np.unique(np.stack((once[0], known.hours[once[1]])), axis=1, return_counts=True)
    out: dict[int, dict[datetime, int]] = {}
    for subscriber, hour, papers in zip(*hours.tolist(), counts.tolist(), strict=True):
        when = datetime.fromtimestamp(hour * _HOUR_SECONDS, UTC)
        out.setdefault(subscriber, {})[when] = papers
    return out


def relevance(conn: Connection, profile: int, paper: int) -> float | None:
    """Return how well a paper fits a profile by their kept match, if there is one."""
    found, _ = match_rows.kept(conn, [profile], match_rows.papers_of(conn, [paper]))
    return float(relevance_of(found.records.totals)[0]) if len(found) else None


def rules(conn: Connection, profile: int, papers: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Return by row of paper which lines of a profile want it, by the kept matches."""
    found, _ = match_rows.kept(conn, [profile], match_rows.papers_of(conn, papers))
    return dict(zip(found.records.papers.tolist(), _lines(found), strict=True))


def counts_by_line(conn: Connection, profile: int) -> dict[int, int]:
    """Return by line of a profile how many papers it brings, among the kept matches."""
    found, _ = match_rows.all_kept(conn, [profile])
    return dict(Counter(line for lines in _lines(found) for line in lines))


def _lines(found: Found) -> list[tuple[int, ...]]:
    return [lines_of(bits.tobytes()) for bits in found.records.bits]


def trending(conn: Connection, profiles: Sequence[int], paper: int) -> set[int]:
    """Return those of some profiles that want a paper by `trending`, by the kept matches."""
    found, _ = match_rows.kept(conn, profiles, match_rows.papers_of(conn, [paper]))
    return set(found.profiles[match_rows.asks_for_trends(found.records.bits)].tolist())
