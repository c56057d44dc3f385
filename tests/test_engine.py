"""The contract of engines, kept by both: what is asked for is done, whatever else fails or ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from notifier.engine import own_schema
from notifier.engine.distributed import Distributed
from notifier.engine.engine import LANES, MATCHING, SOURCES, Engine, Handler, Task
from notifier.engine.inline import Inline
from notifier.errors import Unavailable
from notifier.storage.database import Database

from .databases import cluster, skip_without_postgres

pytestmark = pytest.mark.anyio
KINDS = ("inline", "distributed")
PATIENCE_SECONDS = 20.0


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Database]:
    """A database on PostgreSQL with the engine's tables, and with no others."""
    skip_without_postgres()
    with cluster().cleared():
        made = Database(cluster().database(tmp_path / "engine", is_empty=True))
        own_schema.install(made)
        yield made
        made.close()


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "inline":
        return Inline(tasks=2)
    return Distributed(request.getfixturevalue("queue"), tasks=2)


class Desk:
    """Handlers that note what they did."""

    def __init__(self) -> None:
        self.done = Counter[int]()
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    def handlers(self) -> dict[str, Handler]:
        return {"note": self.note, "hold": self.hold, "fail": self.fail}

    async def note(self, number: int) -> None:
        self.done[number] += 1

    async def hold(self, number: int) -> None:
        self.begun.set()
        await self.may_end.wait()
        self.done[number] += 1

    async def fail(self) -> None:
        raise RuntimeError("broken")


@asynccontextmanager
async def working(engine: Engine, desk: Desk) -> AsyncIterator[asyncio.Event]:
    """A worker, until the end of the block or the event that is yielded."""
    stop = asyncio.Event()
    worker = asyncio.ensure_future(engine.work(desk.handlers(), stop))
    try:
        yield stop
    finally:
        desk.may_end.set()
        stop.set()
        await asyncio.wait_for(worker, PATIENCE_SECONDS)


