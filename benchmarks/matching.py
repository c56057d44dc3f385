"""A day's papers against very many profiles, on one core, and what else one could take for it.

    python benchmarks/matching.py --profiles N --papers M --seed S --json FILE
        [--keep 15] [--corpus DIR] [--rivals] [--seconds 60] [--table] [--no-numba] [--repeats 3]

From the texts of the papers to arrays of the best papers of each profile, with totals and marks of
the rules that hit. The total is the least of several runs, each as if its words were never seen;
its stages are those of that run. `calibration` is a fixed loop in the same run. Profiles come from
a process of their own, so memory is the matcher's. Rivals get `--seconds` each and are scaled.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import workload
from corpus import CORPUS, kind_of
from measuring import calibration, machine, one_core, peak_megabytes
from ours import Found, Ours, document_frequencies, match_sets

from notifier.papers.paper import Paper
from notifier.profiles.parser import parse
from notifier.ranking import kernel

CHANGES = 200
COUNTED = 1_000  # profiles whose matches are all counted
CHECKED = 100  # of them: compared with the plain reference
BATCH = 50
TABLE_PROFILES = (10_000, 100_000, 1_000_000)
TABLE_PAPERS = (50, 500, 2_000, 8_000)
TABLE_REPEATS = 2
TARGETS = {"total at 1,000,000": 5.0, "total at 100,000": 1.2, "batch": 0.6, "changed": 0.02,
           "peak_megabytes": 2_000.0}  # fmt: skip
TARGET_RATIOS = {"SQLite FTS5": 500.0, "tantivy, search alone": 50.0, "sparse_dot_topn": 1.5}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured."""

    profiles: int
    papers: int
    seed: int
    keep: int
    corpus: Path
    rivals: bool
    seconds: float
    table: bool
    numba: bool
    repeats: int


# The profiles.


def write_profiles(file: Path, count: int, papers: int, seed: int, corpus: Path | None) -> None:
    """Write the texts of profiles, one a line as JSON; to be called in a process of its own."""
    texts = workload.profiles(count, workload.papers(papers, seed, corpus), seed)
    with file.open("w", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(text)}\n" for text in texts)


def read_profiles(file: Path) -> Iterator[str]:
    """Yield what was written."""
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


# The measurements.


def measure(asked: Asked) -> dict[str, Any]:
    """Return all figures that are asked for."""
    if not asked.numba:
        kernel.compiled = lambda: None  # type: ignore[assignment]
    one_core()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "profiles"
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as pool:
            arguments = asked.papers, asked.seed, asked.corpus
            pool.submit(write_profiles, file, asked.profiles + CHANGES, *arguments).result()
        return _measure(asked, file)


def _measure(asked: Asked, file: Path) -> dict[str, Any]:
    papers = workload.papers(asked.papers, asked.seed, asked.corpus)
    many = workload.papers(max(TABLE_PAPERS), asked.seed, asked.corpus) if asked.table else []
    statistics = document_frequencies(papers)
    profiles = read_profiles(file)
    ours = Ours(profiles, statistics, asked.keep)
    chance = random.Random(asked.seed)  # noqa: S311  no secret is made of it
    rows = chance.sample(range(asked.profiles), min(COUNTED, asked.profiles))
    texts: dict[int, str] = {}
    cells: list[dict[str, Any]] = []
    for size in _sizes(asked):
        texts |= ours.grow(size, frozenset(rows))
        if size != asked.profiles:
            cells += _row(ours, many)
    told, found = _figures(asked, ours, papers)
    if asked.table:
        cells += _row(ours, many)
    sample = [texts[row] for row in rows]
    sets = match_sets(sample, statistics, papers)
    told["matches"] = round(sum(map(len, sets)) / len(sets) * asked.profiles)
    told |= _checked(rows, sample, sets, found, papers, asked.keep)
    beside: list[dict[str, Any]] = []
    if asked.rivals:
        beside.append(_sparse(ours, found, papers, asked))
    told |= _changed(ours, papers, dict(zip(rows, islice(profiles, CHANGES), strict=False)), asked)
    if asked.rivals:
        beside += _rivals(file, papers, asked, told["total"])
    return {"figures": told, "table": cells, "rivals": beside}


