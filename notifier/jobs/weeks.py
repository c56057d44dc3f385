"""Sum up the week of subscribers: read from what is kept, nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import structlog
from sqlalchemy import Connection

from notifier.digests.weekly import Span, Talked, Week, last_week
from notifier.jobs.asking import stored_rarities
from notifier.jobs.days import arranged
from notifier.profiles.hits import TRENDING_FROM
from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile, Subscriber
from notifier.profiles.proposing import RuleWeek, propose
from notifier.profiles.rules import format_node
from notifier.ranking import periods
from notifier.storage import (
    match_rows,
    paper_facts,
    store_papers,
    store_profiles,
    store_votes,
    store_weeks,
)
from notifier.storage.packing import lines_of
from notifier.storage.store_votes import StoredVote

log = structlog.get_logger()

MOST_TALKED = 5
MOST_FIELDS = 3
MONTH = timedelta(days=30)
_HOUR_SECONDS = 3_600
_VOTES = 500
_KEPT_A_FIELD = 20


class Weeks:
    """The weeks of many subscribers: what the papers of a week are about is read once."""

    def __init__(self, page: Callable[[str], str]) -> None:
        """`page`: the address of a paper's page, by its id."""
        self._page = page
        self._trending: dict[date, dict[str, list[tuple[float, int]]]] = {}

    def of(self, conn: Connection, subscriber: Subscriber, *, now: datetime) -> Week:
        """Return a subscriber's last week that is over at `now` (UTC)."""
        span = last_week(subscriber.schedule, now)
        own = store_profiles.of(conn, [subscriber.row])
        profiles = [profile for profile in own if profile.enabled]
        votes = [
            vote
            for vote in store_votes.of(conn, subscriber.row, limit=_VOTES)
            if span.ends - MONTH <= vote.at < span.ends
        ]
        matched = _Matched(conn, profiles, span)
        rules = tuple(_rules(conn, profiles, votes, matched, span))
        fields = _fields(conn, matched.papers)
        return Week(
            span=span,
            sent=store_weeks.sent(conn, subscriber.row, span.begins, span.ends),
            matched=len(matched.in_week),
            votes=sum(vote.at >= span.begins for vote in votes),
            fields=fields,
            talked=self._talked(conn, subscriber, span, fields, now),
            rules=rules,
            proposal=propose(rules, stored_rarities(conn, now)),
        )

    def _talked(
        self, conn: Connection, subscriber: Subscriber, span: Span, fields: Sequence[str],
        now: datetime,
    ) -> tuple[Talked, ...]:  # fmt: skip
        if span.monday not in self._trending:
            self._trending[span.monday] = _read_by_field(conn, span, now)
        known = self._trending[span.monday]
        best = sorted({one for field in fields for one in known.get(field, ())}, reverse=True)
        rows = [row for _, row in best[:MOST_TALKED]]
        trends = {row: trend for trend, row in best}
        papers = {paper.row: paper for paper in store_papers.load(conn, rows)}
        had = store_weeks.had(conn, subscriber.row, rows)
        return tuple(
            Talked(replace(papers[row], trend=trends[row]), self._page(papers[row].id), row in had)
            for row in rows
            if row in papers
        )


def _read_by_field(
    conn: Connection, span: Span, now: datetime
) -> dict[str, list[tuple[float, int]]]:
    """As `_by_field`; nothing where a paper cannot be read: a week is told without it."""
    try:
        return _by_field(conn, span, now)
    except (TypeError, ValueError) as error:
        log.error("papers of a week cannot be read", week=span.name, error=type(error).__name__)
        return {}


def _by_field(conn: Connection, span: Span, now: datetime) -> dict[str, list[tuple[float, int]]]:
    """The papers of a week (of UTC) that were talked about most, by category."""
    found = arranged(conn, periods.of(span.monday, "week", now=now), at=now)
    by_field: dict[str, list[tuple[float, int]]] = {}
    for one in found.papers:
        trend = found.trends.get(one.row, 0.0)
        if trend < TRENDING_FROM:
            break  # they come in order
        for field in one.categories:
            known = by_field.setdefault(field, [])
            if len(known) < _KEPT_A_FIELD:
                known.append((trend, one.row))
    return by_field


class _Matched:
    """What profiles want: by profile and line, the papers of 30 days, and those of the week."""

    def __init__(self, conn: Connection, profiles: Sequence[Profile], span: Span) -> None:
        found, known = match_rows.all_kept(conn, [profile.row for profile in profiles])
        since = (span.ends - MONTH).timestamp() // _HOUR_SECONDS
        begins, ends = (at.timestamp() // _HOUR_SECONDS for at in (span.begins, span.ends))
        self.by_line: dict[tuple[int, int], set[int]] = {}
        self.in_week, self.papers = set[int](), set[int]()
        is_wanted = (known.hours >= since) & (known.hours < ends)
        for at in np.flatnonzero(is_wanted).tolist():
            paper, profile = int(found.records.papers[at]), int(found.profiles[at])
            self.papers.add(paper)
            if known.hours[at] >= begins:
                self.in_week.add(paper)
            for line in lines_of(found.records.bits[at].tobytes()):
                self.by_line.setdefault((profile, line), set()).add(paper)


def _rules(
    conn: Connection,
    profiles: Sequence[Profile],
    votes: Sequence[StoredVote],
    matched: _Matched,
    span: Span,
) -> list[RuleWeek]:
    titles = {row: title for row, (title, _) in _texts(conn, votes).items()}
    return [
        RuleWeek(
            profile.row,
            profile.name,
            line,
            format_node(node),
            week=len(brought & matched.in_week),
            month=len(brought),
            liked=_voted(votes, brought, titles, is_up=True),
            disliked=_voted(votes, brought, titles, is_up=False),
            is_new=profile.changed_at >= span.begins,
        )
        for profile in profiles
        for line, node in parse(profile.rules).wanted()
        for brought in (matched.by_line.get((profile.row, line), set()),)
    ]


def _texts(conn: Connection, votes: Sequence[StoredVote]) -> Mapping[int, tuple[str, str]]:
    return store_votes.texts(conn, {vote.paper for vote in votes})


def _voted(
    votes: Sequence[StoredVote], brought: set[int], titles: Mapping[int, str], *, is_up: bool
) -> tuple[str, ...]:
    return tuple(
        titles[vote.paper]
        for vote in votes
        if vote.is_up == is_up and vote.paper in brought and vote.paper in titles
    )


def _fields(conn: Connection, papers: set[int]) -> tuple[str, ...]:
    """The categories that most of the papers are of; of as many papers the first by name."""
    counts = Counter(field for one in paper_facts.of(conn, papers) for field in one.categories[:1])
    return tuple(sorted(counts, key=lambda field: (-counts[field], field))[:MOST_FIELDS])
