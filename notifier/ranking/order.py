"""Order the matches of one profile, best first.

Pure: `now` is an argument. Ties fall to the newer paper (by its date, where a source gives
none by when it was first seen), then to the smaller id, so running twice gives the same mail.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.papers.paper import Paper
from notifier.profiles.hits import Hit, Match
from notifier.ranking.relevance import Rarity, relevance


@dataclass(frozen=True, slots=True)
class OrderSettings:
    """How much trend lifts a paper (0: not at all), and after what age freshness is a half."""

    trend_weight: float = 0.3
    half_life: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A match with its place's parts; `relevance`, `freshness` and `score` lie in [0, 1].

    score = relevance x (1 + trend_weight x trend) / (1 + trend_weight) x freshness, where a
    paper without signals has a trend of 0.
    """

    match: Match
    relevance: float
    freshness: float
    score: float

    @property
    def paper(self) -> Paper:
        return self.match.paper

    @property
    def hits(self) -> tuple[Hit, ...]:
        return self.match.hits


def rank(
    matches: Iterable[Match], *, now: datetime, rarity: Rarity, settings: OrderSettings
) -> list[Ranked]:
    """Return the matches with their scores, best first.

    Args:
        matches: Of one profile, in any order.
        now: Aware UTC. A paper first seen after `now` counts as brand new.
        rarity: The inverse document frequency of a stem, in (0, 1].
        settings: Trend's weight and freshness's half-life.
    Raises:
        ValueError: the half-life is not positive.
    Source: docs/ranking.md.
    """
    if settings.half_life <= timedelta(0):
        raise ValueError("the half-life of freshness must be positive")
    ranked = [_score(match, now, rarity, settings) for match in matches]
    return sorted(ranked, key=_best_first)


def _score(match: Match, now: datetime, rarity: Rarity, settings: OrderSettings) -> Ranked:
    fits = relevance(match, rarity)
    age = max(now - match.paper.first_seen_at, timedelta(0))
    freshness = 0.5 ** (age / settings.half_life)
    lift = 1 + settings.trend_weight * (match.paper.trend or 0.0)
    score = fits * lift / (1 + settings.trend_weight) * freshness
    return Ranked(match, fits, freshness, score)


def _best_first(ranked: Ranked) -> tuple[float, float, str]:
    newest = ranked.paper.published_at or ranked.paper.first_seen_at
    return -ranked.score, -newest.timestamp(), ranked.paper.id
