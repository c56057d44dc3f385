"""A day of a million subscribers, for real: loading, matching, planning; memory and bytes kept.

    python benchmarks/scale.py [--subscribers 1000000] [--papers 2000] [--keep 15] [--sample 2000]
        [--database sqlite|postgres] [--keep-database DIR] [--json FILE]

Subscribers of all zones (`day_readers`), each with a profile of five to ten rules (`workload`),
are all due; 2,000 papers have come. Each step is measured by itself. Of the digests a sample is
written and sent to a server on this machine, and what they leave in the database is counted by
table. The database is made anew, or kept in DIR for the next run. Targets are for a million.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import delivery_sink
import scale_steps as steps
from corpus import CORPUS
from delivery_store import unseen_logs
from figures import Figure, table
from measuring import Stopwatch, calibration, machine, megabytes, peak_megabytes
from scale_database import Size, measured, say
from scale_sizes import by_table, grown

from notifier.app import App

MILLION = 1_000_000
DAY_SECONDS = {"sqlite": 120, "postgres": 200}
COLD_SECONDS, WARM_SECONDS, CHANGED_MS = 25, 2, 20
MEMORY_MB, GROWTH_BYTES = 2_500, 1_500
CHANGES = 5
# Rows that are gone when their digest is written, or written anew in their place (PostgreSQL has
# the room back after a while); and mails, which are let go after some months.
PASSING, MAILS = ("planned", "subscriber", "relay", "destination", "counter"), "message"


class Measured(dict[str, Any]):
    """The figures; of each step the seconds by the clock, and those of this process's cores."""

    def step(self, name: str, work: Callable[[], Any], *, many: int = 1) -> Any:
        """Do a step, of which there are so many, and return what it returns."""
        say(name)
        watch = Stopwatch()
        with watch.running():
            done = work()
        self[f"{name}_s"], self[f"{name}_cpu_s"] = watch.wall / many, watch.cpu / many
        return done


def measure(app: App, size: Size, sample: int) -> dict[str, Any]:
    """Return what each step took, and what it left."""
    found = Measured()
    _forget_peak()
    found.step("cold", lambda: steps.load(app))
    found["loaded_mb"] = megabytes()
    before = by_table(app.database)
    found["bytes_standing"] = grown({}, before, size.subscribers)
    matched = found.step("match", lambda: steps.match(app))
    found["matches"], found["matched_papers"] = matched.matches, matched.papers
    found["peak_mb"] = peak_megabytes()
    after = by_table(app.database)
    found["bytes_matched"] = grown(before, after, size.subscribers)
    found["planned"] = found.step("plan", lambda: steps.plan(app))
    found["bytes_planned"] = grown(after, by_table(app.database), size.subscribers)
    _mails(app, sample, found)
    _again(app, found)
    return found


def _mails(app: App, sample: int, found: Measured) -> None:
    """Write and send a sample."""
    before = by_table(app.database)
    written = found.step("write", lambda: steps.write(app, sample), many=sample)
    if written.failed or written.unmatched:
        raise ValueError(f"digests could not be written: {written}")
    sent = found.step("send", lambda: steps.send(app), many=sample)
    found["written"], found["empty"], found["sent"] = written.made, written.nothing, sent
    many = max(written.made + written.nothing, 1)
    found["bytes_mailed"] = grown(before, by_table(app.database), many)
    for name in ("write", "send"):
        of = {"write": many, "send": max(sent, 1)}[name]
        found[f"{name}_ms"] = 1e3 * found[f"{name}_s"] * sample / of
        found[f"{name}_cpu_ms"] = 1e3 * found[f"{name}_cpu_s"] * sample / of


