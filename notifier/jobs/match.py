"""Match what is new with all profiles, and what is new in profiles with all papers; keep both.

A paper is matched once with all profiles when it arrives or changes, a profile once with the
papers of the last 30 days when it is new or changes. Run again, it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from secrets import randbits

import numpy as np
import structlog
from sqlalchemy import Connection

from notifier.jobs.asking import Moment, stored_rarities
from notifier.jobs.index import Index, Kept, put
from notifier.jobs.left_out import LeftOut
from notifier.jobs.shelves import SHELF_PAPERS, Shelf, Shelves, parts, shelved
from notifier.jobs.talk import Talks
from notifier.jobs.wanted import wanted
from notifier.papers.event import Event
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.profile import Profile
from notifier.ranking.order import OrderSettings
from notifier.ranking.rising import WINDOW
from notifier.storage import (
    match_marks,
    paper_changes,
    store_events,
    store_matches,
    store_news,
    store_profiles,
    store_signals,
)
from notifier.storage.database import Database
from notifier.storage.match_rows import Found, together
from notifier.storage.part import ALL, Part
from notifier.storage.store_profiles import Marks

log = structlog.get_logger()

# Matches with papers older than this are of no use to any digest.
KEPT = timedelta(days=30)
_PROFILES_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """How many papers are kept of a profile and batch, the best by `order`."""

    keep: int
    order: OrderSettings


@dataclass(slots=True)
class Matched:
    """What one run did: papers and profiles that were matched, matches that were kept."""

    papers: int = 0
    profiles: int = 0
    matches: int = 0


class Matcher:
    """Matches for one process: holds its profiles as one index between runs.

    Several may share the work, each a part of the profiles; two of one part do no harm.
    """

    def __init__(
        self,
        database: Database,
        settings: MatchSettings,
        shelves: Shelves,
        part: Part = ALL,
        kept: Kept | None = None,
    ) -> None:
        """
        Args:
            part: Of the profiles, the one that is this process's.
            kept: Where the index of profiles is kept; None: nowhere.
        """
        self._database, self._settings, self._shelves = database, settings, shelves
        self._part, self._token = part, randbits(match_marks.TOKEN_BITS)
        self._since = datetime.min.replace(tzinfo=UTC)
        self._talks = Talks()
        self._left_out = LeftOut()
        self._index = Index(self._left_out, kept, part)
        self._risen: set[int] = set()
        self._talked: tuple[int, datetime, Marks] | None = None

    def run(self, *, now: datetime, stopping: Callable[[], bool] = lambda: False) -> Matched:
        """Match all that is not matched yet at `now` (aware UTC)."""
        done = Matched()
        with self._database.reading() as conn:
            if self._has_nothing_to_do(conn, now):
                return done
        for step in (self._new_papers, self._profiles):
            while not stopping() and step(done, now):
                pass
        if not stopping():
            self._talked_about(done, now)
            self._clear(now)
        self._left_out.keep(self._database, now=now)
        self._index.keep(self._database)
        if done.papers or done.profiles:
            log.info("matched", papers=done.papers, profiles=done.profiles, matches=done.matches)
        return done

    def _has_nothing_to_do(self, conn: Connection, now: datetime) -> bool:
        """Asked at each pass, so in one transaction."""
        return (
            match_marks.is_current(conn, self._part)
            and not store_profiles.unmatched(conn, self._part, limit=1)
            and self._talk_of(conn, now) == self._talked
            and store_matches.cleared_on(conn) == now.date()
        )

    def _talk_of(self, conn: Connection, now: datetime) -> tuple[int, datetime, Marks]:
        """What trends depend on: they move with readings, and with age."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        return store_signals.last(conn), hour, store_profiles.marks(conn)

    def _shelf(self, conn: Connection, rows: Sequence[int]) -> Shelf:
        shelf, broken = shelved(conn, rows)
        self._left_out.add("paper", broken)
        return shelf

    def _new_papers(self, done: Matched, now: datetime) -> bool:
        """Match the next papers that have changed with all profiles; False when none are left.

        Papers and profiles are those of one moment: who comes later is matched with all papers.
        A crash before the mark is set leaves a part of the matches, which the next run adds to.
        """
        with self._database.reading() as conn:
            mark = match_marks.mark(conn, self._part)
            last, rows = paper_changes.changed(conn, mark, limit=SHELF_PAPERS)
            if last == mark:
                return False
            self._index.follow(conn)
            at, is_alone = self._moment(conn, now), True
            for part in parts(rows):
                for found in self._wanted(self._index.compiled, self._shelf(conn, part), at):
                    with self._database.writing() as writing:
                        if match_marks.is_current(writing, self._part, upto=last):
                            return True  # another process was faster
                        is_alone = is_alone and match_marks.begin(
                            writing, last, self._part, self._token
                        )
                        self._write(writing, found, last, done, is_first=is_alone)
                is_alone = False
        with self._database.writing() as conn:
            match_marks.set_mark(conn, last, self._part)
        done.papers += len(rows)
        return True

    def _write(
        self, conn: Connection, found: Found, change: int, done: Matched, *, is_first: bool = False
    ) -> None:
        """Keep matches, but for those of profiles that have changed meanwhile."""
        among = np.unique(found.profiles).tolist()
        changed = np.array(sorted(self._index.changed(conn, among)), np.int64)
        kept = found.at(np.flatnonzero(~np.isin(found.profiles, changed)))
        (store_matches.put if is_first else store_matches.put_beside)(conn, kept, change=change)
        done.matches += len(kept)

    def _profiles(self, done: Matched, now: datetime) -> bool:
        """Match the next changed profiles with all papers; False when none are left."""
        with self._database.reading() as conn:
            waiting = store_profiles.unmatched(conn, self._part, limit=_PROFILES_AT_ONCE)
            if not waiting:
                return False
            change = paper_changes.last(conn)
            few = Compiled()
            put(few, waiting, self._left_out)
            found = self._of_all_papers(conn, few, self._moment(conn, now))
        with self._database.writing() as conn:
            if match_marks.highest(conn) > change:  # others have matched what we did not see
                return True
            still = store_profiles.set_matched(conn, waiting)
            kept = found.at(np.flatnonzero(np.isin(found.profiles, still)))
            store_matches.put_own(conn, still, kept, change=change)
        done.matches += len(kept)
        done.profiles += len(waiting)
        return True

    def _talked_about(self, done: Matched, now: datetime) -> None:
        """Match once more what is trending or rising: for rules that ask for it, and what was kept
        for nobody since other papers of its batch were better.
        """
        with self._database.reading() as conn:
            self._index.follow(conn)
            asked = self._talk_of(conn, now)
            if asked == self._talked:
                return
            at, mark = self._moment(conn, now), match_marks.mark(conn, self._part)
            risen = at.talk.rising(window=WINDOW, since=now - KEPT).keys()
            new = self._wanted(
                self._index.compiled, self._shelf(conn, sorted(risen - self._risen)), at
            )
            for found in chain(self._trending(conn, at), new):
                missing = store_matches.missing(conn, found)
                if len(missing):
                    with self._database.writing() as writing:
                        self._write(writing, missing, mark, done)
        self._note_risen(risen - self._risen, now)
        self._risen, self._talked = set(risen), asked

    def _note_risen(self, risen: Iterable[int], now: datetime) -> None:
        """Keep that papers are talked about all at once: those who know them may be told."""
        with self._database.reading() as conn:
            new = store_events.without(conn, risen, "attention")
        if new:
            with self._database.writing() as conn:
                for paper in new:
                    store_events.note(conn, paper, [Event("attention")], now=now)

    def found(
        self, conn: Connection, profiles: Sequence[Profile], *, now: datetime
    ) -> list[store_matches.Match]:
        """Return the matches of some profiles with the papers of the last days; nothing is kept."""
        at, few = self._moment(conn, now), Compiled()
        for profile in profiles:
            few.put(profile.row, profile.rules)
        return store_matches.told(conn, self._of_all_papers(conn, few, at))

    def _of_all_papers(self, conn: Connection, profiles: Compiled, at: Moment) -> Found:
        """What profiles want of the papers of the last days."""
        return together(
            found
            for shelf in self._shelves.up_to_date(conn, since=self._since)
            for found in self._wanted(profiles, shelf, at)
        )

    def _trending(self, conn: Connection, at: Moment) -> Iterator[Found]:
        """Yield the matches of what is trending with rules that ask for it."""
        if self._index.compiled.arrays().trends.any():
            shelf = self._shelf(conn, sorted(at.talk.trending))
            yield from self._wanted(self._index.compiled, shelf, at, only_trend=True)

    def _clear(self, now: datetime) -> None:
        """Once a day, let go of matches with papers that nobody is mailed any more."""
        with self._database.reading() as conn:
            if store_matches.cleared_on(conn) == now.date():
                return
            since = _since(conn, now)
        with self._database.writing() as conn:
            store_matches.forget_old(conn, before=since, today=now.date())

    def _moment(self, conn: Connection, now: datetime) -> Moment:
        self._since = _since(conn, now)
        known = self._talks.at(conn, now)
        return Moment(now, known, stored_rarities(conn, now), self._settings.order)

    def _wanted(
        self, profiles: Compiled, shelf: Shelf, at: Moment, *, only_trend: bool = False
    ) -> Iterator[Found]:
        keep = self._settings.keep
        return wanted(profiles, shelf, at, since=self._since, keep=keep, only_trend=only_trend)


def _since(conn: Connection, now: datetime) -> datetime:
    """Since when papers are of use: by a clock far ahead none would be, and all be forgotten."""
    return min(now, store_news.newest(conn) or now) - KEPT
