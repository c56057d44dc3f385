"""The engine of many processes on many machines: Procrastinate, whose queue is in PostgreSQL.

Its tables may be emptied at any time, and a worker killed: who dispatches looks at the tables of
the product, and asks again. So a task that was done, or whose worker died, is simply deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog
from sqlalchemy import Connection, TextClause, text

from notifier.engine import procrastinating
from notifier.engine.engine import LANES, WORK, Handler, Task, at_once
from notifier.engine.own_schema import SCHEMA
from notifier.storage.database import Database

log = structlog.get_logger()

# A worker says every ten seconds that it lives.
DEAD_AFTER_SECONDS = 30.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
_IT_WORKED_SECONDS = 60.0

_OURS = f"FROM {SCHEMA}.procrastinate_jobs AS job WHERE job.queue_name = ANY(:lanes)"
_LIVES = (
    f"EXISTS (SELECT FROM {SCHEMA}.procrastinate_workers AS worker WHERE worker.id = job.worker_id"
    f" AND worker.last_heartbeat > now() - interval '{DEAD_AFTER_SECONDS} seconds')"
)
_GOES_ON = f"(job.status = 'todo' OR (job.status = 'doing' AND {_LIVES}))"
_FORGET = text(f"DELETE {_OURS} AND NOT {_GOES_ON}")
_NAMED = "(CAST(:names AS text[]) = '{}' OR job.task_name = ANY(:names))"
_WAITING = text(f"SELECT count(*) {_OURS} AND job.status = 'todo' AND {_NAMED}")
_UNFINISHED = text(f"SELECT count(*) {_OURS} AND {_GOES_ON} AND job.task_name = ANY(:names)")
_ASKED = "unnest(CAST(:names AS text[]), CAST(:texts AS jsonb[])) WITH ORDINALITY"
_SAME = f"SELECT {_OURS} AND job.task_name = asked.name AND job.args = asked.arguments"
_NEW = text(
    f"SELECT asked.number FROM {_ASKED} AS asked(name, arguments, number)"  # noqa: S608  # ours
    f" WHERE NOT EXISTS ({_SAME}) ORDER BY asked.number"
)
_ABOUT = {"lanes": list(LANES)}


class Distributed:
    """Tasks of all processes on one database on PostgreSQL."""

    is_shared = True

    def __init__(self, database: Database, *, tasks: int = 2) -> None:
        """
        Args:
            database: With the engine's tables (`own_schema.install`).
            tasks: So many are in hand in this process at a time, but for lanes where it is one.
        """
        self._database, self._tasks = database, tasks

    async def dispatch(self, tasks: Sequence[Task]) -> None:
        if tasks:
            await asyncio.to_thread(self._dispatch, list(dict.fromkeys(tasks)))

    def _dispatch(self, tasks: Sequence[Task]) -> None:
        with self._database.beside() as conn:
            conn.exec_driver_sql(f"SET LOCAL search_path TO {SCHEMA}")  # its triggers need it
            conn.execute(_FORGET, _ABOUT)
            if new := _new(conn, tasks):
                procrastinating.defer(conn.connection.driver_connection, new)

    def waiting(self, *names: str) -> int:
        return self._count(_WAITING, {"names": list(names)})

    def unfinished(self, *names: str) -> int:
        return self._count(_UNFINISHED, {"names": list(names)})

    def _count(self, query: TextClause, about: Mapping[str, object]) -> int:
        with self._database.reading() as conn:
            return int(conn.execute(query, {**_ABOUT, **about}).scalar_one())

    async def work(self, handlers: Mapping[str, Handler], stop: asyncio.Event) -> None:
        """See `Engine.work`; no lane that lost the database waits for the work of another."""
        lanes = at_once(self._tasks).items()
        with procrastinating.quiet():
            async with asyncio.TaskGroup() as group:
                for lane, number in lanes:
                    group.create_task(self._in_lane(lane, number, handlers, stop))

    async def _in_lane(
        self, lane: str, number: int, handlers: Mapping[str, Handler], stop: asyncio.Event
    ) -> None:
        """The library's worker ends when it loses the database; then another one begins, later and
        later."""
        pause, clock = _FIRST_PAUSE_SECONDS, asyncio.get_running_loop().time
        while not stop.is_set():
            begun = clock()
            reason = await procrastinating.work(self._database, handlers, stop, lane, number)
            if stop.is_set():
                return
            if clock() - begun > _IT_WORKED_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            if lane == WORK:  # they all do
                log.warning("the engine lost the database: connecting again", reason=reason)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _new(conn: Connection, tasks: Sequence[Task]) -> list[Task]:
    """Those that are not asked for already."""
    names, texts = [one.name for one in tasks], [one.text for one in tasks]
    rows = conn.scalars(_NEW, _ABOUT | {"names": names, "texts": texts})
    return [tasks[number - 1] for number in rows]
