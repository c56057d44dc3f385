"""A pass with nothing due looks through nothing that grows, however many subscribers there are."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tick
from sqlalchemy import event

from notifier.app import App
from notifier.storage.database import Database
from notifier.storage.statements import last_number, set_number

from .databases import Current, database_url
from .test_benchmarks import run

pytestmark = pytest.mark.both
_STEPS = 10


@contextmanager
def an_idle_app(folder: Path, subscribers: int) -> Iterator[App]:
    with tick.idle(folder, subscribers, database_url(folder, "tick")) as app:
        yield app


def work_of_a_pass(app: App) -> int:
    """Return how many tens of steps SQLite's machine goes, or how many rows PostgreSQL looks at."""
    if not app.database.is_sqlite:
        with tick.listening(app.database.engine) as heard:
            assert not asyncio.run(app.tick()).needs_care
        with app.database.reading() as conn:
            looked = [tick.looked_at(conn, *said) for said in heard.statements]
        return round(sum(sum(rows.values()) for rows in looked))
    with counting(app) as steps:
        assert not asyncio.run(app.tick()).needs_care
    return steps[0]


@contextmanager
def counting(app: App) -> Iterator[list[int]]:
    """Yield a list that holds how many tens of steps SQLite's machine goes meanwhile."""
    steps, counted = [0], list[sqlite3.Connection]()

    def step() -> int:
        steps[0] += 1
        return 0

    def begin(connection: sqlite3.Connection, *_: Any) -> None:
        connection.set_progress_handler(step, _STEPS)
        counted.append(connection)

    app.database.engine.dispose()  # those that are open are not counted
    event.listen(app.database.engine, "connect", begin)
    try:
        yield steps
    finally:
        event.remove(app.database.engine, "connect", begin)
        app.database.engine.dispose()


def test_a_pass_with_nothing_due_asks_as_much_of_3000_subscribers_as_of_30(tmp_path: Path) -> None:
    asked = []
    for subscribers in (30, 3000):
        folder = tmp_path / str(subscribers)
        folder.mkdir()
        with an_idle_app(folder, subscribers) as app:
            asked.append(work_of_a_pass(app))
    few, many = asked
    assert many <= few + 20, asked


def test_each_statement_of_a_pass_with_nothing_due_is_answered_by_an_index(tmp_path: Path) -> None:
    with an_idle_app(tmp_path, 50) as app:
        with tick.listening(app.database.engine) as heard:
            asyncio.run(app.tick())
        said = [one for one in heard.statements if not one[0].startswith("BEGIN")]
        with app.database.reading() as conn:
            if not app.database.is_sqlite:  # of so few rows it would read all
                conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plans = {statement: tick.plan(conn, statement, values) for statement, values in said}
    assert len(plans) > 10
    for statement, steps in plans.items():
        for scanned in re.findall(r"(?:SCAN|Seq Scan on) (\w+)", "\n".join(steps)):
            assert scanned in {*tick.SMALL, "CONSTANT"}, (statement, steps)


def test_no_plan_is_made_for_whatever_values_however_often_a_pass_is_repeated(
    tmp_path: Path,
) -> None:
    async def passes(app: App) -> None:
        for _ in range(15):  # a statement is prepared after five, and planned so after ten
            await app.tick()

    with an_idle_app(tmp_path, 30) as app:
        if app.database.is_sqlite:
            pytest.skip("it is PostgreSQL that has such plans")
        asyncio.run(passes(app))
        query = (
            "SELECT sum(custom_plans), sum(generic_plans) FROM pg_prepared_statements "
            "WHERE cardinality(parameter_types) > 0"
        )
        with app.database.reading() as conn:
            custom, generic = conn.exec_driver_sql(query).one()
    assert custom > 100
    assert generic == 0


def test_a_pass_with_nothing_due_takes_no_lock(tmp_path: Path) -> None:
    with an_idle_app(tmp_path, 50) as app, tick.listening(app.database.engine) as heard:
        asyncio.run(app.tick())
    said = {statement for statement, _ in heard.statements}
    assert {one for one in said if one.startswith("BEGIN")} <= {"BEGIN"}
    assert not [one for one in said if "lock" in one]


@pytest.mark.sqlite("there a BEGIN is a statement and is heard")
def test_a_pass_with_nothing_due_begins_no_more_transactions_than_need_one_state(
    tmp_path: Path,
) -> None:
    with an_idle_app(tmp_path, 50) as app, tick.listening(app.database.engine) as heard:
        asyncio.run(app.tick())
    said = [statement for statement, _ in heard.statements]
    assert said.count("BEGIN") <= 5, said


def test_what_is_asked_without_a_transaction_sees_the_latest_and_holds_nobody_up(
    database: Database,
) -> None:
    with database.reading() as conn, database.asking() as asking:
        seen = []
        for number in (1, 2):
            with database.writing() as other:
                set_number(other, "asked", number)
            seen.append((last_number(conn, "asked"), last_number(asking, "asked")))
    assert seen == [(1, 1), (1, 2)]


@pytest.mark.parametrize("what", ["who is due", "profiles that wait", "mails that wait"])
def test_the_measure_of_work_sees_a_look_at_everybody(tmp_path: Path, what: str) -> None:
    lost = {
        "who is due": "ix_subscriber_state_next_due_at",
        "profiles that wait": "ix_profile_matched_enabled",
        "mails that wait": "ix_delivery_state_queue_not_before",
    }
    with an_idle_app(tmp_path, 3000) as app:
        before = work_of_a_pass(app)
        with app.database.writing() as conn:
            conn.exec_driver_sql(f"DROP INDEX {lost[what]}")
        after = work_of_a_pass(app)
    assert after > before + 500


def test_the_benchmark_of_a_pass_prints_its_parts_and_writes_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    asked = ("--database", database_url(tmp_path)) if Current.kind == "postgres" else ()
    said = run("tick", *asked, "--subscribers", "200", "--repeats", "3", "--json", str(file))
    assert said.startswith("200 subscribers, made in ")
    figures = json.loads(file.read_text())["figures"]
    assert {"sources", "composing", "delivering"} <= set(figures["parts_ms"])
    assert 0 < figures["tick_ms"] < 1000
