"""How well the trend of a paper's first day tells what is read in the end, beside its raw upvotes.

The lists of Daily Papers are replayed: each day's papers have one reading, of that day, and those
of the two weeks before are their peers. A day's order by trend is compared with the upvotes that
the same papers had months later: Spearman's rank correlation, and how many of the best five are the
same. Parameters are to be chosen on the first half of the days.

The lists name no categories. They are guessed from title and abstract by naive Bayes over the
corpus of arXiv, to see what it costs and brings to compare within fields.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from corpus import CORPUS
from guessed_fields import guessed_rightly, guesser
from numpy.typing import NDArray

from notifier.ranking.peers import PeerSettings, standings
from notifier.ranking.trending import Reading, Series, Talked, TrendSettings, momenta, trends

Floats = NDArray[np.float64]
DATA = CORPUS.parents[1] / "hf"
BEST = 5
TRENDING_FROM = 0.7
QUIET_ONE_IN = (3, 10, 30)  # how many of the papers are in the quiet field
PEERS_FOR = timedelta(days=14)
LISTED_AT = timedelta(hours=17, minutes=7)  # when the lists were captured
BASE = TrendSettings()
TARGETS = {"rank correlation": 0.87, "best five": 0.81}


@dataclass(frozen=True, slots=True)
class Listed:
    """A paper on its day; `late`: its upvotes months later, if known."""

    id: str
    read_at: datetime
    submitted_at: datetime
    upvotes: float
    comments: float
    category: str
    late: float | None


Order = Callable[["Day"], Floats]


@dataclass(frozen=True, slots=True)
class Day:
    """The papers of a day of which the end is known, and all that its trends are made of."""

    now: datetime
    papers: Sequence[Listed]
    peers: Sequence[Listed]

    @property
    def late(self) -> Floats:
        """What the papers came to."""
        return np.array([paper.late or 0.0 for paper in self.papers])


# The data


def days(back: timedelta = timedelta(0)) -> list[Day]:
    """Return the days of which the end is known, the first one first; each with those just before.

    A paper of the days before has one reading only, that of its own day.
    """
    listed = _listed()
    known = sorted({paper.read_at for paper in listed if paper.late is not None})
    return [
        Day(
            now,
            [p for p in listed if p.late is not None and now - back <= p.read_at <= now],
            [p for p in listed if now - PEERS_FOR <= p.read_at <= now],
        )
        for now in known
    ]


@cache
def _listed() -> tuple[Listed, ...]:
    with (DATA / "upvotes_early_late_2024.csv").open() as file:
        ends = {row["arxiv_id"]: row for row in csv.DictReader(file)}
    late_column = next(name for name in next(iter(ends.values())) if name.startswith("upvotes_2"))
    found = []
    for path in sorted((DATA / "daily").glob("*.json.gz")):
        day = datetime.fromisoformat(path.name[:10]).replace(tzinfo=UTC)
        for item in json.loads(gzip.decompress(path.read_bytes())):
            paper = item["paper"]
            end = ends.get(paper["id"])
            found.append(
                Listed(
                    paper["id"],
                    day + LISTED_AT,
                    datetime.fromisoformat(item["publishedAt"]),
                    float(end["upvotes_same_day"] if end else paper.get("upvotes", 0)),
                    float(end["comments_same_day"] if end else item.get("numComments", 0)),
                    guesser().category(f"{paper['title']} {paper['summary']}"),
                    float(end[late_column]) if end else None,
                )
            )
    return tuple(found)


# Orders


def by_upvotes(day: Day) -> Floats:
    """Return the raw upvotes."""
    return np.array([paper.upvotes for paper in day.papers])


def by_trend(settings: TrendSettings = BASE, *, fields: bool = False, hours: bool = False) -> Order:
    """Return the order by trend; `fields`: within categories; `hours`: ages by hours, not days."""

    def order(day: Day) -> Floats:
        now = day.now
        talked = [_talked(row, paper, fields) for row, paper in enumerate(day.peers)]
        if hours:
            found = dict(enumerate(_by_hours(day, talked, settings)))
        else:
            found = trends(talked, now=now, settings=settings)
        row_of = {paper.id: row for row, paper in enumerate(day.peers)}
        return np.array([found[row_of[paper.id]] for paper in day.papers])

    return order


def _talked(row: int, paper: Listed, fields: bool) -> Talked:
    readings = [
        Reading("upvotes", paper.upvotes, paper.read_at),
        Reading("comments", paper.comments, paper.read_at),
    ]
    return Talked(row, paper.category if fields else "", paper.read_at, readings)


def _by_hours(day: Day, talked: Sequence[Talked], settings: TrendSettings) -> Floats:
    now = day.now
    gained = momenta(Series.of(talked), now=now, settings=settings)
    fields = np.unique([paper.field for paper in talked], return_inverse=True)[1]
    ages = [max((now - paper.submitted_at) / timedelta(days=1), 0.0) for paper in day.peers]
    found: Floats = standings(gained, fields, np.array(ages), settings.peers).percentiles  # type: ignore[arg-type]
    return found


def quiet(day: Day, one_in: int, draw: int, share: float) -> Day:
    """Return the day with a part of the papers put into a field with a `share` of the upvotes.

    Over all draws below `one_in` each paper is put there once.
    """

    def put(paper: Listed) -> Listed:
        if int(paper.id.replace(".", "")) % one_in != draw:
            return replace(paper, category="loud")
        upvotes, comments = (
            float(math.floor(value * share)) for value in (paper.upvotes, paper.comments)
        )
        return replace(paper, category="quiet", upvotes=upvotes, comments=comments)

    return replace(
        day, papers=[put(one) for one in day.papers], peers=[put(one) for one in day.peers]
    )


def quiet_shares(order: Order, over: Sequence[Day], one_in: int, share: float) -> dict[str, float]:
    """Return the shares of a quiet and a loud field, the mean over all draws."""
    return shares(order, [quiet(day, one_in, n, share) for n in range(one_in) for day in over])


# Measures


def measured(order: Order, over: Sequence[Day]) -> dict[str, float]:
    """Return the measures of an order, each the mean over days."""
    scored = [(order(day), day) for day in over]
    return {
        "rank correlation": _mean(correlation(s, day.late) for s, day in scored),
        "best five": _mean(overlap(s, day.late) for s, day in scored),
        "within fields": _mean(c for s, day in scored for c in _within_fields(s, day)),
    }


def shares(order: Order, over: Sequence[Day]) -> dict[str, float]:
    """Return the share of each field's papers that stand among the best 30 % of their day."""
    best: Counter[str] = Counter()
    all_: Counter[str] = Counter()
    for day in over:
        scores = order(day)
        places = _ranks(scores) / len(scores)
        for paper, place in zip(day.papers, places, strict=True):
            all_[paper.category] += 1
            best[paper.category] += bool(place > TRENDING_FROM)
    return {category: best[category] / n for category, n in sorted(all_.items()) if n >= 20}


def correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's rank correlation, ties at their middle; NaN where all are tied."""
    a, b = _ranks(one) - _ranks(one).mean(), _ranks(other) - _ranks(other).mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size else math.nan


def overlap(one: Floats, other: Floats) -> float:
    """Return the share of the best five that both have; ties fall to the earlier in the list."""
    best = [set(np.argsort(-values, kind="stable")[:BEST].tolist()) for values in (one, other)]
    return len(best[0] & best[1]) / min(BEST, len(one))


def _within_fields(scores: Floats, day: Day) -> list[float]:
    categories = np.array([paper.category for paper in day.papers])
    return [
        correlation(scores[categories == one], day.late[categories == one])
        for one in np.unique(categories)
        if (categories == one).sum() >= BEST
    ]


def _ranks(values: Floats) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    middle: Floats = (np.cumsum(count) - (count - 1) / 2)[place]
    return middle


def _mean(values: Any) -> float:
    return float(np.nanmean(list(values)))


# The experiment


def _worth(comments: float) -> TrendSettings:
    return replace(BASE, worth={**BASE.worth, "comments": comments})


def _peers(**values: Any) -> TrendSettings:
    return replace(BASE, peers=replace(PeerSettings(), **values))


def alternatives() -> Mapping[str, Order]:
    """Return the orders that were tried."""
    return {
        "raw upvotes": by_upvotes,
        "trend": by_trend(),
        **{f"a comment is worth {w:g}": by_trend(_worth(w)) for w in (0, 0.25, 0.5, 1, 2)},
        **{
            f"half-life {n} days": by_trend(replace(BASE, half_life=timedelta(days=n)))
            for n in (1, 7)
        },
        "ages in steps": by_trend(_peers(smooth=False)),
        "ages by hours": by_trend(hours=True),
        "fields: categories": by_trend(fields=True),
        **{
            f"categories, {n:g} borrowed": by_trend(_peers(borrowed=float(n)), fields=True)
            for n in (0, 1, 20, 100)
        },
        **{
            f"categories, {n:g} alike": by_trend(_peers(alike=float(n)), fields=True)
            for n in (0.1, 1, 10)
        },
    }


def results() -> dict[str, Any]:
    """Return all figures: by order, the first half of the days, the half kept back, and all."""
    all_days = days()
    half = len(all_days) // 2
    parts = {"first half": all_days[:half], "kept back": all_days[half:], "all": all_days}
    return {
        "days": len(all_days),
        "papers": sum(len(day.papers) for day in all_days),
        "targets": TARGETS,
        "guessed_rightly": guessed_rightly(),
        "figures": {
            name: {part: measured(order, over) for part, over in parts.items()}
            for name, order in alternatives().items()
        },
        "shares": {
            name: shares(alternatives()[name], all_days)
            for name in ("raw upvotes", "trend", "fields: categories")
        }
        | {
            f"{name}, 1 in {n} quiet": quiet_shares(order, all_days, n, 1 / 3)
            for n in QUIET_ONE_IN
            for name, order in (("raw", by_upvotes), ("trend", by_trend(fields=True)))
        },
        "last five days": {
            name: measured(order, days(timedelta(days=5)))
            for name, order in alternatives().items()
            if not name.startswith(("categories", "fields"))
        },
    }


def shown(found: Mapping[str, Any]) -> str:
    """Return the figures as tables."""
    lines = [
        f"{found['days']} days, {found['papers']} papers; categories guessed rightly: "
        f"{found['guessed_rightly']:.2f}",
        f"{'':28}{'first half':>20}{'kept back':>20}{'all':>20}",
    ]
    for name, parts in found["figures"].items():
        cells = (
            "/".join(f"{value:.3f}" for value in figures.values()) for figures in parts.values()
        )
        lines.append(f"{name:28}" + "".join(f"{cell:>20}" for cell in cells))
    lines.append("(rank correlation / best five / rank correlation within fields)")
    lines += [
        f"{name:28}" + "/".join(f"{value:.3f}" for value in figures.values())
        for name, figures in found["last five days"].items()
    ]
    lines.append("(the same, of the papers of the last five days together)")
    for name, by_field in found["shares"].items():
        lines.append(f"{name:28}" + "  ".join(f"{f} {share:.2f}" for f, share in by_field.items()))
    return "\n".join([*lines, "(share of each field's papers among the best 30 % of their day)"])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        sys.stdout.write(f"no data in {DATA}\n")
        return 0
    found = results()
    sys.stdout.write(shown(found) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
