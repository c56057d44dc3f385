"""The stored papers, asked by one set of rules: opened once, and then asked again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Lock

from sqlalchemy import Connection

from notifier.jobs.asking import Moment, stored_rarities
from notifier.jobs.backtest import BackTest, back_test
from notifier.jobs.searching import Searched, Spelling, search, spelling
from notifier.jobs.shelves import Shelf, Shelves
from notifier.jobs.talk import Talks
from notifier.jobs.trial import Trial, trial
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.namesakes import doubt, ids_asked, names_asked, namesakes, nobody
from notifier.profiles.parser import parse
from notifier.ranking.order import OrderSettings
from notifier.storage import store_authors
from notifier.storage.database import Database

# Of so many names in a profile, and so many papers of each, it is asked whose they are.
_NAMES_LOOKED_AT, _PAPERS_LOOKED_AT = 5, 300


class Library:
    """All stored papers of a database; `clock` says as of when they are ordered (aware UTC).

    One question at a time: others wait for it.
    """

    def __init__(
        self,
        database: Database,
        shelves: Shelves,
        order: OrderSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._shelves = database, shelves
        self._order, self._clock = order, clock
        self._talks = Talks()
        self._lock = Lock()

    def search(
        self,
        text: str,
        *,
        since: datetime | None,
        limit: int | None,
        tell: Callable[[int], None] = lambda papers: None,
    ) -> tuple[Searched, Spelling]:
        """Return what rules find, best first, and how words that no paper has may be meant.

        Args:
            text: The rules as typed; lines in error take no part.
            since: Only papers first seen at or after then (UTC).
            limit: So many of the best are returned; None: all.
            tell: Called with the number of papers read in so far, where any had to be.
        """
        profile = Compiled()
        profile.put(0, text)
        with self._asking(since, tell) as (conn, shelves, at):
            found = search(conn, profile, shelves, at, since=since, limit=limit)
        return found, spelling(shelves)

    def try_rules(
        self,
        text: str,
        *,
        since: datetime | None,
        limit: int | None,
        tell: Callable[[int], None] = lambda papers: None,
    ) -> Trial:
        """Return the same, with what each rule finds and what is to be said of it."""
        with self._asking(since, tell) as (conn, shelves, at):
            tested = back_test(conn, text, shelves, at, since=since, limit=limit)
            rules, ids = parse(text), ids_asked(parse(text))
            strange = store_authors.unknown(conn, {author for _, author in ids})
            doubts = [nobody(n, one, strange[one]) for n, one in ids if one in strange]
            for line, name in names_asked(rules)[:_NAMES_LOOKED_AT]:
                named = Compiled()
                named.put(0, f"author: {name}")
                found = search(conn, named, shelves, at, since=None, limit=_PAPERS_LOOKED_AT)
                doubts += doubt(line, namesakes(name, [one.paper for one in found.best]))
        made = trial(rules, tested, spelling(shelves), since=since, now=at.now)
        return replace(made, warnings=(*made.warnings, *doubts))

    @property
    def now(self) -> datetime:
        """As of when papers are ordered (UTC)."""
        return self._clock()

    def tested(self, text: str, *, tell: Callable[[int], None] = lambda papers: None) -> BackTest:
        """Return what each of many rules finds in all stored papers, and the best of all."""
        with self._asking(None, tell) as (conn, shelves, at):
            return back_test(conn, text, shelves, at, since=None, limit=1)

    @contextmanager
    def _asking(
        self, since: datetime | None, tell: Callable[[int], None]
    ) -> Iterator[tuple[Connection, list[Shelf], Moment]]:
        now = self._clock()
        with self._lock, self._database.reading() as conn:
            shelves = self._shelves.up_to_date(conn, since=since, tell=tell)
            talk, rarities = self._talks.at(conn, now), stored_rarities(conn, now)
            yield conn, shelves, Moment(now, talk, rarities, self._order)
