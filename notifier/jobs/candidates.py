"""The papers of these days, made ready to be matched: read once, asked by every profile."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.hits import TRENDING_FROM, match
from notifier.profiles.rules import Rules, leaves, wants_trend
from notifier.ranking.order import OrderSettings, Ranked, rank
from notifier.ranking.relevance import WordStatistics, stems_of
from notifier.ranking.trending import trends
from notifier.storage import store_papers, store_signals, store_words

# Signals older than this say nothing of today.
SIGNAL_DAYS = timedelta(days=14)
# A rule that asks for what is trending looks at papers of the last week, new today or not.
TRENDING_DAYS = timedelta(days=7)


class Candidates:
    """Papers by row, with their trends, as of one moment."""

    def __init__(self, conn: Connection, *, now: datetime) -> None:
        self._conn = conn
        self._now = now
        self._papers: dict[int, IndexedPaper] = {}
        self.head = store_papers.arrival(conn)
        talked = store_signals.talked_about(conn, now=now, within=SIGNAL_DAYS)
        self._trends = trends(talked, now=now)
        self._trending = {
            paper.row
            for paper in talked
            if self._trends.get(paper.row, 0.0) >= TRENDING_FROM
            and now - paper.first_seen_at <= TRENDING_DAYS
        }
        self._arrived: dict[tuple[int, bool], set[int]] = {}

    def arrived(self, after: int, *, since: datetime, replacements: bool = False) -> set[int]:
        """Return rows that became news (or, if asked, were replaced) behind number `after`."""
        key = (after, replacements)
        if key not in self._arrived:
            rows = store_papers.rows_arrived(
                self._conn, after, since=since, replacements=replacements
            )
            self._arrived[key] = set(rows)
        return self._arrived[key]

    def _load(self, rows: Iterable[int]) -> None:
        missing = [row for row in rows if row not in self._papers]
        for paper in store_papers.load(self._conn, missing):
            known = replace(paper, trend=self._trends.get(paper.row))
            self._papers[paper.row] = IndexedPaper(known)

    def ranked(
        self, rules: Rules, news: Set[int], without: Set[int], settings: OrderSettings
    ) -> list[Ranked]:
        """Return a profile's papers among `news` (and what is trending, if it asks), best first.

        Papers in `without` take no part.
        """
        asked = [node for _, node in rules.wanted()]
        trending = self._trending if any(map(wants_trend, asked)) else set()
        self._load(news | trending)
        found = (
            match(rules, self._papers[row], is_news=row in news)
            for row in sorted((news | trending) - without)
        )
        matches = [one for one in found if one is not None]
        stems = stems_of(leaf for node in asked for leaf in leaves(node))
        papers, counts = store_words.statistics(self._conn, stems, now=self._now)
        rarity = WordStatistics(papers, counts).rarity
        return rank(matches, now=self._now, rarity=rarity, settings=settings)


def rank_stored(
    conn: Connection,
    rules: Rules,
    *,
    now: datetime,
    since: datetime | None,
    settings: OrderSettings,
) -> list[Ranked]:
    """Return the stored papers (first seen `since` then) that rules match, best first."""
    rows = set(store_papers.rows_since(conn, since))
    return Candidates(conn, now=now).ranked(rules, rows, set(), settings)
