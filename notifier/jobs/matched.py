"""All papers that matched for a digest, worked out again from the matches that are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from notifier.digests.choose import Choice, choose
from notifier.jobs.candidates import Candidates
from notifier.jobs.talk import talk
from notifier.jobs.tastes import Tastes
from notifier.papers.paper import Paper
from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile, Subscriber
from notifier.ranking.order import OrderSettings, rank
from notifier.storage import (
    store_archive,
    store_matches,
    store_news,
    store_papers,
    store_profiles,
    store_subscribers,
)
from notifier.storage.store_archive import Archived, Held


@dataclass(frozen=True, slots=True)
class Wanted:
    """A paper that matched: `score` lies in [0, 1], but for a taste that lifts it beyond.

    `rules`: the lines that want it, as typed. `also`: the other profiles that do.
    """

    paper: Paper
    score: float
    rules: tuple[str, ...]
    also: tuple[str, ...]
    in_digest: bool


@dataclass(frozen=True, slots=True)
class AllMatched:
    """What matched, by profile, best first. `more`: so many others did, behind the last shown.

    `gone`: so many matched then and do not now: their matches are too old, or rules have changed.
    """

    sections: tuple[tuple[str, tuple[Wanted, ...]], ...]
    more: int
    gone: int

    @property
    def shown(self) -> int:
        """How many papers there are in all sections."""
        return sum(len(papers) for _, papers in self.sections)


def all_matched(
    conn: Connection,
    digest: Archived,
    *,
    order: OrderSettings,
    lookback: timedelta,
    limit: int,
) -> AllMatched:
    """Return what matched for a digest, in the order of the moment when it was made.

    By the profiles as they are now. What the digest held is there, also where its match is gone.
    """
    subscriber = store_subscribers.get(conn, digest.subscriber)
    if subscriber is None:
        return AllMatched((), 0, 0)
    held = store_archive.held(conn, digest.row)
    profiles = [p for p in store_profiles.of(conn, [subscriber.row]) if p.enabled]
    choice = _choice(conn, digest, subscriber, profiles, held, order, lookback, limit)
    found = {item.ranked.row for item in choice.items}
    lost = [one for one in held if one.paper not in found]
    papers = store_papers.load(conn, found | {one.paper for one in lost})
    by_row = {paper.row: paper for paper in papers}
    sections = dict(_sections(conn, choice, profiles, by_row, {one.paper for one in held}))
    for one in lost:
        wanted = Wanted(by_row[one.paper], one.score, (), (), True)
        sections[one.profile] = (*sections.get(one.profile, ()), wanted)
    shown = len(found) + len(lost)
    gone = max(digest.papers + digest.more - shown - choice.more, 0)
    return AllMatched(tuple(sections.items()), choice.more, gone)


def of_profiles(found: AllMatched, profiles: Sequence[str]) -> AllMatched:
    """Return what some profiles want of what matched; of the others not even the names."""
    sections: dict[str, list[Wanted]] = {name: [] for name in profiles}
    for profile, papers in found.sections:
        for one in papers:
            names = [name for name in (profile, *one.also) if name in sections]
            if names:
                rules = one.rules if names[0] == profile else ()
                sections[names[0]].append(replace(one, also=tuple(names[1:]), rules=rules))
    return AllMatched(tuple((name, tuple(some)) for name, some in sections.items() if some), 0, 0)


def _choice(
    conn: Connection,
    digest: Archived,
    subscriber: Subscriber,
    profiles: Sequence[Profile],
    held: Sequence[Held],
    order: OrderSettings,
    lookback: timedelta,
    limit: int,
) -> Choice:
    """The best `limit` of all that matched, each in the profile that it fits best."""
    now, rows = digest.composed_at, [profile.row for profile in profiles]
    chosen = {one.paper for one in held}
    candidates = Candidates(
        conn, rows, talk(conn, now=now), after=digest.seen_from, also=chosen, before=now
    )
    news = chosen | set(
        store_news.rows_arrived(
            conn, digest.seen_from, since=now - lookback, upto=digest.seen_to,
            replacements=subscriber.replacements,
        )
    )  # fmt: skip
    tastes = Tastes(conn, [subscriber] if order.learning_share else (), now=now)
    ranked = []
    for profile in profiles:
        fits = candidates.fits(profile.row, news)
        likes = tastes.likes(subscriber.row, [fit.row for fit in fits])
        ranked.append((profile.name, rank(fits, now=now, settings=order, likes=likes)))
    return choose(ranked, max_papers=limit)


def _sections(
    conn: Connection,
    choice: Choice,
    profiles: Sequence[Profile],
    papers: dict[int, Paper],
    held: set[int],
) -> Iterator[tuple[str, tuple[Wanted, ...]]]:
    by_name = {profile.name: profile for profile in profiles}
    for section in choice.sections:
        rows = [item.ranked.row for item in section.items]
        profile = by_name[section.profile]
        hits, lines = store_matches.rules(conn, profile.row, rows), _lines(profile)
        yield (
            section.profile,
            tuple(
                Wanted(
                    papers[item.ranked.row],
                    item.ranked.score,
                    tuple(lines[n] for n in hits.get(item.ranked.row, ()) if n in lines),
                    item.also,
                    item.ranked.row in held,
                )
                for item in section.items
            ),
        )


def _lines(profile: Profile) -> dict[int, str]:
    """A profile's lines as typed, by their number from 1."""
    return {n: line.typed.strip() for n, line in enumerate(parse(profile.rules).lines, 1)}