def _sizes(asked: Asked) -> list[int]:
    before = [size for size in TABLE_PROFILES if size < asked.profiles] if asked.table else []
    return [*before, asked.profiles]


def _figures(asked: Asked, ours: Ours, papers: Sequence[Paper]) -> tuple[dict[str, float], Found]:
    """Measure the day itself; the first run also loads, or makes, the compiled loop."""
    loop = calibration()
    first, found = ours.run(papers)
    peak = peak_megabytes()  # before there are the results of several runs
    least = ours.least(papers, asked.repeats)
    loop = min(loop, calibration())
    count = len(ours.compiled)
    return {
        **asdict(least),
        "total": least.total,
        "first_run": first.total,
        "calibration": loop,
        "loops": least.total / loop,
        "clauses": len(ours.compiled.clauses),
        "compile": ours.put_seconds,
        "compile_microseconds": ours.put_seconds / count * 1e6,
        "bytes_per_profile": ours.held_megabytes * 2**20 / count,
        "peak_megabytes": peak,
    }, found


def _changed(
    ours: Ours, papers: Sequence[Paper], changes: Mapping[int, str], asked: Asked
) -> dict[str, float]:
    """Change profiles, and match a batch after a change."""
    alone, ready = ours.change(changes)
    batch = ours.least_after_a_change(papers[:BATCH], changes, asked.repeats)
    return {"changed": alone, "changed_and_ready": ready, "batch": batch.total}


def _row(ours: Ours, papers: Sequence[Paper]) -> list[dict[str, Any]]:
    cells = []
    for count in TABLE_PAPERS:
        run = ours.least(papers[:count], TABLE_REPEATS)
        size = {"profiles": len(ours.compiled), "papers": count, "total": run.total}
        cells.append(size | asdict(run))
        sys.stderr.write(f"{len(ours.compiled):,} x {count:,}: {run.total:.3f} s\n")
    return cells


def _checked(
    rows: Sequence[int], texts: Sequence[str], sets: Sequence[frozenset[int]], found: Found,
    papers: Sequence[Paper], keep: int,
) -> dict[str, int]:  # fmt: skip
    """Compare with the plain reference: all matches of a profile alone, its best among all."""
    from rivals import reference

    few = list(zip(rows, texts, sets, strict=True))[:CHECKED]
    expected = reference((parse(text) for _, text, _ in few), papers)
    kept = found.by_row([row for row, _, _ in few])
    equal = sum(
        own == wanted and set(kept[row]) <= wanted and len(kept[row]) == min(keep, len(wanted))
        for (row, _, own), wanted in zip(few, expected, strict=True)
    )
    return {"checked": len(few), "equal": equal}


# What else one could take.


def _rivals(
    file: Path, papers: Sequence[Paper], asked: Asked, total: float
) -> list[dict[str, Any]]:
    from rivals import prepared, rivals

    told = []
    for rival in rivals():
        if reason := prepared(rival, papers):
            told.append({"name": rival.name, "skipped": reason})
            continue
        try:
            profiles = map(parse, islice(read_profiles(file), asked.profiles))
            done = rival.match(profiles, asked.keep, asked.seconds)
        finally:
            rival.close()
        scaled = done.microseconds * asked.profiles / 1e6
        told.append({
            "name": rival.name, "profiles": done.profiles_done, "seconds": done.seconds,
            "microseconds": done.microseconds, "scaled": scaled, "ratio": scaled / total,
        })  # fmt: skip
    return told


def _sparse(ours: Ours, found: Found, papers: Sequence[Paper], asked: Asked) -> dict[str, Any]:
    from rival_sparse import joined

    name = "sparse_dot_topn"
    try:
        done = joined(ours.compiled, found.runs, len(papers), asked.keep, asked.repeats)
    except ImportError as error:
        return {"name": name, "skipped": f"{name}: skipped, {error}"}
    ratio = done.sparse / done.ours
    each = done.sparse / asked.profiles * 1e6
    return {"name": name, "profiles": asked.profiles, "seconds": done.sparse, "ours": done.ours,
            "microseconds": each, "scaled": done.sparse, "ratio": ratio,
            "equal": done.equal}  # fmt: skip


# What is said of it.


