"""The daemon: APScheduler as the clock, our own tasks for the work, signals for the end.

The scheduler's jobs only start work; what must survive is in the tables. On SIGTERM nothing new
is begun, what is on the wire is finished and recorded, other work has `daemon.stop_seconds`;
a second signal ends the process at once.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from notifier import errors
from notifier.app import App
from notifier.intake import system_clock
from notifier.patience import Patience
from notifier.ticked import Ticked
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

log = structlog.get_logger()

# The first pass waits for the sources, but not for ever for services that do not answer.
FIRST_SOURCES_SECONDS = 600.0


def tick_once(app: App) -> Ticked:
    """Do one pass of everything due; SIGTERM and Ctrl-C stop it between two mails."""
    return asyncio.run(_tick_once(app))


async def _tick_once(app: App) -> Ticked:
    stop, seen = asyncio.Event(), list[int]()
    with _signals(stop, seen):
        done = await app.tick(stop=stop)
    if signal.SIGINT in seen:
        raise KeyboardInterrupt
    return done


def run(app: App) -> int:
    """Run until a signal; return the exit code: 0 after SIGTERM, 130 after Ctrl-C.

    Raises:
        Busy: another daemon runs on the same database file, or the port is taken.
    """
    with _only_one(app):
        return asyncio.run(_Daemon(app).run())


@contextmanager
def _only_one(app: App) -> Iterator[None]:
    """Hold a lock beside a SQLite file while the daemon runs; the kernel lets go of it."""
    if not app.database.is_sqlite:
        yield
        return
    path = Path(app.database.place + ".lock")
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise errors.Busy(f"another daemon (process {holder}) runs on this database") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def _signals(stop: asyncio.Event, seen: list[int] | None = None) -> Iterator[None]:
    """Set `stop` at the first SIGTERM or SIGINT; end the process at the second."""
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGTERM, signal.SIGINT)

    def received(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)  # the second time: at once; the ledger keeps what is open
        if seen is not None:
            seen.append(number)
        stop.set()

    for number in wanted:
        loop.add_signal_handler(number, received, number)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _taking(app: App) -> AsyncIterator[None]:
    """Listen for what comes back, where that is wanted."""
    listen = app.settings.bounce.listen
    if not listen:
        yield
        return
    from notifier.delivery import lmtp

    def take(mail: bytes, recipient: str) -> None:
        app.take_mail(mail, envelope=recipient)

    domain = app.settings.mail.bounce_address.rpartition("@")[2]
    async with lmtp.listening(bound(listen, "bounce.listen"), take, domain=domain):
        yield


class _Daemon:
    """One run of the daemon."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stop = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sending = 0
        self._patience = Patience()

    async def run(self) -> int:
        seen: list[int] = []
        listen = self._app.settings.site.listen
        with _signals(self._stop, seen):
            async with serving(make_site(self._app), listen), _taking(self._app):
                scheduler = self._scheduler()
                scheduler.start()
                log.info(
                    "daemon started",
                    database=self._app.database.place,
                    pages=listen or "none",
                    lmtp=self._app.settings.bounce.listen or "none",
                )
                if self._app.sink:
                    log.warning("nothing is mailed to anybody", mails_go=self._app.mails_go)
                await self._stop.wait()
                log.info("daemon stopping")
                scheduler.shutdown(wait=False)
                finished = await self._finish()
        code = 130 if signal.SIGINT in seen else 0
        if not finished:
            log.warning("daemon ends before its work; what is open is taken up by the next start")
            os._exit(code)  # a thread still at work would keep the process alive
        log.info("daemon stopped")
        return code

    def _scheduler(self) -> Any:  # APScheduler has no types
        from apscheduler.schedulers.asyncio import AsyncIOScheduler
        from apscheduler.triggers.interval import IntervalTrigger

        scheduler = AsyncIOScheduler(
            timezone="UTC",
            # Late runs are made up for, not skipped: the tables decide what is due.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        seconds = self._app.settings.daemon.tick_seconds
        scheduler.add_job(
            self._tick,
            IntervalTrigger(seconds=seconds, timezone="UTC"),
            id="tick",
            next_run_time=system_clock(),
        )
        return scheduler

    async def _tick(self) -> None:
        """What the scheduler runs: it starts a task of ours, since shutdown cancels its own."""
        self._spawn("mailbox", self._mailbox)
        self._spawn("letters", self._letters)
        self._spawn("pass", self._pass)
        self._spawn("channels", self._channels)

    def _spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start a job's work as a task of ours, unless the last one is still at it, or waits."""
        running, now = self._tasks.get(name), asyncio.get_running_loop().time()
        if self._stop.is_set() or (running and not running.done()):
            return
        if self._patience.has_to_wait(name, now):
            return
        self._tasks[name] = asyncio.ensure_future(self._patient(name, work))

    async def _patient(self, name: str, work: Callable[[], Awaitable[Any]]) -> None:
        """Do some work; where the database cannot be used now, it waits longer and longer."""
        try:
            await self._guarded(name, work)
        except errors.NOT_NOW as error:
            if self._patience.failed(name, asyncio.get_running_loop().time()):
                log.error("the database cannot be used: waiting", job=name, reason=str(error))
        else:
            if self._patience.went_well(name):
                log.info("the database can be used again")

    async def _guarded(self, name: str, work: Callable[[], Awaitable[Any]]) -> None:
        try:
            await work()
        except errors.NOT_NOW:
            raise
        except errors.NotifierError as error:
            log.error("job failed", job=name, reason=str(error))
        except Exception:
            log.exception("job failed", job=name)

    async def _pass(self) -> None:
        """Fetch in the background; make and send what is due.

        The first pass after a start waits for the sources, so that a digest that makes up for
        a downtime holds the papers of that time.
        """
        first = "sources" not in self._tasks
        self._spawn("sources", self._sources)
        if first and "sources" in self._tasks:
            await asyncio.wait([self._tasks["sources"]], timeout=FIRST_SOURCES_SECONDS)
        if not self._stop.is_set():
            await asyncio.to_thread(self._app.compose, stopping=self._stop.is_set)
        if not self._stop.is_set():
            with self._on_the_wire():
                await self._app.deliver(stop=self._stop)

    async def _letters(self) -> None:
        """Send what somebody waits for, beside the digests."""
        with self._on_the_wire():
            sent = await self._app.send_letters(stop=self._stop)
        if sent.down:
            log.error("mail server down", reason=sent.down)

    async def _channels(self) -> None:
        """Send what goes to channels, beside the mails."""
        with self._on_the_wire():
            await self._app.channelled.send(stop=self._stop)

    @contextmanager
    def _on_the_wire(self) -> Iterator[None]:
        self._sending += 1
        try:
            yield
        finally:
            self._sending -= 1

    async def _mailbox(self) -> None:
        """Read the mailbox of bounces, where there is one; a failure is noted, and told once."""
        with suppress(errors.MailboxError):
            await asyncio.to_thread(self._app.returned.poll_if_due, stopping=self._stop.is_set)

    async def _sources(self) -> None:
        for source in await asyncio.to_thread(self._app.intake.due_sources, self._app.clock()):
            if not self._stop.is_set():
                await self._guarded(source.name, partial(self._app.intake.ingest, [source]))

    async def _finish(self) -> bool:
        """Let what is on the wire end by itself for a while, then cancel it.

        Fetching is cut off at once: the next start asks again. Returns whether all ended in time.
        """
        if "sources" in self._tasks:
            self._tasks["sources"].cancel()
        running = [task for task in self._tasks.values() if not task.done()]
        if not running:
            return True
        seconds: float = self._app.settings.daemon.stop_seconds
        if self._sending:  # cut off behind its final dot, a mail would be sent twice
            log.info("waiting for the answer to what is on the wire")
            seconds = max(seconds, self._app.settings.smtp.whole_seconds)
        _, late = await asyncio.wait(running, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return not late
