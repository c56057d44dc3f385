"""A paper's place in parts that add up: what each rule, trend, age and votes bring and take.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

import numpy as np

from notifier.ranking.order import OrderSettings, Ranked
from notifier.ranking.trending import Series, ages, gains, standings_of

Kind: TypeAlias = Literal["rule", "trend", "age", "votes"]


@dataclass(frozen=True, slots=True)
class Part:
    """What one thing adds to a score (below 0: takes from it); `line` is that of a rule, else 0."""

    kind: Kind
    value: float
    line: int = 0


def parts(ranked: Ranked, totals: Mapping[int, float], settings: OrderSettings) -> list[Part]:
    """Return the parts of a score; their sum is the score.

    Each rule has its share of relevance / (1 + trend_weight), which is the score of a paper of
    today without trend. Trend adds to it, then age takes its share, then votes add or take theirs.

    Args:
        ranked: The score.
        totals: What each rule that hits adds to relevance before saturation, by line; above 0.
        settings: With which the score was made.
    """
    weight, whole = settings.trend_weight, sum(totals.values())
    words = ranked.fit.relevance / (1 + weight)
    out = [Part("rule", words * total / whole, line) for line, total in sorted(totals.items())]
    lifted = words * (1 + weight * (ranked.fit.trend or 0.0))
    out.append(Part("trend", lifted - words))
    out.append(Part("age", lifted * (ranked.freshness - 1)))
    if ranked.like is not None:
        moved = lifted * ranked.freshness * settings.learning_share * ranked.like
        out.append(Part("votes", moved))
    return out


@dataclass(frozen=True, slots=True)
class TrendParts:
    """How a trend came about.

    `trend` = `own` x `in_field` + (1 - `own`) x `everywhere`, all in [0, 1]. `momentum` is the sum
    of `gains`, in upvotes by signal; `peers` papers are of its field, `days` is its age.
    """

    trend: float
    own: float
    in_field: float
    everywhere: float
    field: str
    peers: int
    days: int
    gains: Mapping[str, float]

    @property
    def momentum(self) -> float:
        """What it gained of late."""
        return sum(self.gains.values())


def trend_parts(series: Series, row: int, *, now: datetime) -> TrendParts | None:
    """Return how the trend of one paper came about; None for one without signals of late."""
    places = np.flatnonzero(series.rows == row)
    if not len(places):
        return None
    at = int(places[0])
    standings, gained = standings_of(series, now=now), gains(series, now=now)
    is_its = gained.paper == at
    names, numbers = np.unique(gained.name[is_its], return_inverse=True)
    sums = np.bincount(numbers, gained.gain[is_its]).tolist()
    return TrendParts(
        trend=float(standings.percentiles[at]),
        own=float(standings.own[at]),
        in_field=float(standings.in_field[at]),
        everywhere=float(standings.everywhere[at]),
        field=series.fields[at],
        peers=int(standings.papers[at]),
        days=int(ages(series, now)[at]),
        gains={series.names[n]: gain for n, gain in zip(names.tolist(), sums, strict=True)},
    )