def _again(app: App, found: Measured) -> None:
    """What changed profiles cost, and a process that starts again."""
    times = []
    for row in range(1, CHANGES + 1):
        steps.change(app, row)
        found.step("changed", lambda: steps.load(app))
        times.append(found["changed_s"])
    found["changed_ms"] = 1e3 * sorted(times)[CHANGES // 2]
    steps.forget(app)
    gc.collect()
    found.step("warm", lambda: steps.load(app))


def _forget_peak() -> None:
    """Filling is not measured (Linux: proc(5), clear_refs)."""
    gc.collect()
    file = Path("/proc/self/clear_refs")
    if file.exists():
        file.write_text("5")


# What is told.


def figures(found: Mapping[str, Any], size: Size, kind: str) -> Iterator[Figure]:
    """Yield the lines of the table."""

    def judged(value: float, most: float) -> tuple[str, bool | None]:
        whole = size.subscribers >= MILLION
        return f"under {most:,}", value < most if whole else None

    memory = f"{found['loaded_mb']:,.0f} MB with profiles alone"
    yield Figure("profiles loaded, cold: seconds", found["cold_s"], "",
                 *judged(found["cold_s"], COLD_SECONDS), digits=1)  # fmt: skip
    yield Figure("profiles loaded by a process that starts again", found["warm_s"], "",
                 *judged(found["warm_s"], WARM_SECONDS), digits=1)  # fmt: skip
    yield Figure("one profile changed: ms", found["changed_ms"], f"median of {CHANGES}",
                 *judged(found["changed_ms"], CHANGED_MS), digits=1)  # fmt: skip
    yield Figure("matched and kept: seconds", found["match_s"],
                 f"{found['matches']:,} matches of {found['matched_papers']:,} papers",
                 digits=1)  # fmt: skip
    day = found["match_s"] + found["plan_s"]
    yield Figure("planned: seconds", found["plan_s"], f"{found['planned']:,} digests", digits=1)
    yield Figure("matched and planned: seconds", day, "",
                 *judged(day, DAY_SECONDS[kind]), digits=1)  # fmt: skip
    yield Figure("peak of memory: MB", found["peak_mb"], memory,
                 *judged(found["peak_mb"], MEMORY_MB), digits=0)  # fmt: skip
    lasting = kept_bytes(found)
    yield Figure("kept a subscriber and day: bytes", lasting, "mails aside",
                 *judged(lasting, GROWTH_BYTES), digits=0)  # fmt: skip
    yield Figure("a mail that is kept: bytes", found["bytes_mailed"].get(MAILS, 0.0), "", digits=0)
    yield Figure("a digest written: ms of one core", found["write_cpu_ms"],
                 f"{found['write_ms']:.1f} by the clock; {found['written']:,} with papers",
                 digits=2)  # fmt: skip
    yield Figure("a mail sent and recorded: ms of one core", found["send_cpu_ms"],
                 f"{found['send_ms']:.1f} by the clock; {found['sent']:,} mails",
                 digits=2)  # fmt: skip


def kept_bytes(found: Mapping[str, Any]) -> float:
    """Return what lasts of a subscriber's day, mails aside."""
    left_out = {*PASSING, MAILS}
    kinds = (found["bytes_matched"], found["bytes_mailed"])
    return sum(size for kind in kinds for name, size in kind.items() if name not in left_out)


def told(found: Mapping[str, Any], size: Size, kind: str) -> str:
    """Return the figures as text, with bytes by table."""
    papers = f"{size.papers:,} {'real' if CORPUS.is_dir() else 'generated'} papers"
    lines = [f"{size.subscribers:,} subscribers, {papers}, {kind}", ""]
    lines.append(table(list(figures(found, size, kind)), []))
    for what in ("standing", "matched", "planned", "mailed"):
        kept = ", ".join(f"{name} {size:,.0f}" for name, size in found[f"bytes_{what}"].items())
        lines.append(f"bytes a subscriber, {what}: {kept or 'none'}")
    return "\n".join(lines)


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="scale-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscribers", type=int, default=MILLION)
    parser.add_argument("--papers", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=int, default=15, help="matching.keep")
    parser.add_argument("--sample", type=int, default=2_000, help="digests written and sent")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--keep-database", type=Path, default=None, metavar="DIR")
    parser.add_argument("--json", type=Path, default=None)
    asked = parser.parse_args()
    size = Size(asked.subscribers, asked.papers, asked.seed)
    with (
        unseen_logs(),
        _folder(asked.keep_database) as folder,
        measured(asked.database, folder, size) as url,
        delivery_sink.listening() as (port, _),
        steps.instance(url, keep=asked.keep, port=port) as app,
    ):
        found = measure(app, size, min(asked.sample, size.subscribers))
    found["calibration"] = calibration()
    sys.stdout.write(told(found, size, asked.database) + "\n")
    if asked.json:
        on = machine("sqlalchemy", "psycopg", "numpy")
        what = {"subscribers": size.subscribers, "database": asked.database, "keep": asked.keep}
        asked.json.write_text(json.dumps({"figures": found, "asked": what, "machine": on}))


if __name__ == "__main__":
    main()
