"""How much papers are talked about now: their trends, from the signals of the last days."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

import numpy as np
from sqlalchemy import Connection

from notifier.profiles.hits import TRENDING_FROM
from notifier.profiles.matching.postings import Floats, Numbers
from notifier.ranking.rising import Rise, is_rising, rise
from notifier.ranking.trending import Series, trends_of
from notifier.storage import store_signals

# Signals older than this say nothing of today.
SIGNAL_DAYS = timedelta(days=14)
# A rule that asks for what is trending looks at papers of the last week, new today or not.
TRENDING_DAYS = timedelta(days=7)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Talk:
    """Trends by row of paper, in [0, 1], and the signals that they are made of, as of `now`.

    `trending`: the papers that a rule `trending` takes. `until` then (UTC, inclusive) trends stay
    as they are, unless something is read. `risen` remembers what `rising` found.
    """

    now: datetime
    series: Series
    trends: dict[int, float]
    trending: frozenset[int]
    until: datetime
    risen: dict[tuple[datetime, timedelta, datetime], dict[int, list[Rise]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def of(self, rows: Numbers) -> Floats:
        """Return the trend of each paper, NaN for one without signals; `rows` are in order."""
        found = np.full(len(rows), np.nan)
        if len(rows) and self.trends:
            known = np.fromiter(self.trends, np.int64, len(self.trends))
            trends = np.fromiter(self.trends.values(), np.float64, len(known))
            at = np.minimum(np.searchsorted(rows, known), len(rows) - 1)
            here = rows[at] == known
            found[at[here]] = trends[here]
        return found

    def rising(self, *, window: timedelta, since: datetime) -> dict[int, list[Rise]]:
        """Return what rose, by row, for papers that trend, the highest gain first.

        Args:
            window: A good part of their numbers must have come within it.
            since: Only papers first seen since then (UTC).
        """
        key = (self.now, window, since)
        if key not in self.risen:
            self.risen[key] = self._rising(window, since)
        return self.risen[key]

    def _rising(self, window: timedelta, since: datetime) -> dict[int, list[Rise]]:
        series = self.series
        is_new = series.read > (self.now - window).timestamp()
        places = [
            place
            for place in np.unique(series.paper[is_new]).tolist()
            if self.trends[int(series.rows[place])] >= TRENDING_FROM
            and series.seen[place] >= since.timestamp()
        ]
        told = series.readings_of(places)
        rises = {place: rise(told[place], self.now, window=window) for place in places}
        return {int(series.rows[at]): found for at, found in rises.items() if is_rising(found)}


def talk(conn: Connection, *, now: datetime) -> Talk:
    """Return how much papers are talked about at `now` (UTC)."""
    series = store_signals.talked_about(conn, now=now, within=SIGNAL_DAYS)
    known = trends_of(series, now=now)
    is_trending = known >= TRENDING_FROM
    is_trending &= series.seen >= (now - TRENDING_DAYS).timestamp()
    return Talk(
        now,
        series,
        dict(zip(series.rows.tolist(), known.tolist(), strict=True)),
        frozenset(series.rows[is_trending].tolist()),
        _until(series, series.seen[is_trending], now),
    )


def _until(series: Series, trending_since: Numbers, now: datetime) -> datetime:
    """When the first thing changes by itself: the day ends, or a paper is too old."""
    last = np.zeros(len(series.rows), np.int64)
    np.maximum.at(last, series.paper, series.read)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    ends = [midnight - _TICK]
    if len(last):
        ends.append(datetime.fromtimestamp(int(last.min()), UTC) + SIGNAL_DAYS)
    if len(trending_since):
        ends.append(datetime.fromtimestamp(int(trending_since.min()), UTC) + TRENDING_DAYS)
    return min(ends)


class Talks:
    """Gives out the same talk again as long as it holds: to find out takes longer than a search."""

    def __init__(self) -> None:
        self._mark: object = None
        self._since = self._until = datetime.min.replace(tzinfo=UTC)
        self._talk: Talk | None = None

    def at(self, conn: Connection, now: datetime) -> Talk:
        """Return how much papers are talked about at `now` (UTC)."""
        mark = store_signals.mark(conn)
        if self._talk is None or mark != self._mark or not self._since <= now <= self._until:
            newest = store_signals.newest(conn)
            self._talk = talk(conn, now=now)
            self._mark, self._since = mark, now
            is_all_read = newest is None or newest <= now
            self._until = self._talk.until if is_all_read else now
        return replace(self._talk, now=now)
