"""How this process stands among those on its database: it says that it lives, and of those that
want to be the scheduler one is, by a lease.

A holder that was held up past its lease is no scheduler when it goes on: it asks first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from notifier import errors
from notifier.daemon.identity import is_gone
from notifier.daemon.lease import Rhythm, Watched, watched
from notifier.intake import system_clock
from notifier.storage import store_processes
from notifier.storage.database import Database
from notifier.storage.store_processes import NOBODY, Lease, Process, Seen
from notifier.vitals import SCHEDULER

log = structlog.get_logger()

FORGOTTEN_AFTER = timedelta(days=1)


def _seconds() -> float:
    """Seconds that nobody sets; a machine that sleeps counts them too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Standing:
    """Of one process. Its statements run in a thread of their own: no other work holds them up."""

    def __init__(
        self,
        database: Database,
        me: Process,
        *,
        wants: bool,
        rhythm: Rhythm | None = None,
        clock: Callable[[], datetime] = system_clock,
        seconds: Callable[[], float] = _seconds,
    ) -> None:
        """
        Args:
            wants: Whether it wants to be the scheduler.
            clock: The real time, also where the rest of the program is shown another.
            seconds: Seconds that only grow.
        """
        self.me, self.rhythm = me, rhythm or Rhythm()
        self.other: Seen | None = None
        self._database, self._wants, self._clock, self._seconds = database, wants, clock, seconds
        self._beaten: float | None = None
        self._renewed: float | None = None
        self._watched: Watched | None = None
        self._told: str | None = None
        self._trouble = ""
        self._is_told_scheduler = False
        self._steps = asyncio.Condition()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="standing")

    @property
    def is_scheduler(self) -> bool:
        """Whether the lease was ours when we last asked."""
        return self._renewed is not None

    @property
    def holds(self) -> bool:
        """Whether the lease is ours beyond doubt."""
        return self.rhythm.is_fresh(self._renewed, self._seconds())

    @property
    def is_written(self) -> bool:
        """Whether the last step was written down, where there was something to write."""
        return not self._trouble

    async def keep(
        self, changed: Callable[[], None], beaten: Callable[[], None] = lambda: None
    ) -> None:
        """Say that we live and see to the lease, until the task ends.

        Args:
            changed: Called when we have become the scheduler, or are it no longer.
            beaten: Called after each step; see `is_written` and `holds`.
        """
        while True:
            await self._step_safely()
            beaten()
            if self.is_scheduler != self._is_told_scheduler:
                self._is_told_scheduler = self.is_scheduler
                changed()
            async with self._steps:
                self._steps.notify_all()
            await asyncio.sleep(self.rhythm.look_seconds)

    async def _step_safely(self) -> None:
        """Take a step; the same trouble is told once."""
        before, self._trouble = self._trouble, ""
        try:
            await self._apart(self.step)
        except errors.NotifierError as error:
            self._trouble = str(error)
            if before != self._trouble:
                log.error("the heartbeat is not written", reason=self._trouble)
        except Exception as error:
            self._trouble = type(error).__name__
            if before != self._trouble:
                log.exception("the heartbeat is not written")
        else:
            if before:
                log.info("the heartbeat is written again")

    async def confirmed(self) -> None:
        """Return while we are the scheduler beyond doubt; where that is in doubt, wait for `keep`
        to find out: when we are not, whoever called us is ended by `changed`."""
        if self.holds:
            return
        async with self._steps:
            await self._steps.wait_for(lambda: self.holds)

    async def claim(self, stop: asyncio.Event) -> bool:
        """Become the scheduler now, or return False at `stop`, or once another is known to live.

        Raises:
            Busy, DatabaseError: the database does not answer.
        """
        while not stop.is_set():
            await self._apart(self.step)
            if self.holds or self._other_lives():
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.rhythm.look_seconds)
        return self.holds

    async def release(self) -> None:
        """Be the scheduler no longer, so that another can at once."""
        self._wants = False
        await self._apart(self._release)

    async def leave(self) -> None:
        """Be gone for the others; see `release`."""
        await self.release()
        await self._apart(self._leave)
        self._thread.shutdown(wait=False)

    async def _apart(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def step(self) -> None:
        """Do what is due now: a beat, and for who waits a look.

        Raises:
            Busy, DatabaseError: the database does not answer; what we know stays as it is.
        """
        at = self._seconds()  # before any statement: what it writes is no older for the others
        if self._beaten is None or at - self._beaten >= self.rhythm.beat_seconds:
            self._beat(at)
        if self._wants and self._renewed is None:
            self._look(at)

    def _beat(self, at: float) -> None:
        now, had = self._clock(), self._renewed is not None
        with self._database.writing() as conn:
            store_processes.beat(conn, self.me, now=now)
            kept = had and store_processes.renew(conn, SCHEDULER, self.me.token)
            self._forget_gone(conn, now)
        self._beaten = at
        self._renewed = at if kept else None
        if had and not kept:
            self._told = None
            log.warning("no longer the scheduler: another process took over", **self._about)

    def _look(self, at: float) -> None:
        with self._database.reading() as conn:
            lease = store_processes.lease(conn, SCHEDULER)
            self.other = store_processes.find(conn, lease.holder)
        self._watched = seen = watched(self._watched, lease, at, self.rhythm)
        if not self._is_free(seen):
            self._tell_waiting(lease)
            return
        with self._database.writing() as conn:
            took = store_processes.take(
                conn, SCHEDULER, self.me.token, seen=lease, now=self._clock()
            )
        if took:
            self._renewed, self._watched, self.other = at, None, None
            log.info("this process is the scheduler", **self._about)

    def _is_free(self, seen: Watched) -> bool:
        if seen.lease.holder in (NOBODY, self.me.token):
            return True
        gone = self.other is not None and is_gone(self.other.process, self.me)
        return gone or seen.still_seconds >= self.rhythm.lease_seconds

    def _other_lives(self) -> bool:
        if self._watched is None or self.other is None:
            return False
        age = (self._clock() - self.other.beat_at).total_seconds()
        return self._watched.moved or 0 <= age < self.rhythm.lease_seconds

    def _tell_waiting(self, lease: Lease) -> None:
        """Say once whom we wait for."""
        if self._told != lease.holder:
            self._told = lease.holder
            whose = self.other.process if self.other else None
            log.info(
                "another process is the scheduler, this one stands by",
                host=whose.host if whose else "unknown", pid=whose.pid if whose else None,
            )  # fmt: skip

    def _release(self) -> None:
        if self._renewed is None:
            return
        self._renewed = None
        log.info("no longer the scheduler: this process stops", **self._about)  # before others can
        with self._database.writing() as conn:
            store_processes.release(conn, SCHEDULER, self.me.token)

    def _leave(self) -> None:
        with self._database.writing() as conn:
            store_processes.forget(conn, [self.me.token])

    def _forget_gone(self, conn: Connection, now: datetime) -> None:
        needed = (self.me.token, store_processes.lease(conn, SCHEDULER).holder)
        gone = [
            one.process.token
            for one in store_processes.every(conn)
            if one.process.token not in needed
            and (is_gone(one.process, self.me) or abs(now - one.beat_at) > FORGOTTEN_AFTER)
        ]
        if gone:
            store_processes.forget(conn, gone)

    @property
    def _about(self) -> dict[str, object]:
        return {"host": self.me.host, "pid": self.me.pid}
