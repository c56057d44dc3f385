"""Send what is waiting: claim one, send it, record what became of it, and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from notifier.delivery import breaker, standing
from notifier.delivery.breaker import CLOSED
from notifier.delivery.cut import Cut
from notifier.delivery.mailer import Transport
from notifier.jobs.delivering import doubt, memory
from notifier.jobs.delivering.claiming import Claims
from notifier.jobs.delivering.recording import GRACE, Recorder
from notifier.jobs.delivering.values import Delivered, DeliverSettings
from notifier.jobs.delivering.worker import Run, Worker
from notifier.jobs.expiry import end_stale
from notifier.storage import store_deliveries, store_pace, store_queues
from notifier.storage.database import Database

log = structlog.get_logger()


async def deliver(
    database: Database,
    transport: Transport,
    settings: DeliverSettings,
    *,
    clock: Callable[[], datetime],
    stop: asyncio.Event | None = None,
    cut: Cut | None = None,
    wait: Callable[[float], Awaitable[None]] | None = None,
) -> Delivered:
    """Send everything that is due; stops at `stop`, after what is on the wire.

    A server that refuses the login or cannot be reached ends the run and blames no mail.

    Args:
        cut: Takes back, when asked to, what is on the wire and not the server's yet.
        wait: Returns after so many seconds, or at `stop`; for limits that end soon.
    """
    done, stop = Delivered(), stop or asyncio.Event()
    if await asyncio.to_thread(_prepare, database, settings, done, clock()):
        run = Run(
            settings=settings,
            clock=clock,
            stop=stop,
            wait=wait or _waits_for(stop),
            claims=Claims(database, settings, clock),
            recorder=Recorder(database, settings, clock, done),
            done=done,
            cut=cut or Cut(),
            begun_at=clock(),
        )
        await _work(run, transport)
    await asyncio.to_thread(_conclude, database, done)
    return done


async def _work(run: Run, transport: Transport) -> None:
    workers = [_join(run, transport, number) for number in range(run.settings.connections)]
    ended = await asyncio.gather(*workers, return_exceptions=True)
    for error in ended:  # only after all have ended: none is left on the wire unattended
        if isinstance(error, BaseException):
            raise error


async def _join(run: Run, transport: Transport, number: int) -> None:
    """Run a worker; all but the first wait until the mail server has judged a mail."""
    if number:
        await run.first_told.wait()
        if not run.heard:
            return
    await Worker(run, number).work(transport)


def _waits_for(stop: asyncio.Event) -> Callable[[float], Awaitable[None]]:
    async def wait(seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)

    return wait


def _prepare(database: Database, settings: DeliverSettings, done: Delivered, now: datetime) -> bool:
    """Take in what changed since the last run, and end what can no longer be sent.

    Returns whether anything waits; where nothing does, no lock is taken.
    """
    if settings.postfix:
        done.found = doubt.settle(database, settings.postfix, now=now)
    with database.asking() as conn:
        if not store_deliveries.is_any_open(conn):
            return False
    with database.writing() as conn:
        _notice_settings(conn, settings, now)
        _notice_destinations(conn, settings, now)
        until = now + settings.lease
        if settings.holds_doubtful:
            look_up_at = now + GRACE if settings.postfix else None
            done.held += store_deliveries.hold_doubtful(
                conn, now=now, lease_until=until, look_up_at=look_up_at
            )
        else:
            store_deliveries.take_over(conn, now=now, lease_until=until)
    done.expired, done.dropped = end_stale(
        database, now=now, takes_over=not settings.holds_doubtful
    )
    with database.asking() as conn:
        return store_deliveries.is_any_open(conn)


def _notice_settings(conn: Connection, settings: DeliverSettings, now: datetime) -> None:
    """Another server, or another login, is asked at once; other destinations sort anew."""
    row, shut = store_pace.server(conn), memory.breaker(conn)
    table = settings.pace.destinations.fingerprint
    if row.get("settings") != settings.server and shut.is_open:
        memory.keep_breaker(conn, CLOSED)
        log.info("mail server is asked again", reason="the configuration changed")
    elif shut.retry_at and shut.retry_at > now + max(breaker.LOGIN_WAITS[-1], settings.lease):
        # By a clock that has been set back since.
        memory.keep_breaker(conn, breaker.reserved(shut, until=now))
    if row.get("sorted_by") != table:
        store_queues.unsort(conn)
    # What is left of a limit is counted anew: the limit may have been raised.
    wanted = {"settings": settings.server, "sorted_by": table, "full_until": None}
    if wanted != {name: row.get(name, "") for name in wanted}:
        store_pace.put_server(conn, **wanted)


def _notice_destinations(conn: Connection, settings: DeliverSettings, now: datetime) -> None:
    """Note how many connections each may have, and forget destinations without trouble."""
    wanted, table = settings.pace.connections, settings.pace.destinations.names
    rows = {row["name"]: row for row in store_pace.destinations(conn)}
    for name in sorted(rows.keys() | wanted.keys()):
        row, most = rows.get(name, {}), wanted.get(name)
        if row.get("connections") != most or row.get("full_until"):
            store_pace.put_destination(conn, name, connections=most, full_until=None)
    plain = []
    for stood in memory.standings(conn):
        if stood.slow_until and stood.slow_until > now + standing.LONGEST:
            # By a clock that has been set back since.
            memory.keep_standing(conn, replace(stood, slow_until=None))
        elif stood.is_plain and stood.state(now) == "open":
            plain.append(stood.destination)
    store_queues.forget(conn, set(plain) - table - wanted.keys())


def _conclude(database: Database, done: Delivered) -> None:
    """Say what needs somebody's word."""
    with database.reading() as conn:
        shut = memory.breaker(conn)
        paused = [one.destination for one in memory.standings(conn) if one.paused_at]
        waiting = store_pace.waiting(conn) if paused else {}
    if shut.is_open and not done.down:
        done.down = f"the mail server is {breaker.told(shut)}"
    done.paused = tuple(name for name in paused if waiting.get(name))
