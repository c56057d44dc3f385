"""What subscribers' votes say of the papers that wait for them, as of one moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from notifier.profiles.profile import Subscriber
from notifier.ranking import learning
from notifier.ranking.learning import Features, Pile, Taste, Vote
from notifier.ranking.relevance import WordStatistics
from notifier.ranking.told import told
from notifier.storage import store_votes, store_words


class Tastes:
    """The tastes of some subscribers; whoever switched learning off, or never voted, has none.

    Papers and word statistics are read when they are first asked for, and once.
    """

    def __init__(self, conn: Connection, subscribers: Iterable[Subscriber], *, now: datetime):
        self._conn = conn
        self._now = now
        learners = [subscriber.row for subscriber in subscribers if subscriber.learning]
        self._voters = store_votes.voters(conn, learners)
        self._vectors: dict[int, Features] = {}
        self._statistics: WordStatistics | None = None
        self._known: dict[str, int] = {}
        self._tastes: dict[int, Taste] = {}

    def likes(self, subscriber: int, papers: Sequence[int]) -> dict[int, float] | None:
        """Return by row how much papers are to a subscriber's taste; None where there is none."""
        if subscriber not in self._voters or not papers:
            return None
        found = learning.likes(self._taste(subscriber), Pile.of(self._features(papers)))
        return dict(zip(papers, found.tolist(), strict=True))

    def told(self, subscriber: int) -> tuple[list[str], list[str]]:
        """Return the words of which a subscriber wants more, and those of which less.

        They are those of all votes, also where learning is switched off.
        """
        taste = self._taste(subscriber)
        votes = store_votes.of(self._conn, subscriber, limit=learning.MOST_VOTES)
        texts = store_votes.texts(self._conn, {vote.paper for vote in votes})
        rarity = self._statistics_of(()).rarity
        return told(taste, [part for text in texts.values() for part in text], rarity)

    def _taste(self, subscriber: int) -> Taste:
        if subscriber not in self._tastes:
            votes = store_votes.of(self._conn, subscriber, limit=learning.MOST_VOTES)
            vectors = self._features([vote.paper for vote in votes])
            said = [Vote(f, v.is_up, v.at) for f, v in zip(vectors, votes, strict=True)]
            self._tastes[subscriber] = learning.taste(said, self._statistics_of(()))
        return self._tastes[subscriber]

    def _features(self, papers: Sequence[int]) -> list[Features]:
        missing = set(papers) - self._vectors.keys()
        texts = store_votes.texts(self._conn, missing)
        counts = {row: learning.counted(*text) for row, text in texts.items()}
        statistics = self._statistics_of({one for paper in counts.values() for one in paper})
        for row, paper in counts.items():
            self._vectors[row] = learning.features(paper, statistics)
        return [self._vectors[row] for row in papers]

    def _statistics_of(self, stems: Collection[str]) -> WordStatistics:
        """The word statistics, those of `stems` among them."""
        missing = [one for one in stems if one not in self._known]
        if missing or self._statistics is None:
            papers, counts = store_words.statistics(self._conn, missing, now=self._now)
            self._known.update(dict.fromkeys(missing, 0) | counts)
            self._statistics = WordStatistics(papers, self._known)
        return self._statistics