def told(asked: Asked, measured: Mapping[str, Any]) -> Iterator[str]:
    """Yield the figures as text."""
    own = measured["figures"]
    kind = kind_of(asked.corpus)
    yield f"{asked.profiles:,} profiles x {asked.papers:,} {kind} papers, best {asked.keep}"
    for what in ("tokenise", "decide", "best", "total", "first_run", "batch"):
        yield f"  {_NAMES[what]:44}{own[what]:10.3f} s"
    yield f"  {'one profile changed':44}{own['changed'] * 1e3:10.3f} ms"
    yield f"  {'... and ready to be asked':44}{own['changed_and_ready'] * 1e3:10.3f} ms"
    loops, each = f"{own['loops']:.1f}", f"{own['compile_microseconds']:.0f}"
    yield f"  {'calibration loop':44}{own['calibration']:10.3f} s, total is {loops} loops"
    yield f"  {'profiles compiled':44}{own['compile']:10.1f} s, {each} us"
    yield f"  {'a compiled profile':44}{own['bytes_per_profile']:10.0f} bytes"
    yield f"  {'peak of memory':44}{own['peak_megabytes']:10.0f} MB"
    for what in ("clauses", "postings", "touched", "matches", "results"):
        yield f"  {_NAMES[what]:44}{own[what]:14,}"
    yield f"  {'equal to the plain reference':44}{own['equal']:10} of {own['checked']}"
    if measured["table"]:
        yield from _table(measured["table"])
    if measured["rivals"]:
        yield f"{'':26}{'profiles':>10}{'us each':>10}{'all, s':>10}{'x ours':>9}{'target':>8}"
        yield from map(_rival, measured["rivals"])


_NAMES = {
    "tokenise": "tokenising the papers", "decide": "words and clauses",
    "best": "join, best, totals and marks", "total": "in all, least",
    "first_run": "in all, the first time in this process",
    "batch": f"a batch of {BATCH} papers after a change",
    "clauses": "distinct clauses and their parts",
    "postings": "(clause, paper) found", "touched": "of these looked at by all profiles",
    "matches": "(profile, paper) that match, about", "results": "results",
}  # fmt: skip


def _table(cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    counts = sorted({cell["papers"] for cell in cells})
    yield f"{'seconds':>12}" + "".join(f"{count:>9,} papers" for count in counts)
    for size in sorted({cell["profiles"] for cell in cells}):
        row = [cell for cell in cells if cell["profiles"] == size]
        yield f"{size:12,}" + "".join(f"{cell['total']:16.3f}" for cell in row)


def _rival(told: Mapping[str, Any]) -> str:
    if reason := told.get("skipped"):
        return str(reason)
    target = TARGET_RATIOS.get(told["name"])
    only = f"  join alone; ours {told['ours']:.2f} s" if "ours" in told else ""
    return (
        f"{told['name']:26}{told['profiles']:>10,}{told['microseconds']:>10.1f}"
        f"{told['scaled']:>10.1f}{told['ratio']:>9.1f}{target or '':>8}{only}"
    )


def main() -> None:
    """Measure, print tables, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--profiles", type=int, default=100_000)
    parser.add_argument("--papers", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=int, default=15, help="papers of each profile (15)")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="absent: generated papers")
    parser.add_argument("--rivals", action="store_true", help="also what else one could take")
    parser.add_argument("--seconds", type=float, default=60, help="for each rival (60)")
    parser.add_argument("--table", action="store_true", help="also other sizes, up to --profiles")
    parser.add_argument("--no-numba", dest="numba", action="store_false", help="NumPy alone")
    parser.add_argument("--repeats", type=int, default=3, help="of which the least counts (3)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = vars(parser.parse_args())
    file = given.pop("json")
    asked = Asked(**given)
    measured = measure(asked)
    sys.stdout.writelines(f"{line}\n" for line in told(asked, measured))
    if file:
        values = asdict(asked) | {"corpus": str(asked.corpus), "kind": kind_of(asked.corpus)}
        where = machine("numpy", "numba", "pystemmer", "tantivy", "psycopg", "sparse-dot-topn")
        rest = {"targets": TARGETS, "target_ratios": TARGET_RATIOS, "machine": where}
        file.write_text(json.dumps({"asked": values} | measured | rest, indent=1))


if __name__ == "__main__":
    main()
