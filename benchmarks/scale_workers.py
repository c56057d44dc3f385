"""How many mails a second worker processes send beside each other on one PostgreSQL.

    python benchmarks/scale_workers.py [--digests 20000] [--workers 1,2,4] [--connections 8]
        [--milliseconds 50] [--lease 30] [--parts throughput,kill] [--json FILE]

The server is one of our own, with `fsync` and `synchronous_commit` on; digests of 30 KB are made
once, and each run has a copy of that database. Each worker is a process, `notifier run --only
worker`, with so many connections to a mail server that takes so many milliseconds over a mail and
counts Message-IDs. All are idle until everything falls due at one moment; seconds are those between
the first and the last mail. Then, with two workers, one is killed in the middle; its claims hold
for `--lease` seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import scale_digests
import slow_sink
from figures import Figure, Missing, table
from measuring import calibration, machine
from rival_postgres import Cluster
from slow_sink import Came

from notifier.storage.database import Database

TIMES, WITHIN_SECONDS = 1.7, 30.0
PATIENCE_SECONDS, _LOOK_SECONDS, _TICK_SECONDS = 900.0, 0.2, 1
# Where a worker is killed: when so much of everything was sent.
KILLED_AT = 0.3
_AFTER_LEASE = "one of two killed: seconds from its claims' end until they are sent"
_NOTIFIER = "from notifier.cli import main; main()"
_LONGER = str(Path(__file__).with_name("scale_worker.py"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured."""

    digests: int
    workers: tuple[int, ...]
    connections: int
    milliseconds: float
    lease: float
    parts: tuple[str, ...]


@contextmanager
def working(folder: Path, url: str, port: int, asked: Asked, count: int, *, lease: float = 0.0
            ) -> Iterator[list[subprocess.Popen[bytes]]]:  # fmt: skip
    """Yield so many workers, once all are idle; with a lease of their own where one is given."""
    config = folder / "notifier.toml"
    config.write_text(
        f"[database]\nurl = '{url}'\n[smtp]\nhost = '127.0.0.1'\nport = {port}\n"
        f"security = 'none'\n[mail]\nfrom = 'P <papers@example.org>'\n"
        f"connections = {asked.connections}\n[daemon]\ntick_seconds = {_TICK_SECONDS}\n"
    )
    command = [sys.executable, "-c", _NOTIFIER, "run", "--only", "worker", "--config", str(config)]
    if lease:
        command = [sys.executable, _LONGER, str(config), str(lease)]
    running = list[subprocess.Popen[bytes]]()
    try:
        for number in range(count):
            log = folder / f"{count}-{number}.log"
            with log.open("wb") as file:
                running.append(subprocess.Popen(command, stderr=file, stdout=file))  # noqa: S603
            _wait(lambda log=log: b"daemon started" in log.read_bytes())
        yield running
    finally:
        for one in running:
            one.send_signal(signal.SIGTERM)
        for one in running:
            one.wait(60)


