"""How long a heavy day takes from bytes to committed rows, beside feedparser alone.

    python benchmarks/ingest.py [--papers 2000] [--json FILE] [--seed N] [--repeats N]

The papers are real days of arXiv where they are at hand (`../shared/data`), else generated ones of
like size. All times are medians, of one process on one core; `calibration` is a fixed loop, so that
runs on different or noisy machines can be compared. Peak memory is that of a process of its own
which takes the feed in once.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from xml.sax.saxutils import escape

import feedparser
import measuring
from corpus import CORPUS, Raw, generated_papers, real_papers

from notifier.jobs.take import Ingested, take_body
from notifier.sources.arxiv import ArxivSource
from notifier.storage import schema
from notifier.storage.database import Database

SOURCE = ArxivSource("benchmark", urls=("http://localhost/",))
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
BATCH = 50
TARGET_SECONDS = {"new": 6.0, "unchanged": 2.0, "batch": 0.5}
TARGET_MEGABYTES = 200.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians in seconds, and the peak of memory of one ingest."""

    calibration: float
    feedparser: float
    new: float
    unchanged: float
    batch: float
    peak_megabytes: float


# The feed.


def atom(papers: Sequence[Raw]) -> bytes:
    """Return an announcement feed as arXiv writes it."""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="http://www.w3.org/2005/Atom">'
        "<id>http://rss.arxiv.org/atom/cs</id><title>cs updates on arXiv.org</title>"
        f"<updated>{NOW:%Y-%m-%d}T05:00:10+00:00</updated>"
    )
    return (head + "".join(map(_entry, papers)) + "</feed>").encode()


def _entry(paper: Raw) -> str:
    number = paper["id"]
    terms = "".join(f'<category term="{escape(term)}"/>' for term in paper["categories"])
    return (
        f"<entry><id>oai:arXiv.org:{number}v1</id><title>{escape(paper['title'])}</title>"
        f"<updated>{NOW:%Y-%m-%d}T05:00:09+00:00</updated>"
        f'<link href="https://arxiv.org/abs/{number}" rel="alternate" type="text/html"/>'
        f"<summary>arXiv:{number}v1 Announce Type: new \nAbstract: {escape(paper['summary'])}"
        f"</summary>{terms}<published>{NOW:%Y-%m-%d}T00:00:00-05:00</published>"
        "<arxiv:announce_type>new</arxiv:announce_type>"
        f"<dc:creator>{escape(', '.join(paper['authors']))}</dc:creator></entry>"
    )


# The measurements.


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def calibrate() -> int:
    """A fixed piece of plain Python."""
    return sum(number * number % 7 for number in range(1_000_000))


def opened(folder: str, name: str) -> Database:
    """Return an empty database in a file that does not exist yet."""
    database = Database(f"sqlite:///{folder}/{name}.db")
    schema.upgrade(database)
    return database


def take(database: Database, body: bytes, hours: int = 0) -> Ingested:
    """Take a feed in, some hours after the first time."""
    return take_body(database, SOURCE, body, now=NOW + timedelta(hours=hours))


def ingest_times(folder: str, turn: int, day: bytes, batch: bytes) -> tuple[float, float, float]:
    """Return the seconds for a day of new papers, for the same again, and for a batch on top."""
    database = opened(folder, str(turn))
    try:
        return (
            seconds(lambda: take(database, day)),
            seconds(lambda: take(database, day, 1)),
            seconds(lambda: take(database, batch, 2)),
        )
    finally:
        database.close()


def peak_megabytes(body: bytes) -> float:
    """Take a feed in once and return this process's peak; to be called in one of its own."""
    with tempfile.TemporaryDirectory() as folder:
        database = opened(folder, "peak")
        take(database, body)
        database.close()
    return measuring.peak_megabytes()


def in_a_process_of_its_own(body: bytes) -> float:
    """Return the peak of memory, in megabytes, of a fresh process that takes `body` in."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(peak_megabytes, body).result()


def measure(papers: Sequence[Raw], *, repeats: int) -> Figures:
    """Return the figures of a day made of all papers but the last `BATCH`, which come on top."""
    day, batch = atom(papers[:-BATCH]), atom(papers[-BATCH:])
    peak = in_a_process_of_its_own(day)
    measuring.one_core()
    parse = lambda: feedparser.parse(io.BytesIO(day))  # noqa: E731  no function: one expression
    with tempfile.TemporaryDirectory() as folder:
        times = [
            (seconds(calibrate), seconds(parse), *ingest_times(folder, turn, day, batch))
            for turn in range(repeats)
        ]
    return Figures(*map(statistics.median, zip(*times, strict=True)), peak_megabytes=peak)


# What is said of it.


def table(figures: Figures, papers: int) -> str:
    """Return the figures as text, each beside its target."""
    rows = [f"{papers:,} papers", f"{'':28}{'seconds':>9}{'x feedparser':>14}{'target':>9}"]
    for name, what in (
        ("calibration", "calibration loop"),
        ("feedparser", "feedparser alone"),
        ("new", "new papers, to committed rows"),
        ("unchanged", "the same again"),
        ("batch", f"{BATCH} more on top"),
    ):
        took, target = getattr(figures, name), TARGET_SECONDS.get(name)
        aim = f"{target:>8.1f}s" if target else ""
        rows.append(f"{what:29}{took:>8.3f}{took / figures.feedparser:>14.2f}{aim}")
    peak = f"{'peak of memory':29}{figures.peak_megabytes:>5.0f} MB"
    return "\n".join([*rows, f"{peak}{'':14}{TARGET_MEGABYTES:>6.0f} MB"])


def main() -> None:
    """Measure, print a table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--papers", type=int, default=2000, help="of the heavy day (2000)")
    parser.add_argument("--repeats", type=int, default=3, help="of which the median counts (3)")
    parser.add_argument("--seed", type=int, default=1, help="for generated papers (1)")
    parser.add_argument("--generated", action="store_true", help="even where real ones are at hand")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    is_real = CORPUS.is_dir() and not asked.generated
    found = real_papers(CORPUS) if is_real else generated_papers(asked.seed)
    papers = list(islice(found, asked.papers + BATCH))
    figures, count = measure(papers, repeats=asked.repeats), len(papers) - BATCH
    sys.stdout.write(table(figures, count) + "\n")
    if asked.json:
        told = {"papers": count, "real": is_real, "figures": asdict(figures)}
        targets = TARGET_SECONDS | {"peak_megabytes": TARGET_MEGABYTES}
        machine = measuring.machine("feedparser", "sqlalchemy")
        asked.json.write_text(json.dumps(told | {"targets": targets, "machine": machine}, indent=1))


if __name__ == "__main__":
    main()
