"""How much a paper is being talked about, compared with its peers.

Pure: `now` is an argument. The result is a percentile in [0, 1] among papers of the same field
and the same age, so that a field with few readers is not drowned by one with many. A paper
without signals gets no trend at all.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HALF_LIFE = timedelta(days=3)
# Ages at which peers change: a paper of today is not compared with one of last week.
AGE_STEPS = (timedelta(days=1), timedelta(days=3), timedelta(days=7), timedelta(days=14))
FEWEST_PEERS = 5
# One imagined peer at the median keeps a lone paper at 0.5.
PRIOR_PEERS = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The value of one signal (`upvotes`, `comments`, `stars`) as read at a time."""

    name: str
    value: float
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Talked:
    """A paper's readings, in order of time, with what decides who its peers are."""

    row: int
    field: str
    first_seen_at: datetime
    readings: Sequence[Reading]


def momentum(readings: Iterable[Reading], *, now: datetime) -> float:
    """Return the gain of all signals, each gain halved for every `HALF_LIFE` since it was read.

    The first reading of a signal counts as a gain from nothing; a fall counts as a loss.
    """
    last: dict[str, float] = {}
    total = 0.0
    for reading in readings:
        worth = _worth(reading.name, reading.value)
        age = max(now - reading.read_at, timedelta(0))
        total += (worth - last.get(reading.name, 0.0)) * 0.5 ** (age / HALF_LIFE)
        last[reading.name] = worth
    return total


def _worth(name: str, value: float) -> float:
    """Put signals on one scale: an upvote is 1, a comment 2, and stars grow by orders."""
    if name == "stars":
        return 5.0 * math.log10(1.0 + max(value, 0.0))
    return 2.0 * value if name == "comments" else value


def trends(talked: Iterable[Talked], *, now: datetime) -> Mapping[int, float]:
    """Return each paper's trend in [0, 1] by row; papers without readings are left out.

    Where fewer than `FEWEST_PEERS` papers share field and age, all fields of that age are peers.
    """
    scored = [
        (paper.row, (paper.field, _age(paper, now)), momentum(paper.readings, now=now))
        for paper in talked
        if paper.readings
    ]
    groups: dict[tuple[str, int], list[float]] = defaultdict(list)
    for _, (field, age), value in scored:
        groups[field, age].append(value)
        groups["*", age].append(value)
    for values in groups.values():
        values.sort()
    return {
        row: _percentile(
            value, groups[peers] if len(groups[peers]) >= FEWEST_PEERS else groups["*", peers[1]]
        )
        for row, peers, value in scored
    }


def _age(paper: Talked, now: datetime) -> int:
    return bisect_left(AGE_STEPS, now - paper.first_seen_at)


def _percentile(value: float, peers: Sequence[float]) -> float:
    """The share of peers below, ties by half (mid-rank percentile), drawn towards 0.5."""
    below, upto = bisect_left(peers, value), bisect_right(peers, value)
    return ((below + upto) / 2 + PRIOR_PEERS / 2) / (len(peers) + PRIOR_PEERS)
