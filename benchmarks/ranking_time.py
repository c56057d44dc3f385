"""How long it takes to work out anew how much papers are talked about.

    python benchmarks/ranking_time.py [--papers 20000] [--json FILE]

All papers were first seen in the last two weeks and have five readings of two signals, more than
most papers of a day have. Timed are the trends alone, and with the readings fetched from SQLite.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from measuring import calibration, machine, one_core, took
from sqlalchemy import insert
from workload import DAY

from notifier.jobs.talk import SIGNAL_DAYS, talk
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry
from notifier.ranking.trending import trends_of
from notifier.storage import store_papers, store_signals
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.schema import upgrade

PAPERS = 20_000
READINGS = 5
REPEATS = 3
NOW = DAY + timedelta(hours=6)
TARGET_SECONDS = 1.0
FIELDS = ("cs", "cs", "cs", "math", "stat", "q-bio")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds for `papers` papers with `readings` readings in all; medians."""

    papers: int
    readings: int
    pure: float
    stored: float


def fill(database: Database, papers: int) -> None:
    """Store papers with their readings."""
    days = SIGNAL_DAYS.days
    entries = [
        Entry(
            aliases=(Alias("arxiv", f"2611.{number:05d}"),),
            title=f"Paper {number}",
            categories=(f"{FIELDS[number % len(FIELDS)]}.XX",),
        )
        for number in range(papers)
    ]
    with database.writing() as conn:
        for day in range(days):
            now = NOW - timedelta(days=day)
            store_papers.take_in(conn, entries[day::days], source="arxiv", now=now)
        rows = [row for (row,) in conn.execute(t.paper.select().with_only_columns(t.paper.c.id))]
        conn.execute(insert(t.signal), _readings(rows))


def _readings(rows: list[int]) -> list[dict[str, Any]]:
    chance = np.random.default_rng(1)
    ago = chance.integers(0, SIGNAL_DAYS.days * 24 - READINGS, len(rows)).tolist()
    values = chance.integers(0, 500, (len(rows), READINGS)).tolist()
    return [
        {
            "paper_id": row,
            "source": "huggingface",
            "name": ("upvotes", "comments")[number % 2],
            "value": float(value),
            "read_at": NOW - timedelta(hours=hours + number),
        }
        for row, hours, own in zip(rows, ago, values, strict=True)
        for number, value in enumerate(own)
    ]


def measure(papers: int = PAPERS, *, repeats: int = REPEATS) -> Times:
    """Return both times, on a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/papers.db")
        upgrade(database)
        fill(database, papers)
        with database.reading() as conn:
            series = store_signals.talked_about(conn, now=NOW, within=SIGNAL_DAYS)
            pure = [took(lambda: trends_of(series, now=NOW))[0] for _ in range(repeats)]
            stored = [took(lambda: talk(conn, now=NOW))[0] for _ in range(repeats)]
        database.close()
    return Times(
        len(series.rows), len(series.read), statistics.median(pure), statistics.median(stored)
    )


def main() -> None:
    """Measure, print, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--papers", type=int, default=PAPERS)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    one_core()
    times = measure(asked.papers)
    sys.stdout.write(
        f"{times.papers:,} papers, {times.readings:,} readings: trends {times.pure:.2f} s, "
        f"from SQLite {times.stored:.2f} s; target {TARGET_SECONDS:.1f} s; "
        f"calibration {calibration():.3f} s\n"
    )
    if asked.json:
        told = asdict(times) | {"target": TARGET_SECONDS, "machine": machine("numpy")}
        asked.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
