"""`paper search`: rules asked of 100,000 stored papers, beside SQLite's full-text index.

    python benchmarks/search.py [--papers 100000] [--seed 1] [--corpus DIR] [--repeats 9]
        [--json FILE]

A throw-away SQLite database is filled as sources would, one paper in twenty with upvotes. Then the
best 20 papers are asked for: in a process that has the words; in one that has just started, in all
(with Python, imports and printing) and inside (without); and of FTS5, which holds the same papers
and is asked what comes nearest, for its own best 20. It is given its own stems, and need not count.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from backtest import DAYS, fill, in_a_process_of_its_own, name_of, opened, run
from keywords import phrases
from measuring import calibration, peak_megabytes, took
from workload import DAY

from notifier.app import App
from notifier.papers.paper import Entry, Paper
from notifier.storage import store_papers

SEEN = 2_000  # papers whose phrases are looked through
LIMIT = 20
TARGET_SECONDS = 0.05
READ_AFTER_HOURS = (8, 16)
_COMMAND = "import sys; from notifier.cli import main; main(sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, in our language and in that of FTS5."""

    name: str
    rules: str
    match: str


def questions(papers: Sequence[Paper], kind: str) -> list[Asked]:
    """Return what is asked: of generated papers, whose words are invented, the same in theirs."""
    words = ("retrieval", "augmented generation", "benchmark", "reasoning", "diffusion", "model")
    author, category = "Yann LeCun", "cs.CL"
    if kind != "real":
        found = [p for p in phrases(papers[:SEEN]) if p.isalpha() and len(p) > 4]
        words = (found[-1], found[-2], found[0], found[1], found[2], "method")
        author, category = papers[0].authors[0], papers[0].categories[0]
    rare, pair, one, two, three, common = words
    archive, _, subject = category.partition(".")
    return [
        Asked("a phrase", f"{rare} {pair}" if kind == "real" else rare,
              f'"{rare} {pair}"' if kind == "real" else f'"{rare}"'),
        Asked("one very common word", common, common),
        Asked("a + b", f"{two} + {one}", f"{two} AND {one}"),
        Asked("title:", f"title: {three} {common}" if kind == "real" else f"title: {three}",
              f'title : "{three} {common}"' if kind == "real" else f"title : {three}"),
        Asked("author:", f"author: {author}", f'authors : "{author}"'),
        Asked("a prefix", f"{two[:5]}*", f"{two[:5]}*"),
        Asked("cat:", f"cat: {category}", f'categories : "{archive} {subject}"'),
        Asked("cat: of an archive", f"cat: {archive}.*", f"categories : {archive}"),
        Asked("a word in a category", f"{one} + cat: {category}",
              f'{one} AND categories : "{archive} {subject}"'),
        Asked("three rules, one never", f"{rare} ^2\n{one} + {two}\n-{three}",
              f"({rare} OR ({one} AND {two})) NOT {three}"),
    ]  # fmt: skip


