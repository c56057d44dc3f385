"""Many processes on one queue: whatever is killed, emptied or restarted, each digest comes once."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from notifier.storage import tables as t
from notifier.storage.database import Database

from .databases import cluster, database_url
from .sink import listening
from .test_daemon import (
    READERS,
    SlowSink,
    code_after_sigterm,
    prepare,
    process,
    recipients,
    states,
)
from .test_engine import emptied

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("database_kind", ["postgres"], indirect=True, scope="session"),
]
PATIENCE_SECONDS = 90.0
EVERYBODY = sorted(f"reader{number}@example.org" for number in range(READERS))


def distributed(folder: Path, port: int) -> Path:
    """An instance whose thirty digests are two pieces of work, and take a while to write."""
    config = prepare(folder, port)
    own = folder / "own" / "mail"
    own.mkdir(parents=True)
    slow = "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}text"
    (own / "digest.txt.j2").write_text(slow)
    text = config.read_text().replace("[site]\n", "[site]\ntemplates_dir = 'own'\n")
    config.write_text(
        f"{text}[engine]\nkind = 'procrastinate'\ntasks = 1\nshard = 20\nmatch_parts = 3\n"
        "lease_seconds = 10\n"
    )
    return config


@asynccontextmanager
async def running(config: Path, role: str) -> AsyncIterator[Process]:
    """A process of one role that has started."""
    async with process("run", "--only", role, "--config", config) as made:
        await hears(made, "daemon started")
        yield made


async def hears(running: Process, words: str) -> None:
    """Wait until a process says something; others start at the same time."""
    assert running.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while words not in (line := (await running.stderr.readline()).decode()):
            assert line, f"it ended and never said: {words}"


async def writer(database: Database, among: Callable[[str], bool] = lambda owner: True) -> str:
    """Wait until a process writes digests; return the name by which it claimed them."""
    query = select(t.planned.c.lease_owner).where(t.planned.c.lease_owner.is_not(None))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with database.reading() as conn:
                for owner in conn.scalars(query):
                    if owner and among(owner):
                        return owner
            await asyncio.sleep(0.02)


async def test_what_a_killed_worker_was_writing_another_writes_and_sends(
    tmp_path: Path, database_kind: str
) -> None:
    async with listening(SlowSink(0.0)) as sink, AsyncExitStack() as start:
        config = distributed(tmp_path, sink.port)
        database = Database(database_url(tmp_path, "notifier"))
        one, two = [await start.enter_async_context(running(config, "worker")) for _ in range(2)]
        scheduler = await start.enter_async_context(running(config, "scheduler"))
        owner = await writer(database, lambda owner: f":{one.pid}:" in owner)
        one.kill()
        assert sink.received == [], f"{owner} was writing"
        await asyncio.wait_for(sink.complete.wait(), PATIENCE_SECONDS)
        codes = await asyncio.gather(*map(code_after_sigterm, (two, scheduler)))
        database.close()
    assert codes == [0, 0]
    assert recipients(sink) == EVERYBODY
    assert states(tmp_path) == {"sent": READERS}


async def test_an_emptied_queue_a_killed_scheduler_and_a_restarted_server_lose_nothing(
    tmp_path: Path, database_kind: str
) -> None:
    async with listening(SlowSink(0.0)) as sink, AsyncExitStack() as start:
        config = distributed(tmp_path, sink.port)
        database = Database(database_url(tmp_path, "notifier"))
        first = await start.enter_async_context(running(config, "scheduler"))
        second = await start.enter_async_context(running(config, "scheduler"))
        only = ("run", "--only", "worker", "--config", config)
        workers = [await start.enter_async_context(process(*only)) for _ in range(2)]
        await writer(database)
        await asyncio.to_thread(emptied, database)
        first.kill()
        await hears(second, "this process is the scheduler")
        for worker in workers:  # one that has not started could not
            await hears(worker, "daemon started")
        await asyncio.to_thread(cluster().stop)
        await asyncio.to_thread(cluster().start)
        await asyncio.wait_for(sink.complete.wait(), PATIENCE_SECONDS)
        codes = await asyncio.gather(*map(code_after_sigterm, (*workers, second)))
        database.close()
    assert codes == [0, 0, 0]
    assert recipients(sink) == EVERYBODY
    assert states(tmp_path) == {"sent": READERS}
