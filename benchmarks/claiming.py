"""How many mails a second a worker can take for sending, and what limits and stuck ones cost.

    python benchmarks/claiming.py [--waiting 10000] [--stuck 100000] [--claims 2000] [--json FILE]

On a SQLite database in a temporary folder (`--dir`, to choose the disk), each claim and each record
in a transaction of its own, as a worker does it, with `synchronous=FULL`. Mails wait for a mixture
of providers and 500 other domains. Measured are claims without limits, with limits of the mail
server and of a provider, and with `--stuck` mails of a paused provider in front of 1,000 others;
and recording. `commit` is an empty transaction: the disk's share of each.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import measuring
from sqlalchemy import insert

from notifier.delivery.limits import Limit
from notifier.delivery.standing import Standing
from notifier.jobs.delivering import memory
from notifier.jobs.delivering.claiming import Claims
from notifier.jobs.delivering.values import SERVER, DeliverSettings, Pace
from notifier.storage import schema, store_deliveries
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.store_attempts import Outcome

NOW = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
PROVIDERS = ("gmail.com", "gmail.com", "outlook.com", "yahoo.com", "gmx.de", "icloud.com")
MANY = 10_000_000
LIMITS = {SERVER: (Limit(1, MANY), Limit(3600, MANY)), "google": (Limit(60, MANY),)}
BLOCK = 5000


def mixed(count: int) -> list[str]:
    """Return addresses, half of them at providers."""
    return [
        f"r{n}@{PROVIDERS[n % len(PROVIDERS)]}" if n % 2 else f"r{n}@uni{n % 1000}.example"
        for n in range(count)
    ]


def post(database: Database, addresses: Iterable[str]) -> None:
    """Let a mail of 10 kB to each address wait, the first the longest."""
    content = zlib.compress(bytes(range(256)) * 40, 0)
    numbered = iter(enumerate(addresses, 1))
    while block := list(islice(numbered, BLOCK)):
        with database.writing() as conn:
            conn.execute(insert(t.subscriber), [
                {"id": n, "address": address, "state": "active", "zone": "UTC", "hour": 7,
                 "minute": 0, "days": [0], "cadence": "daily", "max_papers": 12, "seen": 0,
                 "consent": "", "created_at": NOW} for n, address in block
            ])  # fmt: skip
            conn.execute(insert(t.digest), [
                {"id": n, "key": f"{n:032x}", "subscriber_id": n, "period": "p", "subject": "s",
                 "papers": 3, "more": 0, "seen_from": 0, "seen_to": 1, "composed_at": NOW}
                for n, _ in block
            ])  # fmt: skip
            conn.execute(
                insert(t.message), [{"digest_id": n, "content": content} for n, _ in block]
            )
            conn.execute(insert(t.delivery), [
                {"digest_id": n, "subscriber_id": n, "state": "pending", "attempts": 0,
                 "not_before": NOW + timedelta(microseconds=n),
                 "expires_at": NOW + timedelta(hours=20)} for n, _ in block
            ])  # fmt: skip


class Bench:
    """A database with mails that wait, and where a worker gets them."""

    def __init__(self, folder: Path, addresses: Iterable[str], pace: Pace) -> None:
        self.database = Database(f"sqlite:///{folder}/bench.db")
        schema.upgrade(self.database)
        post(self.database, addresses)
        self.now = NOW + timedelta(minutes=1)
        settings = DeliverSettings("a@example.org", "bench", timedelta(minutes=15), pace=pace)
        self.claims = Claims(self.database, settings, lambda: self.now)

    def run(self, count: int) -> dict[str, float]:
        """Claim and record so many mails; return how many a second of each.

        The first claim is told apart: it sorts what waits into queues.
        """
        times: dict[str, list[float]] = {"claims": [], "records": []}
        for _ in range(count):
            seconds, taken = measuring.took(lambda: self.claims.next("bench/0"))
            if taken is None:
                break
            times["claims"].append(seconds)
            row = taken.mail.row
            times["records"].append(measuring.took(lambda row=row: self._record(row))[0])
        first, *others = times["claims"]
        return {
            "claims": len(others) / sum(others),
            "records": len(times["records"]) / sum(times["records"]),
            "first_claim_ms": first * 1000,
            "longest_claim_ms": max(others) * 1000,
            "mails": len(times["claims"]),
        }

    def _record(self, row: int) -> None:
        outcome = Outcome("sent", "dot", 250, "", "250 2.0.0 Ok: queued")
        with self.database.writing() as conn:
            store_deliveries.finish(conn, row, outcome, owner="bench/0", now=self.now)

    def commits(self) -> float:
        """Return how many transactions that write one row the disk takes in a second."""

        def write() -> None:
            with self.database.writing() as conn:
                conn.exec_driver_sql("UPDATE counter SET value = value + 1 WHERE name = 'bench'")

        with self.database.writing() as conn:
            conn.exec_driver_sql("INSERT INTO counter VALUES ('bench', 0)")
        begun, count = time.perf_counter(), 500
        for _ in range(count):
            write()
        return count / (time.perf_counter() - begun)


def measure(waiting: int, stuck: int, claims: int, folder: str | None) -> dict[str, Any]:
    """Return the figures of each case."""
    figures: dict[str, Any] = {}
    for name, bench in _cases(waiting, stuck, folder):
        figures[name] = bench.run(claims if name != "stuck" else 1000)
        figures.setdefault("commits", bench.commits())
        bench.database.close()
    return figures


def _cases(waiting: int, stuck: int, folder: str | None) -> Iterator[tuple[str, Bench]]:
    made: dict[str, Callable[[Path], Bench]] = {
        "plain": lambda path: Bench(path, mixed(waiting), Pace()),
        "limits": lambda path: Bench(path, mixed(waiting), Pace(limits=LIMITS)),
        "stuck": lambda path: _stuck(path, stuck),
    }
    for name, make in made.items():
        with tempfile.TemporaryDirectory(dir=folder) as path:
            yield name, make(Path(path))


def _stuck(path: Path, count: int) -> Bench:
    """A provider was paused, then its mails were made, and a thousand for others behind them."""
    others = (f"o{n}@uni{n % 500}.example" for n in range(1000))
    bench = Bench(path, (*(f"g{n}@gmail.com" for n in range(count)), *others), Pace())
    with bench.database.writing() as conn:
        memory.keep_standing(conn, Standing("google", paused_at=NOW))
    return bench


def told(figures: dict[str, Any]) -> Iterator[str]:
    """The figures as lines."""
    yield f"one small write and its commit: {figures['commits']:,.0f} a second"
    for name in ("plain", "limits", "stuck"):
        case = figures[name]
        yield (
            f"{name:<7} {case['claims']:7,.0f} claims/s  {case['records']:7,.0f} records/s  "
            f"first claim {case['first_claim_ms']:7.1f} ms  "
            f"longest after it {case['longest_claim_ms']:5.1f} ms  {case['mails']:,} mails"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--waiting", type=int, default=10_000)
    parser.add_argument("--stuck", type=int, default=100_000)
    parser.add_argument("--claims", type=int, default=2000)
    parser.add_argument("--dir", default=None)
    parser.add_argument("--json", type=Path, default=None)
    asked = parser.parse_args()
    figures = measure(asked.waiting, asked.stuck, asked.claims, asked.dir)
    figures["calibration"] = measuring.calibration()
    sys.stdout.write("\n".join(told(figures)) + "\n")
    if asked.json:
        asked.json.write_text(json.dumps({"figures": figures, "machine": measuring.machine()}))


if __name__ == "__main__":
    main()
