"""What one pass of everything costs while nothing is due: `App.tick`, statement by statement.

    python benchmarks/tick.py [--subscribers 1000000] [--repeats 50] [--dir DIR] [--json FILE]
        [--database URL]

On a SQLite database in a temporary folder, or on an empty one of PostgreSQL. Every subscriber has
a profile, and a digest of yesterday with its mail, sent; one in a hundred must not be mailed.
Profiles are switched off: rules take no part in it. Beside it, what it would cost to look through
all subscribers for those that are due, without the index. Target: the whole pass under 5 ms at
1,000,000.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import measuring
from sqlalchemy import Connection, Engine, event, text

from notifier.app import App, opened
from notifier.config import Settings
from notifier.storage.database import Database

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MADE = NOW - timedelta(hours=29)
TARGET_MS = 5.0
# The rows of one subscriber each: `n` is a table of their numbers. In braces stands what each kind
# of database writes otherwise.
_ROWS = (
    "INSERT INTO subscriber (id, address, state, zone, hour, minute, days, cadence, max_papers, "
    "seen, consent, created_at, confirmed_at, next_due_at) SELECT i, 'r' || i || '@example.org', "
    "'active', 'Europe/Berlin', 7, 0, '[0, 1, 2, 3, 4]', 'daily', 12, 0, 'asked', {made}, {made}, "
    "{due} FROM n",
    "INSERT INTO profile (id, subscriber_id, name, rules, enabled, created_at, updated_at, "
    "change, matched) SELECT i, i, 'p', 'RAG', {no}, {made}, {made}, i, {yes} FROM n",
    'INSERT INTO digest (id, "key", subscriber_id, period, subject, papers, more, seen_from, '
    "seen_to, composed_at) SELECT i, {key}, i, '2026-11-24', 'Five papers', 5, 0, 0, "
    "0, {made} FROM n",
    "INSERT INTO message (digest_id, content) SELECT i, {mail} FROM n",
    "INSERT INTO delivery (id, digest_id, subscriber_id, state, attempts, not_before, expires_at, "
    "finished_at, destination, queue) SELECT i, i, i, 'sent', 1, {made}, {due}, {made}, 'google', "
    "'*' FROM n",
    "INSERT INTO attempt (id, delivery_id, number, at, outcome) SELECT i, i, 1, {made}, 'sent' "
    "FROM n",
    "INSERT INTO suppression (address, reason, evidence, since, source) SELECT 'r' || (100 * i) || "
    "'@example.org', 'dead address', '550', {made}, 'smtp' FROM n WHERE 100 * i <= :count",
)
# These few rows are looked through.
SMALL = {"alert", "source", "source_part", "destination", "relay", "secret", "counter", "mailbox"}
_SQLITE = {
    "yes": "1", "no": "0", "key": "printf('%032x', i)", "mail": "x'789c030000000001'",
    "numbers": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)",
}  # fmt: skip
_POSTGRES = {
    "yes": "true", "no": "false", "key": "lpad(to_hex(i), 32, '0')",
    "mail": "'\\x789c030000000001'::bytea",
    "numbers": "WITH n AS (SELECT i FROM generate_series(1, :count) AS i)",
}  # fmt: skip


def written(moment: datetime) -> str:
    """A time as both kinds of database take it."""
    return f"'{moment:%Y-%m-%d %H:%M:%S}.000000'"


def fill(database: Database, subscribers: int) -> None:
    """Write down so many subscribers, as they are the day after a digest."""
    words = _SQLITE if database.is_sqlite else _POSTGRES
    words = words | {"made": written(MADE), "due": written(NOW + timedelta(hours=18))}
    if not database.is_sqlite:
        words |= {name: f"{words[name]}::timestamptz" for name in ("made", "due")}
    count = {"count": subscribers}
    with database.writing() as conn:
        for rows in _ROWS:
            insert, select = rows.split(" SELECT ", 1)
            asked = f"{insert} {words['numbers']} SELECT {select}"
            for name, word in words.items():
                asked = asked.replace(f"{{{name}}}", word.replace("::", r"\:\:"))
            conn.execute(text(asked), count)
        conn.execute(text("INSERT INTO counter VALUES ('profile change', :count)"), count)
    if not database.is_sqlite:
        _settle(database)


def _settle(database: Database) -> None:
    """Do what PostgreSQL does by itself within minutes: look at what there is, and clean up."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET statement_timeout = 0"))
        conn.execute(text("VACUUM ANALYZE"))
        conn.execute(text("CHECKPOINT"))


def settings(folder: Path, url: str = "") -> Settings:
    """Return an instance that does all there is, and nobody is asked."""
    return Settings(
        database={"url": url or f"sqlite:///{folder}/tick.db"},
        mail={"transport": "files", "directory": str(folder / "mails")},
        bounce={"imap_host": "localhost", "imap_user": "b", "imap_password": "p"},
        channels={"allowed": ["ntfy"]},
        source=[{"name": "arxiv", "kind": "arxiv", "urls": ["http://localhost:9/cs.LG"]}],
    )


