"""How much papers are talked about now: their trends, from the signals of the last days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from notifier.profiles.hits import TRENDING_FROM
from notifier.profiles.matching.postings import Floats
from notifier.ranking.rising import Rise, is_rising, rise
from notifier.ranking.trending import Series, trends_of
from notifier.storage import store_signals

# Signals older than this say nothing of today.
SIGNAL_DAYS = timedelta(days=14)
# A rule that asks for what is trending looks at papers of the last week, new today or not.
TRENDING_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Talk:
    """Trends by row of paper, in [0, 1], and the signals that they are made of, as of `now`.

    `trending`: the papers that a rule `trending` takes.
    """

    now: datetime
    series: Series
    trends: dict[int, float]
    trending: frozenset[int]

    def of(self, rows: Sequence[int]) -> Floats:
        """Return the trend of each paper, NaN for one without signals."""
        nothing = float("nan")
        if not self.trends:
            return np.full(len(rows), nothing)
        return np.array([self.trends.get(row, nothing) for row in rows], np.float64)

    def rising(self, *, window: timedelta, since: datetime) -> dict[int, list[Rise]]:
        """Return what rose, by row, for papers that trend, the highest gain first.

        Args:
            window: A good part of their numbers must have come within it.
            since: Only papers first seen since then (UTC).
        """
        series = self.series
        is_new = series.read > (self.now - window).timestamp()
        found: dict[int, list[Rise]] = {}
        for place in np.unique(series.paper[is_new]).tolist():
            row = int(series.rows[place])
            if self.trends[row] < TRENDING_FROM or series.seen[place] < since.timestamp():
                continue
            rises = rise(series.readings_of(place), self.now, window=window)
            if is_rising(rises):
                found[row] = rises
        return found


def talk(conn: Connection, *, now: datetime) -> Talk:
    """Return how much papers are talked about at `now` (UTC)."""
    series = store_signals.talked_about(conn, now=now, within=SIGNAL_DAYS)
    known = trends_of(series, now=now)
    is_recent = series.seen >= (now - TRENDING_DAYS).timestamp()
    return Talk(
        now,
        series,
        dict(zip(series.rows.tolist(), known.tolist(), strict=True)),
        frozenset(series.rows[(known >= TRENDING_FROM) & is_recent].tolist()),
    )
