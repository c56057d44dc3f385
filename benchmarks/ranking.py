"""The order of papers in one table: each figure beside its baselines, its target, and whether met.

    python benchmarks/ranking.py [--people N] [--splits 5] [--papers 20000] [--json FILE]

Relevance by two literature reviews, what votes and proposed profiles find of people's libraries,
trend against what was read in the end, each field's share of what is trending, and the time for all
papers that are talked about. The parts in detail: ranking_relevance, ranking_learning,
ranking_suggesting, ranking_trend, ranking_time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import ranking_learning
import ranking_relevance
import ranking_suggesting
import ranking_time
import ranking_trend
from figures import Figure, Missing, table
from measuring import calibration, machine, one_core

FAIR_SHARE, FAIR_WITHIN = 0.3, 0.05
QUIET = 1 / 3  # the upvotes of a quiet field, beside the others'
CENTROID = "centroid, plain TF-IDF"
NOT_INSTALLED = "SVM: not installed"


def relevance() -> Iterator[Figure]:
    """Yield the average precision of each topic."""
    for name, topics in ranking_relevance.topics_asked().items():
        one = ranking_relevance.precision(topics)
        yield Figure(
            f"relevance, {name}: average precision", one.ours,
            f"BM25 {one.baseline:.3f}, apart {one.apart:+.3f} ± {one.error:.3f}", "above BM25",
            one.apart > 0,
        )  # fmt: skip


def learning(people: int | None, splits: int) -> Iterator[Figure]:
    """Yield how much of people's libraries votes find, and the time for one person."""
    report = ranking_learning.measure(people=people, splits=splits)
    ours, centroid = report.recalls["ours"], report.recalls[CENTROID].everybody
    machines = {
        name.replace("linear ", ""): recall.everybody
        for name, recall in report.recalls.items()
        if "SVM" in name
    }
    best = max(machines, key=lambda name: machines[name], default=None)
    svm = f"{best} {machines[best]:.3f}" if best else NOT_INSTALLED
    least = ranking_learning.TARGET_CENTROID
    yield Figure(
        f"votes, {report.people} people: recall@20", ours.everybody,
        f"centroid {centroid:.3f}, {svm}", f"{least:.2f} and above all",
        ours.everybody >= least and ours.everybody > max([centroid, *machines.values()]),
    )  # fmt: skip
    most = ranking_learning.TARGET_MILLISECONDS
    yield Figure(
        "votes: ms a person", ours.milliseconds,
        f"centroid {report.recalls[CENTROID].milliseconds:.1f}", f"at most {most:.0f}",
        ours.milliseconds <= most, digits=1,
    )  # fmt: skip


def suggesting(people: int | None) -> Iterator[Figure]:
    """Yield how much of people's libraries the profile finds that is proposed for half of each."""
    report = ranking_suggesting.measure(people=people)
    ours, words = (report.recalls[name] for name in ("ours", "words of the titles"))
    yield Figure(
        f"half a library, {report.people} people: recall@20", ours.everybody,
        f"words of the titles {words.everybody:.3f}", "above them",
        ours.everybody > words.everybody,
    )  # fmt: skip


def trend() -> Iterator[Figure]:
    """Yield how well a day's order tells what is read in the end, and each field's share."""
    days = ranking_trend.days()
    raw = ranking_trend.measured(ranking_trend.by_upvotes, days)
    ours = ranking_trend.measured(ranking_trend.by_trend(), days)
    for name, target in ranking_trend.TARGETS.items():
        yield Figure(
            f"trend, {len(days)} days: {name}", ours[name], f"raw upvotes {raw[name]:.3f}",
            f"{target:.2f}", ours[name] >= target,
        )  # fmt: skip
    orders = (ranking_trend.by_trend(fields=True), ranking_trend.by_upvotes)
    for one_in in ranking_trend.QUIET_ONE_IN:
        shares, raw_shares = (
            ranking_trend.quiet_shares(order, days, one_in, QUIET) for order in orders
        )
        for field in ("quiet", "loud"):
            yield Figure(
                f"trend, 1 in {one_in} quiet: share of the {field} field", shares[field],
                f"raw upvotes {raw_shares[field]:.3f}", f"{FAIR_SHARE} ± {FAIR_WITHIN}",
                abs(shares[field] - FAIR_SHARE) <= FAIR_WITHIN,
            )  # fmt: skip


def times(papers: int) -> Iterator[Figure]:
    """Yield the seconds in which all papers that are talked about have new trends."""
    found = ranking_time.measure(papers)
    most = ranking_time.TARGET_SECONDS
    for how, seconds in (("trends alone", found.pure), ("from SQLite", found.stored)):
        yield Figure(
            f"{found.papers:,} papers scored anew, {how}: seconds", seconds,
            f"{found.readings:,} readings", f"under {most:.0f}", seconds < most, digits=2,
        )  # fmt: skip


def measure(*, people: int | None, splits: int, papers: int) -> tuple[list[Figure], list[Missing]]:
    """Return all figures, and what could not be measured."""
    parts: dict[str, Callable[[], Iterator[Figure]]] = {
        "relevance": relevance,
        "votes": lambda: learning(people, splits),
        "half a library": lambda: suggesting(people),
        "trend": trend,
        "time": lambda: times(papers),
    }
    figures, missing = [], []
    for name, part in parts.items():
        try:
            figures += list(part())
        except FileNotFoundError as error:
            missing.append(Missing(name, f"no captures at {error.filename}"))
    return figures, missing


def main() -> None:
    """Measure, print the table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, help="of the libraries, only the first so many")
    parser.add_argument("--splits", type=int, default=5, help="of each library, by chance (5)")
    parser.add_argument("--papers", type=int, default=ranking_time.PAPERS, help="scored anew")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    one_core()
    figures, missing = measure(people=asked.people, splits=asked.splits, papers=asked.papers)
    sys.stdout.write(f"{table(figures, missing)}\ncalibration {calibration():.3f} s\n")
    if asked.json:
        told = {
            "figures": [asdict(one) for one in figures],
            "missing": [asdict(one) for one in missing],
            "machine": machine("numpy", "scikit-learn"),
        }
        asked.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