async def is_done(engine: Engine, *names: str) -> None:
    """Wait until nothing of these names is open."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await asyncio.to_thread(engine.unfinished, *names):  # noqa: ASYNC110  # of others
            await asyncio.sleep(0.02)


def notes(count: int, lane: str = LANES[0]) -> list[Task]:
    return [Task.of("note", lane, number=number) for number in range(count)]


async def test_every_task_is_done_in_whatever_lane(engine: Engine) -> None:
    desk = Desk()
    await engine.dispatch(notes(60))
    await engine.dispatch(
        [Task.of("note", SOURCES, number=60), Task.of("note", MATCHING, number=61)]
    )
    assert engine.waiting() == 62
    async with working(engine, desk):
        await is_done(engine, "note")
    assert desk.done == Counter(range(62))
    assert engine.waiting() == 0


async def test_what_waits_is_counted_by_name(engine: Engine) -> None:
    await engine.dispatch([*notes(3), Task.of("fail", SOURCES)])
    waiting = [await asyncio.to_thread(engine.waiting, *names)
               for names in ((), ("note",), ("fail",), ("fail", "note"), ("none",))]  # fmt: skip
    assert waiting == [4, 3, 1, 4, 0]


async def test_a_handler_that_raises_and_a_task_of_another_version_stop_nobody(
    engine: Engine,
) -> None:
    desk = Desk()
    with capture_logs() as logs:
        await engine.dispatch([Task.of("fail"), Task.of("of another version"), *notes(5)])
        async with working(engine, desk):
            await is_done(engine, "fail", "note", "of another version")
    assert desk.done == Counter(range(5))
    told = sorted((one["event"], one.get("job") or one.get("task")) for one in logs)
    assert told == [
        ("a task that is not known here is dropped", "of another version"), ("job failed", "fail")
    ]  # fmt: skip


async def test_what_is_asked_for_twice_is_done_once_until_it_is_done(engine: Engine) -> None:
    desk, held = Desk(), Task.of("hold", number=1)
    await engine.dispatch([held, held])
    await engine.dispatch([held])
    assert engine.waiting() == 1
    async with working(engine, desk):
        await asyncio.wait_for(desk.begun.wait(), PATIENCE_SECONDS)
        await engine.dispatch([held])
        assert (engine.waiting(), engine.unfinished("hold"), engine.unfinished("note")) == (0, 1, 0)
        desk.may_end.set()
        await is_done(engine, "hold")
        await engine.dispatch([held])
        await is_done(engine, "hold")
    assert desk.done == {1: 2}


async def test_at_stop_what_is_in_hand_is_finished_and_the_rest_is_left_to_others(
    engine: Engine,
) -> None:
    desk, other = Desk(), Desk()
    await engine.dispatch([Task.of("hold", number=number) for number in range(5)])
    async with working(engine, desk) as stop:
        await asyncio.wait_for(desk.begun.wait(), PATIENCE_SECONDS)
        stop.set()
    in_hand = sum(desk.done.values())
    assert 1 <= in_hand <= 2
    assert engine.waiting() == 5 - in_hand
    other.may_end.set()
    async with working(engine, other):
        await is_done(engine, "hold")
    assert desk.done + other.done == Counter(range(5))


async def test_what_takes_long_in_one_lane_holds_up_no_other(engine: Engine) -> None:
    desk = Desk()
    async with working(engine, desk):
        await engine.dispatch([Task.of("hold", SOURCES, number=number) for number in (1, 2)])
        await asyncio.wait_for(desk.begun.wait(), PATIENCE_SECONDS)
        await engine.dispatch(notes(3))
        await is_done(engine, "note")
        assert engine.unfinished("hold") == 2


async def test_tasks_are_taken_from_other_threads_and_loops(engine: Engine) -> None:
    desk = Desk()

    def dispatch(first: int) -> None:
        asyncio.run(engine.dispatch([Task.of("note", number=n) for n in range(first, first + 5)]))

    async with working(engine, desk):
        await asyncio.gather(*(asyncio.to_thread(dispatch, first) for first in (0, 5, 10)))
        await is_done(engine, "note")
    assert desk.done == Counter(range(15))


async def test_arguments_arrive_as_they_were_given(engine: Engine) -> None:
    given: dict[str, Any] = {"ids": [1, 2, 3], "word": 'ü "\\ %s', "none": None}
    got: list[dict[str, Any]] = []

    async def take(**arguments: Any) -> None:
        got.append(arguments)

    stop = asyncio.Event()
    await engine.dispatch([Task.of("take", **given)])
    worker = asyncio.ensure_future(engine.work({"take": take}, stop))
    await is_done(engine, "take")
    stop.set()
    await asyncio.wait_for(worker, PATIENCE_SECONDS)
    assert got == [given]


async def test_of_two_processes_one_does_a_task(queue: Database) -> None:
    one, two, desks = Distributed(queue), Distributed(queue), (Desk(), Desk())
    await one.dispatch(notes(60))
    async with working(one, desks[0]), working(two, desks[1]):
        await is_done(one, "note")
    assert desks[0].done + desks[1].done == Counter(range(60))
    assert all(desk.done for desk in desks), "both worked"


async def test_a_task_of_a_worker_that_died_may_be_asked_for_again(queue: Database) -> None:
    engine, desk = Distributed(queue), Desk()
    await engine.dispatch(notes(2))
    with queue.beside() as conn:  # as a worker that was killed a minute ago left them
        conn.exec_driver_sql(f"SET LOCAL search_path TO {own_schema.SCHEMA}")
        conn.exec_driver_sql(
            "INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (now() - interval '1 minute')"
        )
        conn.exec_driver_sql(
            "UPDATE procrastinate_jobs SET status = 'doing',"
            " worker_id = (SELECT id FROM procrastinate_workers)"
        )
    assert (engine.waiting(), engine.unfinished("note")) == (0, 0)
    await engine.dispatch(notes(2))
    async with working(engine, desk):
        await is_done(engine, "note")
    assert desk.done == Counter(range(2))
    with queue.reading() as conn:
        left = conn.exec_driver_sql(f"SELECT count(*) FROM {own_schema.SCHEMA}.procrastinate_jobs")
        assert left.scalar_one() == 0, "what is done leaves nothing behind"


async def test_a_queue_that_is_emptied_stops_no_worker(queue: Database) -> None:
    engine, desk = Distributed(queue), Desk()
    async with working(engine, desk):
        await engine.dispatch([Task.of("hold", number=1)])
        await asyncio.wait_for(desk.begun.wait(), PATIENCE_SECONDS)
        await asyncio.to_thread(emptied, queue)  # what the worker holds it lets go
        desk.may_end.set()
        await engine.dispatch(notes(5))
        await is_done(engine, "note")
    assert desk.done == Counter([1, *range(5)])


def emptied(database: Database) -> None:
    """Take everything out of the engine's tables, workers included."""
    tables = ["jobs", "events", "workers", "periodic_defers"]
    names = ", ".join(f"{own_schema.SCHEMA}.procrastinate_{name}" for name in tables)
    with database.beside() as conn:
        conn.exec_driver_sql(f"TRUNCATE {names}")


async def test_a_worker_outlives_a_restart_of_the_server_and_says_so_in_a_line(
    queue: Database,
) -> None:
    engine, desk = Distributed(queue), Desk()
    with capture_logs() as logs:
        async with working(engine, desk):
            await engine.dispatch(notes(5))
            await is_done(engine, "note")
            await asyncio.to_thread(cluster().stop)
            await asyncio.to_thread(cluster().start)
            with suppress(Unavailable):  # a connection that was in use a moment ago
                await engine.dispatch(notes(9))
            await engine.dispatch(notes(9))
            await is_done(engine, "note")
    assert desk.done == Counter([*range(5), *range(9)])
    said = {one["event"] for one in logs}
    assert said <= {"the engine lost the database: connecting again"}


def test_the_tables_are_made_once_and_those_of_another_version_replaced(queue: Database) -> None:
    assert own_schema.is_installed(queue)
    assert not own_schema.install(queue)
    with queue.beside() as conn:
        conn.exec_driver_sql(f"COMMENT ON SCHEMA {own_schema.SCHEMA} IS 'another'")
    assert not own_schema.is_installed(queue)
    assert own_schema.install(queue)
    with queue.reading() as conn:
        kept = conn.exec_driver_sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert kept.scalar_one() == 0, "they are in a schema of their own"
