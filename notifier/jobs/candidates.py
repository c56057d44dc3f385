"""What the profiles of some subscribers want, as of one moment: from the matches that are kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from notifier.jobs.risers import Passed
from notifier.jobs.talk import Talk
from notifier.papers.paper import Paper
from notifier.ranking.order import Fit
from notifier.storage import store_matches, store_news, store_papers
from notifier.storage.store_matches import Match


class Candidates:
    """Papers for digests."""

    def __init__(
        self,
        conn: Connection,
        profiles: Sequence[int],
        talk: Talk,
        *,
        after: int,
        also: Collection[int] = (),
        upto: int | None = None,
        before: datetime | None = None,
        matches: Sequence[Match] | None = None,
    ) -> None:
        """Read the matches of profiles with all that became news behind number `after`.

        Papers that have reached the subscriber take no part.

        Args:
            also: Rows of papers that are looked at whatever their number.
            upto: The last number that is looked at; None: the last there is.
            before: Only what digests made before then (UTC) held has reached anybody.
            matches: Of the profiles, instead of those that are kept.
        """
        self._conn = conn
        self._talk = talk
        self._matches: dict[int, list[Match]] = {}
        if matches is None:
            matches = store_matches.unsent(
                conn, profiles, after=after, also=also, trending=talk.trending, before=before
            )
        for match in matches:
            self._matches.setdefault(match.profile, []).append(match)
        self._arrived: dict[tuple[int, bool], set[int]] = {}
        self._papers: dict[int, Paper] = {}
        self._upto = upto
        self.head = store_news.arrival(conn) if upto is None else upto

    def arrived(self, after: int, *, since: datetime, replacements: bool = False) -> set[int]:
        """Return rows that became news (or, if asked, were replaced) behind number `after`."""
        key = (after, replacements)
        if key not in self._arrived:
            rows = store_news.rows_arrived(
                self._conn, after, since=since, replacements=replacements, upto=self._upto
            )
            self._arrived[key] = set(rows)
        return self._arrived[key]

    def fits(self, profile: int, news: Set[int]) -> list[Fit]:
        """Return a profile's papers among `news`, and what is trending if its rules ask for it."""
        return [
            self._fit(match)
            for match in self._matches.get(profile, ())
            if match.fit.row in news or (match.trending and match.fit.row in self._talk.trending)
        ]

    def late(self, profile: int, passed: Passed, without: Set[int]) -> list[Fit]:
        """Return a profile's papers that were passed over and rise, but for those in `without`."""
        return [
            self._fit(match)
            for match in self._matches.get(profile, ())
            if match.fit.row not in without and passed.has(match.fit.row, match.number)
        ]

    def lines(self, profile: int, papers: Collection[int]) -> dict[int, tuple[int, ...]]:
        """Return by row of paper which lines of a profile want it, of some papers."""
        matches = self._matches.get(profile, ())
        return {one.fit.row: one.lines for one in matches if one.fit.row in papers}

    def _fit(self, match: Match) -> Fit:
        return replace(match.fit, trend=self._talk.trends.get(match.fit.row))

    def papers(self, rows: Collection[int]) -> dict[int, Paper]:
        """Return papers by row, with their trends; those that cannot be read are left out."""
        new = [row for row in rows if row not in self._papers]
        for paper in store_papers.load(self._conn, new):
            self._papers[paper.row] = replace(paper, trend=self._talk.trends.get(paper.row))
        return {row: self._papers[row] for row in rows if row in self._papers}
