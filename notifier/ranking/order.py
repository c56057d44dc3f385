"""Order the papers that a profile wants, best first.

Pure: `now` is an argument. Ties fall to the newer paper (by its date, where a source gives
none by when it was first seen), then to the smaller id, so running twice gives the same mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from notifier.papers.paper import Paper
from notifier.profiles.matching.postings import Floats
from notifier.profiles.matching.table import Ints
from notifier.ranking.learning import lifted


@dataclass(frozen=True, slots=True)
class OrderSettings:
    """How much trend lifts a paper (0: not at all), and after what age freshness is a half.

    `learning_share`: by what share of its score somebody's votes move a paper at most.
    """

    trend_weight: float = 0.3
    half_life: timedelta = timedelta(days=7)
    learning_share: float = 0.25


@dataclass(frozen=True, slots=True)
class Fit:
    """A paper that a profile wants, with all that decides its place.

    `relevance` is in [0, 1), `trend` in [0, 1] or None, `newest` when it was published, where no
    source says so when it was first seen (UTC).
    """

    row: int
    id: str
    relevance: float
    trend: float | None
    first_seen_at: datetime
    newest: datetime

    @classmethod
    def of(cls, paper: Paper, relevance: float) -> Fit:
        """Return how a paper fits whose relevance is known."""
        newest = paper.published_at or paper.first_seen_at
        return cls(paper.row, paper.id, relevance, paper.trend, paper.first_seen_at, newest)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A paper with its place's parts; `freshness` lies in [0, 1], `like` in [-1, 1].

    score = relevance x (1 + trend_weight x trend) / (1 + trend_weight) x freshness
    x (1 + learning_share x like), where a paper without signals has a trend of 0. It lies in
    [0, 1] where `like` is None: nothing was learned.
    """

    fit: Fit
    freshness: float
    score: float
    like: float | None = None

    @property
    def row(self) -> int:
        return self.fit.row


def rank(
    fits: Iterable[Fit],
    *,
    now: datetime,
    settings: OrderSettings,
    likes: Mapping[int, float] | None = None,
) -> list[Ranked]:
    """Return the papers with their scores, best first.

    Args:
        fits: Of one profile, in any order.
        now: Aware UTC. A paper first seen after `now` counts as brand new.
        settings: Trend's weight, freshness's half-life and learning's share.
        likes: By row how much each is to a subscriber's taste; None: nothing was learned.
    Raises:
        ValueError: the half-life is not positive.
    Source: docs/ranking.md.
    """
    wanted = list(fits)
    seen = np.array([fit.first_seen_at.timestamp() for fit in wanted])
    fresh = freshness(seen, now=now, settings=settings)
    trends = np.array([fit.trend or 0.0 for fit in wanted])
    scores = np.array([fit.relevance for fit in wanted]) * boosts(trends, fresh, settings)
    ranked = list(map(Ranked, wanted, fresh.tolist(), scores.tolist()))
    if likes is not None:
        ranked = [_lifted(one, likes[one.row], settings.learning_share) for one in ranked]
    return sorted(ranked, key=lambda one: (-one.score, *ties(one.fit.newest, one.fit.id)))


def _lifted(one: Ranked, like: float, share: float) -> Ranked:
    return replace(one, like=like, score=lifted(one.score, like, share))


def freshness(first_seen: Floats, *, now: datetime, settings: OrderSettings) -> Floats:
    """Return how fresh papers are, in [0, 1]: halved for each half-life.

    Args:
        first_seen: When papers were first seen, as POSIX time in seconds.
    Raises:
        ValueError: the half-life is not positive.
    """
    if settings.half_life <= timedelta(0):
        raise ValueError("the half-life of freshness must be positive")
    ages = np.maximum(now.timestamp() - first_seen, 0.0) / settings.half_life.total_seconds()
    return np.power(0.5, ages)


def boosts(trends: Floats, fresh: Floats, settings: OrderSettings) -> Floats:
    """Return what relevance is multiplied with, in [0, 1]; a trend of NaN is none."""
    lift = 1 + settings.trend_weight * np.nan_to_num(trends)
    return lift / (1 + settings.trend_weight) * fresh


def ranks(papers: Sequence[Paper]) -> Ints:
    """Return for each paper its place among equals: the newer first, then the smaller id."""
    keys = [ties(paper.published_at or paper.first_seen_at, paper.id) for paper in papers]
    order = sorted(range(len(papers)), key=keys.__getitem__)
    out = np.empty(len(papers), np.int32)
    out[order] = np.arange(len(papers), dtype=np.int32)
    return out


def ties(newest: datetime, id_: str) -> tuple[float, str]:
    """Return what equals are sorted by: the newer first, then the smaller id."""
    return -newest.timestamp(), id_
