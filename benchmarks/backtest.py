"""`profile test`: what one profile would have found among the papers of 30 days.

    python benchmarks/backtest.py [--papers 30000] [--seed 1] [--corpus DIR] [--json FILE]

A throw-away SQLite database is filled as a source would; then profiles are asked for their best 20
papers: in a process that has the words of the papers in memory, and in one that has just started
and finds them in files. The first time in a database's life all papers are read once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import workload
from corpus import CORPUS
from measuring import calibration, machine, one_core, took
from workload import DAY

from notifier.app import App
from notifier.config import Settings
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry, Paper
from notifier.storage import store_papers

DAYS = 30
REPEATS = 5
TARGET_SECONDS = 0.1
PROFILES = {
    "one rare phrase": "retrieval-augmented generation",
    "eight rules": "LLM agents\nRAG ^2\nretrieval + benchmark\nfine-tuning\ndiffus* + video\n"
    "author: Yann LeCun\ngraph ~5 transformer\n-survey",
    "booleans": "(graph | molecule) + (transformer | diffusion) + -medical\ntitle: (code + agent)",
    "a prefix": "quanti*",
    "one very common word": "model",
}


def fill(app: App, papers: Sequence[Paper]) -> None:
    """Take papers in, spread over `DAYS` days before `DAY`."""
    each = -(-len(papers) // DAYS)
    for day in range(DAYS):
        entries = [
            Entry(
                aliases=(Alias("arxiv", f"26{10 + n // 100_000:02d}.{n % 100_000:05d}"),),
                title=paper.title, abstract=paper.abstract,
                authors=paper.authors, categories=paper.categories,
            )
            for n, paper in enumerate(papers[day * each : (day + 1) * each], day * each)
        ]  # fmt: skip
        with app.database.writing() as conn:
            now = DAY - timedelta(days=DAYS - 1 - day)
            store_papers.take_in(conn, entries, source="arxiv", now=now)


def opened(folder: str) -> App:
    """Return an instance as a process that has just started has it."""
    settings = Settings(database={"url": f"sqlite:///{folder}/papers.db"})
    return App(settings, clock=lambda: DAY + timedelta(hours=1))


def ask(app: App, text: str) -> int:
    """Return how many papers match."""
    tested, _ = app.back_test(text, since=DAY - timedelta(days=DAYS), limit=20)
    return tested.papers


def measure(papers: Sequence[Paper], folder: str) -> dict[str, Any]:
    """Return the seconds of the first time ever, and for each profile of both kinds of process."""
    app = opened(folder)
    fill(app, papers)
    first, _ = took(lambda: ask(app, "LLM"))
    rows = []
    for name, text in PROFILES.items():
        again = [took(lambda: ask(app, text))[0] for _ in range(REPEATS)]  # noqa: B023
        fresh = []
        for _ in range(REPEATS):
            other = opened(folder)
            seconds, found = took(lambda: ask(other, text))  # noqa: B023
            fresh.append(seconds)
            other.close()
        rows.append({
            "profile": name, "papers": found,
            "again": statistics.median(again), "fresh": statistics.median(fresh),
        })  # fmt: skip
    app.close()
    return {"first": first, "calibration": calibration(), "profiles": rows}


def table(figures: dict[str, Any], papers: int) -> str:
    """Return the figures as text."""
    lines = [
        f"{papers:,} papers; target {TARGET_SECONDS:.1f} s",
        f"  read for the first time {figures['first']:.1f} s; calibration "
        f"{figures['calibration']:.3f} s",
        f"  {'':24}{'match':>9}{'again, ms':>11}{'fresh, ms':>11}",
    ]
    for row in figures["profiles"]:
        times = f"{row['again'] * 1e3:>11.1f}{row['fresh'] * 1e3:>11.1f}"
        lines.append(f"  {row['profile']:24}{row['papers']:>9,}{times}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--papers", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="absent: generated papers")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    one_core()
    papers = workload.papers(asked.papers, asked.seed, asked.corpus)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(papers, folder)
    sys.stdout.write(f"{table(figures, len(papers))}\n")
    if asked.json:
        told = {"papers": len(papers), "figures": figures, "target": TARGET_SECONDS}
        asked.json.write_text(json.dumps(told | {"machine": machine("numpy")}, indent=1))


if __name__ == "__main__":
    main()
