"""Why a paper has its place for a subscriber, or why it does not come; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from notifier.jobs.asking import Moment, ask, stored_rarities
from notifier.jobs.fate import Facts, Fate, Upcoming, Wish, fate
from notifier.jobs.picking import Desk
from notifier.jobs.shelves import a_shelf
from notifier.jobs.talk import talk
from notifier.jobs.tastes import Tastes
from notifier.papers.paper import Paper
from notifier.profiles.hits import Answer, answers
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.lines import NEVER
from notifier.profiles.matching.postings import Runs
from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile, Subscriber
from notifier.profiles.rules import Rules, wants_trend
from notifier.ranking.explained import Part, TrendParts, parts, trend_parts
from notifier.ranking.order import Fit, OrderSettings, Ranked, rank
from notifier.ranking.relevance import relevance
from notifier.storage import (
    match_marks,
    store_digests,
    store_matches,
    store_news,
    store_planned,
    store_profiles,
    store_subscribers,
)
from notifier.storage.store_digests import Sent


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one profile makes of a paper: what each rule finds, and if it wants it, its score.

    `parts` add up to the score. Both are as of now; a digest holds what they were when it was made.
    """

    profile: Profile
    rules: Rules
    answers: tuple[Answer, ...]
    ranked: Ranked | None = None
    parts: tuple[Part, ...] = ()

    @property
    def hits(self) -> tuple[int, ...]:
        """The lines that ask for it."""
        return tuple(a.line for a in self.answers if a.hits is not None and not a.is_never)

    @property
    def never(self) -> tuple[int, ...]:
        """The lines that exclude it."""
        return tuple(a.line for a in self.answers if a.hits is not None and a.is_never)

    @property
    def wish(self) -> Wish:
        """The same in short."""
        asking = (self.rules.lines[line - 1].node for line in self.hits)
        by_words = any(node is not None and not wants_trend(node) for node in asking)
        changed_at = self.profile.changed_at
        return Wish(
            self.profile.name, self.profile.enabled, self.hits, self.never, by_words, changed_at
        )


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything there is to say of a paper and a subscriber."""

    paper: Paper
    subscriber: Subscriber
    fate: Fate
    sent: Sent | None
    opinions: tuple[Opinion, ...]
    trend: TrendParts | None


def explain(
    conn: Connection,
    paper: Paper,
    subscriber: Subscriber,
    *,
    now: datetime,
    order: OrderSettings,
    lookback: timedelta,
) -> Explained:
    """Return why a stored paper has its place for a subscriber at `now` (UTC), or has none."""
    known = talk(conn, now=now)
    paper = replace(paper, trend=known.trends.get(paper.row))
    at = Moment(now, known, stored_rarities(conn, now), order)
    likes = Tastes(conn, [subscriber] if order.learning_share else (), now=now).likes(
        subscriber.row, [paper.row]
    )
    profiles = store_profiles.of(conn, [subscriber.row])
    opinions = tuple(_opinion(conn, profile, paper, at, likes) for profile in profiles)
    sent = store_digests.sent(conn, subscriber.row, paper.row)
    changes = store_news.changes_of(conn, paper.row)
    number, came_at = paper.arrival, changes.arrived_at
    if subscriber.replacements and (paper.revision or 0) > (number or 0):
        number, came_at = paper.revision, changes.changed_at
    facts = Facts(
        replace(subscriber, next_due_at=store_planned.next_due(conn, subscriber)),
        tuple(opinion.wish for opinion in opinions),
        lookback,
        suppressed=(store_subscribers.suppression(conn, subscriber.address, now) or ("",))[0],
        published_at=paper.published_at,
        arrived_at=came_at,
        changed_at=changes.changed_at,
        is_behind=number is not None and number > subscriber.seen,
        is_matched=match_marks.is_current(conn, upto=changes.number)
        and all(profile.matched for profile in profiles if profile.enabled),
        sent=sent,
        looked_at=None
        if number is None
        else store_digests.made(conn, subscriber.row, number=number),
        last=store_digests.made(conn, subscriber.row),
        upcoming=_upcoming(
            Desk(conn, [subscriber], known, order=order, lookback=lookback), subscriber, paper.row
        ),
    )
    trend = trend_parts(known.series, paper.row, now=now)
    return Explained(paper, subscriber, fate(facts, now=now), sent, opinions, trend)


def _upcoming(desk: Desk, subscriber: Subscriber, row: int) -> Upcoming | None:
    """Where a paper stands in the next digest as things are; None where it is not looked at."""
    picked = desk.pick(subscriber)
    places = [
        (number, len(ranked))
        for _, ranked in picked.ranked
        for number, one in enumerate(ranked, 1)
        if one.row == row
    ]
    if not places:
        return None
    is_chosen = any(item.ranked.row == row for item in picked.choice.items)
    return Upcoming(*min(places), is_chosen=is_chosen)


def _opinion(
    conn: Connection, profile: Profile, paper: Paper, at: Moment, likes: dict[int, float] | None
) -> Opinion:
    rules = parse(profile.rules)
    opinion = Opinion(profile, rules, tuple(answers(rules, IndexedPaper(paper))))
    if not opinion.wish.is_match:
        return opinion
    totals = _totals(profile.rules, paper, at)
    kept = store_matches.relevance(conn, profile.row, paper.row)
    fits = float(relevance(np.array(sum(totals.values())))) if kept is None else kept
    (ranked,) = rank([Fit.of(paper, fits)], now=at.now, settings=at.order, likes=likes)
    return replace(opinion, ranked=ranked, parts=tuple(parts(ranked, totals, at.order)))


def _totals(text: str, paper: Paper, at: Moment) -> dict[int, int]:
    """What each line that hits adds to relevance, in hundredths x units."""
    profile, shelf = Compiled(), a_shelf([paper])
    profile.put(0, text)
    runs, _ = ask(profile, shelf, shelf.is_here, at, keep=1)
    return {
        entry.line: entry.weight * units
        for entry in profile.entries(0)
        if entry.weight != NEVER and (units := _units(runs, entry.clause))
    }


def _units(runs: Runs, clause: int) -> int:
    """How strong a clause is in the only paper there is; 0 where it is not in it."""
    return int(runs.units[runs.starts[clause]]) if runs.counts[clause] else 0