def _wait(is_so: Callable[[], bool]) -> None:
    """Return once something is so.

    Raises:
        TimeoutError: it has not come to be.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError("the workers did not get done")
        time.sleep(_LOOK_SECONDS)


def _all_sent(database: Database) -> bool:
    return set(scale_digests.states(database)) == {"sent"}


def _counted(came: Came, asked: Asked) -> dict[str, int]:
    """Return what was lost and what came twice."""
    wanted = {scale_digests.key(row) for row in range(1, asked.digests + 1)}
    return {"lost": len(wanted - came.mails.keys()), "twice": came.total - len(came.mails)}


def _cpu_seconds(pids: Sequence[int]) -> float:
    """Return what processes have used of processors so far; 0 where that cannot be told."""
    ticks = 0
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            ticks += sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def throughput(cluster: Cluster, folder: Path, asked: Asked, count: int) -> dict[str, Any]:
    """Return how fast so many workers send everything."""
    with ExitStack() as stack:
        database = stack.enter_context(scale_digests.copied(cluster, f"run{count}"))
        sink = stack.enter_context(slow_sink.listening(asked.milliseconds / 1000))
        url = cluster.url(f"run{count}")
        running = stack.enter_context(working(folder, url, sink.port, asked, count))
        pids, loop = [one.pid for one in running], calibration()
        before = _cpu_seconds(pids)
        scale_digests.fall_due(database)
        _wait(lambda: sink.total() >= asked.digests and _all_sent(database))
        came, cpu = sink.came(), _cpu_seconds(pids) - before
    seconds = came.last - came.first
    return {
        "workers": count, "seconds": seconds, "a_second": asked.digests / seconds,
        "cpu_ms": 1e3 * cpu / asked.digests, "calibration": loop, **_counted(came, asked),
    }  # fmt: skip


def killed(cluster: Cluster, folder: Path, asked: Asked) -> dict[str, Any]:
    """Kill one of two workers in the middle; return when what it held was sent, and what twice."""
    with ExitStack() as stack:
        database = stack.enter_context(scale_digests.copied(cluster, "killed"))
        sink = stack.enter_context(slow_sink.listening(asked.milliseconds / 1000))
        url, lease = cluster.url("killed"), asked.lease
        running = stack.enter_context(working(folder, url, sink.port, asked, 2, lease=lease))
        scale_digests.fall_due(database)
        _wait(lambda: sink.total() >= KILLED_AT * asked.digests)
        running[0].kill()
        held = scale_digests.held(database, running[0].pid)
        _wait(lambda: _all_sent(database))
        ended = scale_digests.ended(database, list(held))
        came = sink.came()
    last = max(held.values(), default=ended)
    return {
        "held": len(held), "after_lease": (ended - last).total_seconds(), **_counted(came, asked),
    }  # fmt: skip


def measure(asked: Asked) -> dict[str, Any]:
    """Return what was found by part."""
    found: dict[str, Any] = {}
    cluster = Cluster(scale_digests.SERVER)
    try:
        scale_digests.make(cluster, asked.digests)
        with tempfile.TemporaryDirectory() as folder:
            if "throughput" in asked.parts:
                found["throughput"] = [
                    throughput(cluster, Path(folder), asked, count) for count in asked.workers
                ]
            if "kill" in asked.parts:
                found["kill"] = killed(cluster, Path(folder), asked)
    finally:
        cluster.remove()
    return found


def figures(found: dict[str, Any], asked: Asked) -> Iterator[Figure]:
    """Yield the lines of the table."""
    rows = found.get("throughput", [])
    alone = next((row["a_second"] for row in rows if row["workers"] == 1), 0.0)
    for row in rows:
        count, times = row["workers"], row["a_second"] / alone if alone else 0.0
        target = f"at least {TIMES} times" if count == 2 and alone else ""
        yield Figure(
            f"workers {count}: mails a second", row["a_second"],
            f"{times:.2f} times one; {row['cpu_ms']:.1f} ms of processors a mail; "
            f"{row['lost']} lost, {row['twice']} twice",
            target, times >= TIMES if target else None, digits=0,
        )  # fmt: skip
    if kill := found.get("kill"):
        if kill["held"]:
            yield Figure(
                _AFTER_LEASE, kill["after_lease"], f"it held {kill['held']}",
                f"at most {WITHIN_SECONDS:.0f}", kill["after_lease"] <= WITHIN_SECONDS, digits=1,
            )  # fmt: skip
        yield Figure("one of two killed: lost", kill["lost"], "", "0", not kill["lost"], digits=0)
        yield Figure(
            "one of two killed: came twice", kill["twice"], "one a connection at most",
            f"at most {asked.connections}", kill["twice"] <= asked.connections, digits=0,
        )  # fmt: skip


def missing(found: dict[str, Any]) -> Iterator[Missing]:
    """Yield what nothing was shown of."""
    if "kill" in found and not found["kill"]["held"]:
        yield Missing(_AFTER_LEASE, "it held no claim when it was killed, so nothing was shown")


def asked_for(arguments: Sequence[str]) -> tuple[Asked, Path | None]:
    """Return what is measured, and where the figures are written."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--digests", type=int, default=20_000, help="(20000)")
    parser.add_argument("--workers", default="1,2,4", help="how many at once (1,2,4)")
    parser.add_argument("--connections", type=int, default=8, help="of each worker (8)")
    parser.add_argument("--milliseconds", type=float, default=50.0, help="of a mail (50)")
    parser.add_argument("--lease", type=float, default=30.0, help="seconds of a claim (30)")
    parser.add_argument("--parts", default="throughput,kill")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    said = vars(parser.parse_args(arguments))
    file, said["parts"] = said.pop("json"), tuple(said["parts"].split(","))
    said["workers"] = tuple(map(int, said["workers"].split(",")))
    return Asked(**said), file


def main() -> None:
    """Measure, print the table, and write the JSON if asked to."""
    asked, file = asked_for(sys.argv[1:])
    found = measure(asked)
    lines, lacking = list(figures(found, asked)), list(missing(found))
    head = (
        f"{asked.digests:,} digests; {asked.connections} connections a worker; the mail server "
        f"takes {asked.milliseconds:.0f} ms over a mail"
    )
    sys.stdout.write(f"{head}\n{table(lines, lacking)}\n")
    if file:
        written = {"asked": asdict(asked), "found": found, "machine": machine("psycopg")}
        file.write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