def tell_upvotes(app: App, papers: Sequence[Paper]) -> None:
    """Let a source tell upvotes of the papers that have a trend, twice on the day they come."""
    each = -(-len(papers) // DAYS)
    for day in range(DAYS):
        talked = [(n, papers[n]) for n in range(day * each, min((day + 1) * each, len(papers)))]
        for times, hours in enumerate(READ_AFTER_HOURS, 1):
            entries = [
                Entry(
                    aliases=(name_of(n),), title=paper.title, abstract=paper.abstract,
                    signals={"upvotes": round(paper.trend * 50 * times)}, announce="update",
                )
                for n, paper in talked if paper.trend is not None
            ]  # fmt: skip
            now = DAY + timedelta(hours=hours) - timedelta(days=DAYS - 1 - day)
            with app.database.writing() as conn:
                store_papers.take_in(conn, entries, source="huggingface", now=now)


class FullText:
    """The same papers in SQLite's full-text index, in a file of its own."""

    def __init__(self, folder: str, papers: Sequence[Paper]) -> None:
        self._database = sqlite3.connect(f"{folder}/fts.db")
        self._database.execute(
            "create virtual table papers using fts5("
            "title, abstract, authors, categories, tokenize='porter unicode61')"
        )
        self._database.executemany(
            "insert into papers values (?, ?, ?, ?)",
            ((p.title, p.abstract, ", ".join(p.authors), " ".join(p.categories)) for p in papers),
        )
        self._database.execute("insert into papers(papers) values ('optimize')")
        self._database.commit()

    def best(self, match: str) -> int:
        """Return how many of the best were found."""
        found = self._database.execute(
            "select rowid, title, rank from papers where papers match ? order by rank limit ?",
            (match, LIMIT),
        )
        return len(found.fetchall())

    def count(self, match: str) -> int:
        """Return how many papers match."""
        asked = "select count(*) from papers where papers match ?"
        return int(self._database.execute(asked, (match,)).fetchone()[0])

    def close(self) -> None:
        self._database.close()


def search(app: App, rules: str) -> int:
    """Return how many papers match."""
    found, _ = app.library.search(rules, since=None, limit=LIMIT)
    return found.papers


def search_afresh(app: App, rules: str) -> float:
    """Return the seconds of one question."""
    return took(lambda: search(app, rules))[0]


def whole_command(folder: str, rules: str) -> float:
    """Return the seconds of `notifier paper search`, bytecode compiled."""
    config = Path(folder) / "notifier.toml"
    config.write_text(f"[database]\nurl = 'sqlite:///{folder}/papers.db'\n")
    now = (DAY + timedelta(hours=20)).isoformat()
    arguments = ["--config", str(config), "--now", now, "paper", "search", rules]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
    command = [sys.executable, "-c", _COMMAND, *arguments]

    def run() -> None:
        subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603  ours

    return took(run)[0]


def median(work: Callable[[], float], repeats: int) -> float:
    """Return the middle one of so many figures."""
    return statistics.median(work() for _ in range(repeats))


def measure(papers: Sequence[Paper], kind: str, folder: str, *, repeats: int) -> dict[str, Any]:
    """Return the seconds of each question, of both kinds of process and of FTS5."""
    app = opened(folder)
    fill(app, papers)
    tell_upvotes(app, papers)
    first, _ = took(lambda: search(app, "LLM"))
    rival = FullText(folder, papers)
    few = -(-repeats // 3)
    whole_command(folder, "LLM")  # compiles the bytecode
    rows = [_row(app, rival, folder, asked, repeats, few) for asked in questions(papers, kind)]
    rival.close()
    app.close()
    return {
        "first": first, "calibration": calibration(), "peak_megabytes": peak_megabytes(),
        "questions": rows,
    }  # fmt: skip


def _row(
    app: App, rival: FullText, folder: str, asked: Asked, repeats: int, few: int
) -> dict[str, Any]:
    papers, _ = search(app, asked.rules), rival.best(asked.match)
    again = median(lambda: search_afresh(app, asked.rules), repeats)
    full_text = median(lambda: took(lambda: rival.best(asked.match))[0], repeats)
    return {
        "question": asked.name, "papers": papers, "again": again,
        "fresh": median(
            lambda: in_a_process_of_its_own(folder, asked.rules, search_afresh), few
        ),
        "command": median(lambda: whole_command(folder, asked.rules), few),
        "fts5": full_text, "fts5_papers": rival.count(asked.match), "ratio": again / full_text,
    }  # fmt: skip


def table(figures: Mapping[str, Any], papers: int, kind: str) -> str:
    """Return the figures as text."""
    lines = [
        f"{papers:,} {kind} papers, best {LIMIT}; target {TARGET_SECONDS * 1e3:.0f} ms again",
        f"  read for the first time {figures['first']:.1f} s; calibration "
        f"{figures['calibration']:.3f} s; peak of memory {figures['peak_megabytes']:.0f} MB",
        f"  {'ms':24}{'match':>9}{'again':>8}{'fresh':>8}{'command':>9}{'FTS5':>8}{'match':>9}"
        f"{'ours / FTS5':>13}",
    ]
    for row in figures["questions"]:
        times = "".join(
            f"{row[name] * 1e3:>{width}.1f}"
            for name, width in (("again", 8), ("fresh", 8), ("command", 9), ("fts5", 8))
        )
        lines.append(
            f"  {row['question']:24}{row['papers']:>9,}{times}{row['fts5_papers']:>9,}"
            f"{row['ratio']:>13.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure searches."""

    def measured(papers: Sequence[Paper], kind: str, folder: str, repeats: int) -> dict[str, Any]:
        return measure(papers, kind, folder, repeats=repeats)

    run(__doc__, measured, table, papers=100_000, repeats=9, target=TARGET_SECONDS)


if __name__ == "__main__":
    main()
