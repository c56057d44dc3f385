"""What somebody's votes say of papers: a small linear model over the words of title and abstract.

Pure. Nothing is drawn by chance, and the order of votes does not matter, to the last bit. A paper
is a vector of its stems. A taste is the mean of the papers voted for, less what papers hold anyway
(Rocchio; the background comes from the document frequencies), less the words of papers voted
against that are rare in those voted for. It moves the order within a bounded share.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from notifier.papers.text import compounds, stem, tokens
from notifier.profiles.matching.postings import Floats
from notifier.profiles.matching.table import Ints
from notifier.ranking.relevance import WordStatistics

# docs/ranking.md, section 4: chosen on a third of the people, measured on the others.
TITLE_TIMES = 2.0
USUAL_TIMES = 0.9
DOWN_TIMES = 0.5
# A word must be so many times as strong in what was voted against as in what was voted for.
DOWN_OVER_UP = 3.0
# A stem that no second paper has says little of others.
LONELY = 0.5
# The closeness at which `likes` is tanh(1) = 0.76, as for one in six papers that people kept.
CLOSE = 0.05
# So many votes, for or against, count half of what many would.
HALF_TRUST = 2.0
# The latest that count: tastes change, and what is read for each digest stays bounded.
MOST_VOTES = 200


@dataclass(frozen=True, slots=True)
class Features:
    """The words of one paper as a vector of unit length; that of an empty text has no weights.

    Attributes:
        weights: By stem; above 0.
        length: What the vector was divided by.
        usual: Its product with what papers hold anyway.
    """

    weights: Mapping[str, float]
    length: float
    usual: float


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person said of one paper: wants more like it, or less; `at` is aware UTC."""

    features: Features
    is_up: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Taste:
    """What votes add up to.

    Attributes:
        weights: By stem of the papers voted on; below 0 where less of it is wanted.
        background: What papers hold anyway of these stems, on the scale of `weights`.
        usual_times: How often what papers hold anyway is taken off.
    """

    weights: Mapping[str, float]
    background: Mapping[str, float]
    usual_times: float


NO_TASTE = Taste({}, {}, 0.0)


def counted(title: str, abstract: str) -> dict[str, float]:
    """Return how often each stem stands in a paper; one in the title counts as two."""
    counts: dict[str, float] = defaultdict(float)
    for text, times in ((title, TITLE_TIMES), (abstract, 1.0)):
        words = list(tokens(text))
        for word in words:
            counts[word.stem] += times
        for _, _, joined in compounds(words):
            counts[stem(joined)] += times
    return dict(counts)


def features(counts: Mapping[str, float], statistics: WordStatistics) -> Features:
    """Return the vector of a paper whose stems were `counted`."""
    raw = {
        one: math.log1p(count)
        * statistics.rarity(one)
        * (1.0 if statistics.with_stem.get(one, 0) > 1 else LONELY)
        for one, count in counts.items()
    }
    length = math.sqrt(math.fsum(weight * weight for weight in raw.values()))
    weights = {one: weight / length for one, weight in raw.items()}
    usual = math.fsum(weight * _usual(one, statistics) for one, weight in weights.items())
    return Features(weights, length, usual)


def _usual(one: str, statistics: WordStatistics) -> float:
    """What a paper holds of a stem on average, before it is made of unit length."""
    share = statistics.with_stem.get(one, 0) / max(statistics.papers, 1)
    return min(share, 1.0) * statistics.rarity(one)


def taste(votes: Collection[Vote], statistics: WordStatistics) -> Taste:
    """Return what votes add up to; those on papers without a text say nothing.

    Args:
        votes: Of one person, in any order; the latest `MOST_VOTES` count.
        statistics: With which the features of the votes were made.
    """
    saying = [vote for vote in votes if vote.features.weights]
    latest = sorted(saying, key=_age)[:MOST_VOTES] if len(saying) > MOST_VOTES else saying
    ups, downs = ([v.features for v in latest if v.is_up is up] for up in (True, False))
    if not latest:
        return NO_TASTE
    lengths = [one.length for one in ups or downs]
    scale = USUAL_TIMES * len(lengths) / math.fsum(lengths)
    liked, disliked = _mean(ups), _mean(downs)
    up_trust, down_trust = (len(side) / (len(side) + HALF_TRUST) for side in (ups, downs))
    weights, background = {}, {}
    for one in liked.keys() | disliked.keys():
        usual, up = scale * _usual(one, statistics), liked.get(one, 0.0)
        beyond = disliked.get(one, 0.0) - max(DOWN_OVER_UP * up, usual)
        weights[one] = up_trust * up - DOWN_TIMES * down_trust * max(beyond, 0.0)
        background[one] = up_trust * usual
    return Taste(weights, background, up_trust * scale)


def _age(vote: Vote) -> tuple[object, ...]:
    """A vote's place, the latest first; of votes of one moment always the same ones come first."""
    return -vote.at.timestamp(), vote.is_up, sorted(vote.features.weights.items())


def _mean(vectors: Sequence[Features]) -> Mapping[str, float]:
    parts: dict[str, list[float]] = defaultdict(list)
    for vector in vectors:
        for one, weight in vector.weights.items():
            parts[one].append(weight)
    return {one: math.fsum(weights) / len(vectors) for one, weights in parts.items()}


@dataclass(frozen=True, slots=True)
class Pile:
    """The vectors of some papers as one sparse matrix: its entries, row after row.

    `columns` numbers the stems, `rows` and `numbers` say where the `weights` stand.
    """

    columns: Mapping[str, int]
    rows: Ints
    numbers: Ints
    weights: Floats
    usual: Floats

    @classmethod
    def of(cls, papers: Sequence[Features]) -> Pile:
        """Return the papers as a matrix, in their order."""
        columns: dict[str, int] = {}
        numbers = [columns.setdefault(one, len(columns)) for p in papers for one in p.weights]
        sizes = [len(paper.weights) for paper in papers]
        weights = [weight for paper in papers for weight in paper.weights.values()]
        return cls(
            columns,
            np.repeat(np.arange(len(papers), dtype=np.int32), sizes),
            np.array(numbers, np.int32),
            np.array(weights, np.float64),
            np.array([paper.usual for paper in papers], np.float64),
        )


def closeness(taste: Taste, pile: Pile) -> Floats:
    """Return how close each paper comes to a taste; 0 is what any paper comes to."""
    wanted = np.zeros(len(pile.columns))
    for one, weight in taste.weights.items():
        if (column := pile.columns.get(one)) is not None:
            wanted[column] = weight
    # Added up in the order of a paper's words, so that equal papers have equal sums.
    sums = np.bincount(pile.rows, pile.weights * wanted[pile.numbers], minlength=len(pile.usual))
    return sums - taste.usual_times * pile.usual


def likes(taste: Taste, pile: Pile) -> Floats:
    """Return how much each paper is to somebody's taste, in [-1, 1]; 0 without votes or text."""
    return np.tanh(closeness(taste, pile) / CLOSE)


def like(taste: Taste, paper: Features) -> float:
    """Return how much one paper is to somebody's taste, in [-1, 1]; 0 without votes or text."""
    return float(likes(taste, Pile.of([paper]))[0])


def lifted(score: float, like: float, share: float) -> float:
    """Return a score moved up or down by at most `share` of itself; above 0 it stays above 0.

    Raises:
        ValueError: `share` is not in [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError("the share of learning must be at least 0 and below 1")
    return score * (1 + share * like)
