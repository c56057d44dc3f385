"""Which papers subscribers get in their next digest, as of one moment; nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import Connection

from notifier.digests.cadence import zone_of
from notifier.digests.choose import Choice, choose
from notifier.jobs.candidates import Candidates
from notifier.jobs.risers import Risers
from notifier.jobs.talk import Talk
from notifier.jobs.tastes import Tastes
from notifier.papers.paper import Paper
from notifier.profiles.profile import Profile, Subscriber
from notifier.ranking.order import Fit, OrderSettings, Ranked, rank
from notifier.ranking.rising import Rise
from notifier.storage import store_digests, store_matches, store_profiles
from notifier.storage.store_matches import Match

# Of so many papers that found no place the titles are shown.
TITLES_SHOWN = 12
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Picked:
    """What one subscriber gets: the choice, out of the best of each profile.

    `also` are the best of what found no place, of which only titles are shown; `papers` are all
    that are shown. `news` are all papers that were looked at for the first time, `rising` says by
    row what rose, `volume` how many papers matched on each of the last days (local dates).
    `seen_to` is the number up to which papers are considered then. `is_first`: they have had no
    digest before. `lines` are those of a profile that want a chosen paper, by profile and row.
    """

    choice: Choice
    profiles: Sequence[Profile]
    ranked: Sequence[tuple[str, Sequence[Ranked]]]
    news: set[int]
    rising: Mapping[int, Sequence[Rise]]
    also: Sequence[tuple[str, Ranked]]
    papers: Mapping[int, Paper]
    volume: Mapping[date, int]
    seen_to: int
    is_first: bool
    lines: Mapping[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)


class Desk:
    """Everything that the papers of some subscribers are picked from."""

    def __init__(
        self,
        conn: Connection,
        subscribers: Sequence[Subscriber],
        known: Talk,
        *,
        order: OrderSettings,
        lookback: timedelta,
        upto: int | None = None,
        matches: Sequence[Match] | None = None,
        profiles: Sequence[Profile] | None = None,
    ) -> None:
        """Read what subscribers may get at `known.now`; older than `lookback` is nothing.

        Args:
            upto: What was news up to this number, where `known.now` is not the present.
            matches: Of their profiles, instead of those that are kept.
            profiles: Theirs, instead of those that are kept.
        """
        self._order = order
        self._now = known.now
        self._since = known.now - lookback
        rows = [subscriber.row for subscriber in subscribers]
        before = None if upto is None else known.now
        self._begun = store_digests.begun(conn, rows, before=before)
        self._profiles: dict[int, list[Profile]] = {}
        for profile in store_profiles.of(conn, rows) if profiles is None else profiles:
            if profile.enabled:
                self._profiles.setdefault(profile.subscriber, []).append(profile)
        asked = [profile.row for profiles in self._profiles.values() for profile in profiles]
        after = min((subscriber.seen for subscriber in subscribers), default=0)
        self._risers = Risers(conn, rows, known, since=self._since)
        self._candidates = Candidates(
            conn,
            asked,
            known,
            after=after,
            also=self._risers.rows,
            upto=upto,
            before=before,
            matches=matches,
        )
        self._volume = store_matches.volume(conn, rows, since=known.now - WEEK, until=known.now)
        self._tastes = Tastes(conn, subscribers if order.learning_share else (), now=known.now)
        self._without = set[int]()

    def leave_out(self, papers: Iterable[int], profiles: Collection[int] = ()) -> None:
        """Pick no more what cannot be worked with."""
        self._without.update(papers)
        for subscriber, own in self._profiles.items() if profiles else ():
            self._profiles[subscriber] = [one for one in own if one.row not in profiles]

    @property
    def left_out(self) -> Collection[int]:
        """The papers that are picked no more."""
        return self._without

    def has_rules(self, subscriber: Subscriber) -> bool:
        """Return whether a subscriber has a profile that is switched on."""
        return bool(self._profiles.get(subscriber.row))

    def is_matched(self, subscriber: Subscriber) -> bool:
        """Return whether the matches kept for all their profiles are those of their rules."""
        return all(profile.matched for profile in self._profiles.get(subscriber.row, ()))

    def pick(self, subscriber: Subscriber) -> Picked:
        """Return what a subscriber gets, without what cannot be read."""
        while True:
            picked = self._pick(subscriber)
            if not (unreadable := _shown(picked) - picked.papers.keys()):
                return picked
            self.leave_out(unreadable)

    def _pick(self, subscriber: Subscriber) -> Picked:
        news = self._candidates.arrived(
            subscriber.seen, since=self._since, replacements=subscriber.replacements
        )
        passed = self._risers.of(subscriber.row)
        profiles = self._profiles.get(subscriber.row, [])
        ranked: list[tuple[str, list[Ranked]]] = []
        now, late = set[int](), set[int]()
        for profile in profiles:
            fits = [
                fit
                for fit in self._candidates.fits(profile.row, news)
                if fit.row not in self._without
            ]
            now.update(fit.row for fit in fits)
            known = {fit.row for fit in fits} | self._without
            again = self._candidates.late(profile.row, passed, known)
            late.update(fit.row for fit in again)
            ranked.append((profile.name, self._ranked(subscriber.row, [*fits, *again])))
        choice = choose(ranked, max_papers=subscriber.max_papers, late=late - now)
        also = choice.rest[:TITLES_SHOWN]
        shown = [item.ranked.row for item in choice.items] + [one.row for _, one in also]
        return Picked(
            choice, profiles, ranked, news, passed.rising, also, self._candidates.papers(shown),
            self._volume_of(subscriber), self._candidates.head, subscriber.row not in self._begun,
            self._lines(profiles, choice),
        )  # fmt: skip

    def _lines(
        self, profiles: Sequence[Profile], choice: Choice
    ) -> dict[tuple[str, int], tuple[int, ...]]:
        rows = {profile.name: profile.row for profile in profiles}
        return {
            (section.profile, paper): lines
            for section in choice.sections
            for paper, lines in self._candidates.lines(
                rows[section.profile], {item.ranked.row for item in section.items}
            ).items()
        }

    def _volume_of(self, subscriber: Subscriber) -> dict[date, int]:
        zone, days = zone_of(subscriber.schedule), Counter[date]()
        for hour, papers in self._volume.get(subscriber.row, {}).items():
            days[hour.astimezone(zone).date()] += papers
        return days

    def _ranked(self, subscriber: int, fits: Sequence[Fit]) -> list[Ranked]:
        likes = self._tastes.likes(subscriber, [fit.row for fit in fits])
        return rank(fits, now=self._now, settings=self._order, likes=likes)


def _shown(picked: Picked) -> set[int]:
    chosen = {item.ranked.row for item in picked.choice.items}
    return chosen | {one.row for _, one in picked.also}
