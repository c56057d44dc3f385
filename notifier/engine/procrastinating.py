"""What is asked of the library procrastinate, in one place: to take tasks, and to do them.

Never with its `lock`: a worker that dies keeps it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from notifier.engine.engine import WORK, Handler, Task, done, tell_unknown
from notifier.engine.own_schema import SCHEMA
from notifier.storage import postgres
from notifier.storage.database import BUSY_TIMEOUT_SECONDS, Database

if TYPE_CHECKING:
    import procrastinate
    from procrastinate.manager import JobManager

_LIBRARIES = ("procrastinate", "psycopg.pool")
_CONNECT_SECONDS = 10.0
# That a task was done is said again after these, until it is known.
_AGAIN_SECONDS = (0.2, 1.0, 5.0)
# A worker hears what comes into its first lane at once, and looks so often into the others: each
# lane that is listened to costs a connection.
_LOOK_SECONDS = 1.0


def defer(connection: Any, tasks: Sequence[Task]) -> None:
    """Write tasks into the queue, in the transaction of a connection of psycopg."""
    from procrastinate.jobs import Job
    from procrastinate.manager import JobManager
    from procrastinate.sync_psycopg_connector import SyncPsycopgConnector

    jobs = [
        Job(queue=one.lane, task_name=one.name, task_kwargs=one.arguments,
            lock=None, queueing_lock=None)
        for one in tasks
    ]  # fmt: skip
    JobManager(SyncPsycopgConnector()).batch_defer_jobs(jobs, connection)


async def work(
    database: Database,
    handlers: Mapping[str, Handler],
    stop: asyncio.Event,
    lane: str,
    number: int,
) -> str:
    """Do what is in one lane of the queue, so many tasks at a time, until `stop` or until the
    database is lost; return why it ended."""
    from procrastinate.exceptions import ConnectorException
    from psycopg import Error
    from psycopg_pool import PoolTimeout

    lost = asyncio.Event()
    try:
        app = _app(database, handlers, lost, lane, number)
        await app.open_async()
        try:
            await _at_work(app, stop, lost, lane, number)
        finally:
            await app.close_async()
    except (ConnectorException, Error, PoolTimeout, TimeoutError) as error:
        return type(error).__name__
    return "its connection broke"


async def _at_work(
    app: procrastinate.App, stop: asyncio.Event, lost: asyncio.Event, lane: str, number: int
) -> None:
    """Run a worker of the library until it ends, or is to."""
    worker = asyncio.ensure_future(
        app.run_worker_async(
            queues=[lane],
            name=lane,
            concurrency=number,
            listen_notify=lane == WORK,
            fetch_job_polling_interval=5.0 if lane == WORK else _LOOK_SECONDS,
            abort_job_polling_interval=3600.0,
            delete_jobs="always",
            install_signal_handlers=False,
        )
    )
    ends = [asyncio.ensure_future(one.wait()) for one in (stop, lost)]
    try:
        await asyncio.wait({worker, *ends}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in (*ends, worker):
            one.cancel()  # a worker awaits what is at work
    (ended,) = await asyncio.gather(worker, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


def _app(
    database: Database,
    handlers: Mapping[str, Handler],
    lost: asyncio.Event,
    lane: str,
    number: int,
) -> procrastinate.App:
    from procrastinate import App, PsycopgConnector

    connecting = postgres.connecting(database.engine, wait_seconds=BUSY_TIMEOUT_SECONDS)
    connecting["options"] += f" -c search_path={SCHEMA}"
    connector = PsycopgConnector(
        kwargs=connecting, min_size=1, max_size=number + (lane == WORK), timeout=_CONNECT_SECONDS,
        reconnect_timeout=_CONNECT_SECONDS,
    )  # fmt: skip
    app = App(connector=connector)
    app.job_manager = _jobs(connector, lost)
    for name in handlers:
        app.task(name=name)(partial(_do, handlers, name))
    return app


def _jobs(connector: Any, lost: asyncio.Event) -> JobManager:
    """What tells the queue that a task is done; `lost` is set where it cannot be told: of a worker
    that ended, the task is free."""
    from procrastinate.exceptions import ConnectorException
    from procrastinate.manager import JobManager

    class Jobs(JobManager):
        async def finish_job(self, *arguments: Any, **named: Any) -> None:
            for pause in (*_AGAIN_SECONDS, None):
                try:
                    return await super().finish_job(*arguments, **named)
                except ConnectorException as error:
                    if "not found" in str(error.__cause__):  # the queue was emptied meanwhile
                        return None
                if pause:
                    await asyncio.sleep(pause)
            lost.set()
            return None

    return Jobs(connector)


async def _do(handlers: Mapping[str, Handler], name: str, **arguments: Any) -> None:
    await done(handlers, Task.of(name, **arguments))


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, the libraries say nothing of a lost connection: whoever works here says it, once."""
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    ours = _Rest()
    for one in loggers:
        one.addHandler(ours)
        one.propagate = False
    try:
        yield
    finally:
        for one in loggers:
            one.removeHandler(ours)
            one.propagate = True


class _Rest(logging.Handler):
    """Passes on what is no trouble with a connection, and shows no arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        from procrastinate.exceptions import ConnectorException, TaskNotFound
        from psycopg import Error

        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, TaskNotFound):
            if getattr(record, "action", "") == "task_not_found":  # it is said twice
                tell_unknown(getattr(record, "job", {}).get("task_name", ""))
            return
        is_trouble = isinstance(error, (ConnectorException, Error)) or "pool" in record.name
        if record.levelno >= logging.WARNING and not is_trouble:
            logging.getLogger().handle(record)
