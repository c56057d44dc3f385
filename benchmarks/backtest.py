"""`profile test`: what one profile would have found among the papers of 30 days.

    python benchmarks/backtest.py [--papers 30000] [--seed 1] [--corpus DIR] [--repeats 5]
        [--json FILE]

A throw-away SQLite database is filled as a source would; then profiles are asked for their best 20
papers: in a process that has the words of the papers in memory, and in one that has just started
and finds them in files (without the start of Python, the imports and the opening of the database).
The first time in a database's life all papers are read once.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import workload
from corpus import CORPUS, kind_of
from keywords import phrases
from measuring import calibration, machine, one_core, took
from workload import DAY

from notifier.app import App
from notifier.config import Settings
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry, Paper
from notifier.profiles.keys import stems_in
from notifier.storage import store_papers, store_words

DAYS = 30
SEEN = 2_000  # papers whose phrases are looked through
TARGET_SECONDS = 0.1
PROFILES = {
    "one rare phrase": "retrieval-augmented generation",
    "eight rules": "LLM agents\nRAG ^2\nretrieval + benchmark\nfine-tuning\ndiffus* + video\n"
    "author: Yann LeCun\ngraph ~5 transformer\n-survey",
    "booleans": "(graph | molecule) + (transformer | diffusion) + -medical\ntitle: (code + agent)",
    "a prefix": "quanti*",
    "one very common word": "model",
}


def profiles(papers: Sequence[Paper], kind: str) -> dict[str, str]:
    """Return what is asked: of generated papers, whose words are invented, the same in theirs."""
    if kind == "real":
        return PROFILES
    words = [phrase for phrase in phrases(papers[:SEEN]) if phrase.isalpha() and len(phrase) > 4]
    one, two, three, four, five, six = words[:6]
    return {
        "one rare phrase": words[-1],
        "eight rules": f"{one}\n{two} ^2\n{one} + {three}\n{four}\n{five[:4]}* + {one}\n"
        f"author: {papers[0].authors[0]}\n{two} ~5 {three}\n-{six}",
        "booleans": f"({one} | {two}) + ({three} | {four} | {five}) + -{six}\ntitle: {one}",
        "a prefix": f"{one[:4]}*",
        "one very common word": "method",
    }


def name_of(number: int) -> Alias:
    """Return what the paper at this place, from 0, is stored as."""
    return Alias("arxiv", f"26{10 + number // 100_000:02d}.{number % 100_000:05d}")


def fill(app: App, papers: Sequence[Paper]) -> None:
    """Take papers in, spread over `DAYS` days before `DAY`."""
    each = -(-len(papers) // DAYS)
    for day in range(DAYS):
        entries = [
            Entry(
                aliases=(name_of(n),),
                title=paper.title, abstract=paper.abstract,
                authors=paper.authors, categories=paper.categories,
            )
            for n, paper in enumerate(papers[day * each : (day + 1) * each], day * each)
        ]  # fmt: skip
        with app.database.writing() as conn:
            now = DAY - timedelta(days=DAYS - 1 - day)
            store_papers.take_in(conn, entries, source="arxiv", now=now)
            stems = (stems_in(entry.title) | stems_in(entry.abstract) for entry in entries)
            store_words.count(conn, ((now, own) for own in stems))


def opened(folder: str) -> App:
    """Return an instance as a process that has just started has it."""
    settings = Settings(database={"url": f"sqlite:///{folder}/papers.db"})
    return App(settings, clock=lambda: DAY + timedelta(hours=1))


def ask(app: App, text: str) -> int:
    """Return how many papers match."""
    return app.library.try_rules(text, since=DAY - timedelta(days=DAYS), limit=20).tested.papers


def ask_afresh(app: App, text: str) -> float:
    """Return the seconds of one question."""
    return took(lambda: ask(app, text))[0]


def in_a_process_of_its_own(
    folder: str, text: str, work: Callable[[App, str], float] = ask_afresh
) -> float:
    """Return the seconds of one question in a process that has asked nothing before."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(_opened_and_asked, folder, text, work).result()


def _opened_and_asked(folder: str, text: str, work: Callable[[App, str], float]) -> float:
    app = opened(folder)
    try:
        return work(app, text)
    finally:
        app.close()


def measure(
    papers: Sequence[Paper], asked: Mapping[str, str], folder: str, *, repeats: int
) -> dict[str, Any]:
    """Return the seconds of the first time ever, and for each profile of both kinds of process."""
    app = opened(folder)
    fill(app, papers)
    first, _ = took(lambda: ask(app, "LLM"))
    rows = []
    for name, text in asked.items():
        again = [took(lambda: ask(app, text)) for _ in range(repeats)]  # noqa: B023
        fresh = [in_a_process_of_its_own(folder, text) for _ in range(repeats)]
        rows.append({
            "profile": name, "papers": again[0][1],
            "again": statistics.median(seconds for seconds, _ in again),
            "fresh": statistics.median(fresh),
        })  # fmt: skip
    app.close()
    return {"first": first, "calibration": calibration(), "profiles": rows}


def table(figures: dict[str, Any], papers: int, kind: str) -> str:
    """Return the figures as text."""
    lines = [
        f"{papers:,} {kind} papers; target {TARGET_SECONDS:.1f} s",
        f"  read for the first time {figures['first']:.1f} s; calibration "
        f"{figures['calibration']:.3f} s",
        f"  {'':24}{'match':>9}{'again, ms':>11}{'fresh, ms':>11}",
    ]
    for row in figures["profiles"]:
        times = f"{row['again'] * 1e3:>11.1f}{row['fresh'] * 1e3:>11.1f}"
        lines.append(f"  {row['profile']:24}{row['papers']:>9,}{times}")
    return "\n".join(lines)


def run(
    doc: str | None,
    measured: Callable[[Sequence[Paper], str, str, int], dict[str, Any]],
    table: Callable[[dict[str, Any], int, str], str],
    *,
    papers: int,
    repeats: int,
    target: float,
) -> None:
    """Measure over stored papers, print the table, and write the JSON if asked to.

    Args:
        doc: Its first line tells what is measured.
        measured: Of papers, their kind, a folder for the database, and how often: the figures.
        table: The figures, of so many papers of a kind, as text.
        papers: So many unless asked otherwise; likewise `repeats`.
        target: Seconds.
    """
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--papers", type=int, default=papers)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="absent: generated papers")
    parser.add_argument(
        "--repeats", type=int, default=repeats, help=f"of which the median counts ({repeats})"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    one_core()
    stored = workload.papers(asked.papers, asked.seed, asked.corpus)
    kind = kind_of(asked.corpus)
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(stored, kind, folder, asked.repeats)
    sys.stdout.write(f"{table(figures, len(stored), kind)}\n")
    if asked.json:
        told = {"papers": len(stored), "kind": kind, "figures": figures, "target": target}
        asked.json.write_text(json.dumps(told | {"machine": machine("numpy")}, indent=1))


def main() -> None:
    """Measure back-tests."""

    def measured(papers: Sequence[Paper], kind: str, folder: str, repeats: int) -> dict[str, Any]:
        return measure(papers, profiles(papers, kind), folder, repeats=repeats)

    run(__doc__, measured, table, papers=30_000, repeats=5, target=TARGET_SECONDS)


if __name__ == "__main__":
    main()