@dataclass(slots=True)
class Heard:
    """The statements of a pass, with what they were given and how long each took."""

    statements: list[tuple[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    begun: float = 0.0


@contextmanager
def listening(engine: Engine) -> Iterator[Heard]:
    """Yield what is asked of a database meanwhile."""
    heard = Heard()

    def before(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        heard.statements.append((statement, parameters))
        heard.begun = time.perf_counter()

    def after(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        took = time.perf_counter() - heard.begun
        heard.seconds[statement] = heard.seconds.get(statement, 0.0) + took

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)


def plan(conn: Connection, statement: str, parameters: Any) -> list[str]:
    """Return how the database goes about a statement, a line a step."""
    explain = "EXPLAIN QUERY PLAN" if conn.dialect.name == "sqlite" else "EXPLAIN"
    asked = conn.exec_driver_sql(f"{explain} {statement}", parameters)
    return [row[-1] for row in asked]


def looked_at(conn: Connection, statement: str, parameters: Any) -> dict[str, float]:
    """Return how many rows of each table PostgreSQL looks at for a statement."""
    asked = conn.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
    rows: dict[str, float] = {}
    steps = [one["Plan"] for one in asked.scalar_one()]
    while steps:
        step = steps.pop()
        steps += step.get("Plans", ())
        if table := step.get("Relation Name"):
            seen = step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
            seen += step.get("Rows Removed by Index Recheck", 0)
            rows[table] = rows.get(table, 0) + seen * step["Actual Loops"]
    return rows


@contextmanager
def idle(folder: Path, subscribers: int, url: str = "") -> Iterator[App]:
    """Yield an instance with so many subscribers, of whom none is due, and nothing else either."""
    with opened(settings(folder, url), clock=lambda: NOW) as app:
        fill(app.database, subscribers)
        with app.database.writing() as conn:
            name, at = app.returned.mailbox_settings, written(NOW)
            no = "0" if app.database.is_sqlite else "false"
            conn.execute(
                text(f"INSERT INTO mailbox VALUES (:name, {at}, {at}, 0, {no}, NULL, 0)"),  # noqa: S608  # ours
                {"name": f"{name.user}@{name.host}:{name.port}/{name.folder}"},
            )
            conn.execute(
                text(
                    "INSERT INTO source (name, kind, last_attempt_at, last_success_at, failures, "  # noqa: S608  # ours
                    f"seen, new, rejected) VALUES ('arxiv', 'arxiv', {at}, {at}, 0, 0, 0, 0)"
                )
            )
        asyncio.run(app.tick())  # the first takes in all profiles, and keeps house
        yield app


async def _ticks(app: App, repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        done = await app.tick()
        times.append(time.perf_counter() - begun)
        if done.needs_care or done.composed.made or done.ingested:
            raise AssertionError("there was something to do")
    return times


async def _parts(app: App, repeats: int) -> dict[str, float]:
    """Return the steps of a pass by name, and what each takes; matching is a part of composing."""
    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "sources": lambda: asyncio.to_thread(app.intake.due_sources, NOW),
        "mailbox": lambda: asyncio.to_thread(app.returned.poll_if_due),
        "matching": lambda: asyncio.to_thread(app.match),
        "composing": lambda: asyncio.to_thread(app.compose),
        "letters": app.send_letters,
        "delivering": app.deliver,
        "channels": app.channelled.send,
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            begun = time.perf_counter()
            await step()
            times[name].append(time.perf_counter() - begun)
    return {name: 1e3 * statistics.median(took) for name, took in times.items()}


def _median_ms(work: Callable[[], Any], repeats: int) -> float:
    return 1e3 * statistics.median(measuring.took(work)[0] for _ in range(repeats))


def scan(app: App) -> int:
    """Find who is due as one would without an index: a look at each subscriber."""
    due = "+next_due_at" if app.database.is_sqlite else "next_due_at + interval '0'"
    query = (
        f"SELECT count(*) FROM subscriber WHERE state || '' = 'active' AND {due} <= {written(NOW)}"  # noqa: S608  # ours
    )
    with app.database.reading() as conn:
        return int(conn.scalar(text(query)) or 0)


def measure(app: App, repeats: int) -> dict[str, Any]:
    """Return the figures of an idle pass."""
    times = asyncio.run(_ticks(app, repeats))
    with listening(app.database.engine) as heard:
        asyncio.run(app.tick())
    return {
        "tick_ms": 1e3 * statistics.median(times),
        "shortest_tick_ms": 1e3 * min(times),
        "longest_tick_ms": 1e3 * max(times),
        "parts_ms": asyncio.run(_parts(app, repeats)),
        "statements": len(heard.statements),
        "slowest_ms": sorted(
            ((1e3 * took, " ".join(said.split())[:110]) for said, took in heard.seconds.items()),
            reverse=True,
        )[:8],
        "scan_ms": _median_ms(lambda: scan(app), 3),
    }


def told(figures: dict[str, Any]) -> Iterator[str]:
    """The figures as lines."""
    met = "met" if figures["tick_ms"] < TARGET_MS else "missed"
    yield (
        f"a pass with nothing due: {figures['tick_ms']:.2f} ms (shortest "
        f"{figures['shortest_tick_ms']:.2f}, longest {figures['longest_tick_ms']:.2f}); "
        f"target {TARGET_MS:.0f} ms {met}"
    )
    for name, took in figures["parts_ms"].items():
        yield f"  {name:<10} {took:7.2f} ms"
    yield f"{figures['statements']} statements; the slowest:"
    for took, said in figures["slowest_ms"]:
        yield f"  {took:7.3f} ms  {said}"
    yield f"who is due, by a look at each subscriber: {figures['scan_ms']:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscribers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--dir", default=None)
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--database", default="", help="an empty one of PostgreSQL")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.dir) as folder:
        begun = time.perf_counter()
        with idle(Path(folder), asked.subscribers, asked.database) as app:
            sys.stdout.write(
                f"{asked.subscribers:,} subscribers, made in {time.perf_counter() - begun:.0f} s\n"
            )
            figures = measure(app, asked.repeats)
    figures["calibration"] = measuring.calibration()
    sys.stdout.write("\n".join(told(figures)) + "\n")
    if asked.json:
        asked.json.write_text(json.dumps({"figures": figures, "machine": measuring.machine()}))


if __name__ == "__main__":
    main()
