"""How long a process needs until it holds all profiles: from the database, from a file, one change.

    python benchmarks/profiles_cache.py [--profiles 100000] [--changes 20] [--papers 2000]
        [--seed 1] [--corpus DIR] [--json FILE]

On a SQLite database in a temporary folder, each step in a process of its own. *cold*: all profiles
read from their rows. *warm*: from the file that the first left behind. *changed*: from the commit
of one changed profile until the index knows it, the median. *cpu*: the processor's seconds, *loops*
the same by a fixed loop of the same run. Beside it what one could take instead: every profile
parsed anew, one after the other, and the same arrays pickled. Targets at 1,000,000: cold 25 s, warm
2 s, changed 20 ms, 2.5 GB.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import pickle
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from corpus import CORPUS
from matching import read_profiles, write_profiles
from measuring import Stopwatch, calibration, machine, megabytes, peak_megabytes, took
from sqlalchemy import text
from tick import MADE, NOW

from notifier.app import App
from notifier.config import Settings
from notifier.jobs.index import Index, Kept
from notifier.jobs.left_out import LeftOut
from notifier.profiles.matching.compiled import Compiled
from notifier.storage import store_profiles
from notifier.storage.database import Database

TARGETS = {"cold": 25.0, "warm": 2.0, "changed_ms": 20.0, "peak_megabytes": 2_500.0}
PARSED_ANEW = 5_000  # profiles of which one by one is scaled
_SUBSCRIBERS = (
    "INSERT INTO subscriber (id, address, state, zone, hour, minute, days, cadence, max_papers, "
    "seen, consent, created_at, confirmed_at) VALUES (?, ?, 'active', 'Europe/Berlin', 7, 0, "
    "'[0, 1, 2, 3, 4]', 'daily', 12, 0, 'asked', ?, ?)"
)
_PROFILES = (
    "INSERT INTO profile (id, subscriber_id, name, rules, enabled, created_at, updated_at, "
    "change, matched) VALUES (?, ?, 'p', ?, 1, ?, ?, ?, 1)"
)


def fill(folder: Path, count: int) -> None:
    """Write down so many subscribers, each with a profile of those in `folder`."""
    settings = Settings(database={"url": _url(folder)})
    App(settings, clock=lambda: NOW).close()
    made = f"{MADE:%Y-%m-%d %H:%M:%S}.000000"
    database = Database(_url(folder))
    with database.writing() as conn:
        cursor = conn.connection.cursor()
        numbers = range(1, count + 1)
        cursor.executemany(_SUBSCRIBERS, ((n, f"r{n}@example.org", made, made) for n in numbers))
        texts = islice(read_profiles(folder / "profiles"), count)
        rows = zip(numbers, texts, strict=True)
        cursor.executemany(_PROFILES, ((n, n, rules, made, made, n) for n, rules in rows))
        values = {"count": count}
        conn.execute(text("INSERT INTO counter VALUES ('profile change', :count)"), values)
    database.close()


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/notifier.db"


def _index(folder: Path) -> Index:
    return Index(LeftOut(), Kept(folder / "kept", "benchmark"))


def _follow(database: Database, index: Index) -> None:
    with database.reading() as conn:
        index.follow(conn)


def cold(folder: Path) -> dict[str, float]:
    """From all rows; then write the file."""
    database, index, loop = Database(_url(folder)), _index(folder), calibration()
    watch = Stopwatch()
    with watch.running():
        _follow(database, index)
    written, _ = took(lambda: index.keep(database))
    size = sum(path.stat().st_size for path in (folder / "kept").glob("*"))
    return {
        "cold": watch.wall, "cold_cpu": watch.cpu, "written": written,
        "cold_loops": watch.cpu / min(loop, calibration()),
        "file_megabytes": size / 2**20, "peak_megabytes": peak_megabytes(),
    }  # fmt: skip


def warm(folder: Path, changes: int) -> dict[str, float]:
    """From the file, if there is one; then change profiles."""
    database, index, loop = Database(_url(folder)), _index(folder), calibration()
    before, watch = megabytes(), Stopwatch()
    with watch.running():
        _follow(database, index)
    told = {
        "warm": watch.wall, "warm_cpu": watch.cpu,
        "warm_loops": watch.cpu / min(loop, calibration()),
        "warm_megabytes": megabytes() - before,
    }  # fmt: skip
    followed = []
    for number in range(changes):
        with database.writing() as conn:
            rules = f"LLM agents\nword{number}\na{number} + (b{number} | c)"
            store_profiles.set_rules(conn, number + 1, "p", rules, now=NOW)
        followed.append(took(lambda: _follow(database, index))[0])
    return told | {
        "changed_ms": statistics.median(followed) * 1e3, "changed_most_ms": max(followed) * 1e3
    }  # fmt: skip


def one_by_one(folder: Path, count: int) -> dict[str, float]:
    """What it takes to parse profiles one by one, scaled; few, so less than all of them would."""
    texts = list(islice(read_profiles(folder / "profiles"), min(count, PARSED_ANEW)))

    def put() -> None:
        compiled = Compiled()
        for row, rules in enumerate(texts):
            compiled.put(row, rules)
            compiled.forget_lines()

    watch = Stopwatch()
    with watch.running():
        put()
    return {"one_by_one_cpu": watch.cpu / len(texts) * count}


def pickled(folder: Path) -> dict[str, float]:
    """What it takes to load the same arrays and the rows' places from a pickle."""
    database, index = Database(_url(folder)), _index(folder)
    _follow(database, index)
    held, rows = index.compiled.held(), index.compiled.rows()
    whole = pickle.dumps((held, dict.fromkeys(rows, 0)))
    return {"pickle": took(lambda: pickle.loads(whole))[0], "pickle_megabytes": len(whole) / 2**20}  # noqa: S301


def measure(count: int, changes: int, papers: int, seed: int, corpus: Path) -> dict[str, float]:
    """Return all figures."""
    fresh = multiprocessing.get_context("spawn")

    def apart(work: Callable[..., Any], *arguments: Any) -> Any:
        with ProcessPoolExecutor(1, mp_context=fresh) as pool:
            return pool.submit(work, *arguments).result()

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        apart(write_profiles, folder / "profiles", count, papers, seed, corpus)
        apart(fill, folder, count)
        told = apart(cold, folder)
        told |= apart(one_by_one, folder, count)
        if (folder / "kept").exists():
            told |= apart(pickled, folder)
        return {"profiles": count, **told, **apart(warm, folder, changes)}


def told(figures: dict[str, float]) -> Iterator[str]:
    """Yield the figures as text."""
    yield f"{figures['profiles']:,.0f} profiles"
    for name, value in figures.items():
        if name != "profiles":
            target = f"   (target at 1,000,000: {TARGETS[name]:,.0f})" if name in TARGETS else ""
            yield f"  {name.replace('_', ' '):22}{value:12,.2f}{target}"


def main() -> None:
    """Measure, print, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--profiles", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--papers", type=int, default=2_000, help="that keywords are drawn from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="absent: generated papers")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    figures = measure(asked.profiles, asked.changes, asked.papers, asked.seed, asked.corpus)
    sys.stdout.writelines(f"{line}\n" for line in told(figures))
    if asked.json:
        where = machine("numpy", "pystemmer")
        report = {"figures": figures, "targets": TARGETS, "machine": where}
        asked.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
