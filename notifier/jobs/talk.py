"""How much papers are talked about now: their trends, from the signals of the last days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from notifier.profiles.hits import TRENDING_FROM
from notifier.profiles.matching.postings import Floats
from notifier.ranking.trending import trends_of
from notifier.storage import store_signals

# Signals older than this say nothing of today.
SIGNAL_DAYS = timedelta(days=14)
# A rule that asks for what is trending looks at papers of the last week, new today or not.
TRENDING_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Talk:
    """Trends by row of paper, in [0, 1]; `trending`: those that a rule `trending` takes."""

    trends: dict[int, float]
    trending: frozenset[int]

    def of(self, rows: Sequence[int]) -> Floats:
        """Return the trend of each paper, NaN for one without signals."""
        nothing = float("nan")
        if not self.trends:
            return np.full(len(rows), nothing)
        return np.array([self.trends.get(row, nothing) for row in rows], np.float64)


def talk(conn: Connection, *, now: datetime) -> Talk:
    """Return how much papers are talked about at `now` (UTC)."""
    series = store_signals.talked_about(conn, now=now, within=SIGNAL_DAYS)
    known = trends_of(series, now=now)
    is_recent = series.seen >= (now - TRENDING_DAYS).timestamp()
    return Talk(
        dict(zip(series.rows.tolist(), known.tolist(), strict=True)),
        frozenset(series.rows[(known >= TRENDING_FROM) & is_recent].tolist()),
    )
