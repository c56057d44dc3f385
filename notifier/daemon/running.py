"""The daemon, as one process: pages, scheduler and worker, or some of them.

What must survive is in the tables. On SIGTERM nothing new is begun, what is on the wire is finished
and recorded, what the mail server does not have whole is given back; the end comes within
`daemon.stop_seconds`, but for a mail behind its final dot. A second signal ends at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import structlog

from notifier import errors
from notifier.app import App
from notifier.daemon import planning, sending, systemd
from notifier.daemon.identity import this_process
from notifier.daemon.lease import Rhythm
from notifier.daemon.planning import Planner
from notifier.daemon.reloading import Current, Reload
from notifier.daemon.sending import Sender
from notifier.daemon.signals import caught
from notifier.daemon.standing import Standing
from notifier.daemon.tasks import Tasks
from notifier.daemon.ticking import Ticker, tell_watchdog
from notifier.daemon.working import ENGINE, Asking, Work
from notifier.delivery.cut import Cut
from notifier.intake import system_clock
from notifier.runs import one_run
from notifier.vitals import ROLES, SCHEDULER, WEB, WORKER, Vitals
from notifier.web.serving import bound, serving

log = structlog.get_logger()

# Of the time to stop: a mail may still be handed over for so long, then it is given back; saying
# goodbye to the mail server takes five seconds at the most.
_HANDING_OVER = 0.4
_LAST_WORDS_SECONDS = 2.0
# Mails are recorded in threads, and must not wait for what is matched and written in others.
_THREADS = 32


def run(
    app: App,
    roles: Collection[str] = ROLES,
    *,
    reload: Reload | None = None,
    rhythm: Rhythm | None = None,
) -> int:
    """Run until a signal; return the exit code: 0 after SIGTERM, 130 after Ctrl-C.

    Args:
        roles: Of `vitals.ROLES`: what this process is here for.
        reload: What SIGHUP does; None: it ends the process.
    Raises:
        Busy: the port is taken.
        UsageError: it would have nothing to do.
    """
    settings = app.settings
    if set(roles) == {WEB} and not (settings.site.listen or settings.bounce.listen):
        raise errors.UsageError(
            f'nothing to do for "{WEB}": set site.listen, or leave out --only {WEB}'
        )
    return asyncio.run(_Daemon(app, Vitals(roles), reload, rhythm).run())


@asynccontextmanager
async def _taking(current: Current) -> AsyncIterator[None]:
    """Listen for what comes back, where that is wanted."""
    listen = current.app.settings.bounce.listen
    if not listen:
        yield
        return
    from notifier.delivery import lmtp

    def take(mail: bytes, recipient: str) -> None:
        current.app.take_mail(mail, envelope=recipient)

    def domain() -> str:
        return current.app.settings.mail.bounce_address.rpartition("@")[2]

    async with lmtp.listening(bound(listen, "bounce.listen"), take, domain=domain):
        yield


class _Daemon:
    """One run of the daemon."""

    def __init__(
        self, app: App, vitals: Vitals, reload: Reload | None, rhythm: Rhythm | None
    ) -> None:
        self._vitals, self._reload, self._roles = vitals, reload, vitals.roles
        self._current = Current(app, vitals)
        self._stop, self._cut, self._tasks = asyncio.Event(), Cut(), Tasks()
        me = this_process(",".join(self._roles), system_clock())
        wants = SCHEDULER in self._roles
        self._standing = Standing(app.database, me, wants=wants, rhythm=rhythm)
        self._engine = app.engine
        asking = self._asking()
        self._planner = Planner(self._tasks, self._stop, self._standing, self._engine, asking)
        self._work = Work(lambda: self._current.app, self._stop, self._made, asking)
        self._sender = Sender(self._tasks, self._stop, self._cut)
        self._ticker = Ticker(self._look, vitals, app.clock)
        self._seen: list[int] = []

    @property
    def _works(self) -> bool:
        """Whether this process does what the engine is asked for: the scheduler, where it does its
        own work, else whoever is a worker."""
        return (WORKER if self._engine.is_shared else SCHEDULER) in self._roles

    def _asking(self) -> Asking:
        """Who asks sources: the scheduler alone, or whoever was handed the task."""
        if self._engine.is_shared:
            return Asking()
        return Asking(lambda: self._standing.holds, self._standing.confirmed)

    async def run(self) -> int:
        threads = ThreadPoolExecutor(_THREADS, "notifier")
        asyncio.get_running_loop().set_default_executor(threads)
        again = self._reload_soon if self._reload else None
        with caught(self._stop, self._seen, again=again):
            async with AsyncExitStack() as keeping:
                async with AsyncExitStack() as open_:
                    await self._open(open_)
                    self._begin(keeping)
                    systemd.tell("READY=1", f"STATUS=runs: {', '.join(self._roles)}")
                    await self._stop.wait()
                    finishing = asyncio.ensure_future(self._finish())
                finished = await finishing
            finished = finished and await self._leave()
        return self._code(finished=finished)

    async def _open(self, open_: AsyncExitStack) -> None:
        """Listen, where this process is here for that: whoever only works needs no port."""
        settings, is_web = self._current.app.settings, WEB in self._roles
        if is_web:
            await open_.enter_async_context(serving(self._current.pages, settings.site.listen))
            await open_.enter_async_context(_taking(self._current))
        if place := settings.health.listen:
            probes = serving(self._current.probes, bound(place, "health.listen"))
            await open_.enter_async_context(probes)
        log.info(
            "daemon started",
            database=self._current.app.database.place,
            roles=",".join(self._roles),
            pages=(is_web and settings.site.listen) or "none",
            lmtp=(is_web and settings.bounce.listen) or "none",
            probes=settings.health.listen or "none",
        )
        if self._current.app.sink:
            log.warning("nothing is mailed to anybody", mails_go=self._current.app.mails_go)

    def _begin(self, keeping: AsyncExitStack) -> None:
        """Start what goes on for as long as the process lives."""
        self._ticker.start(self._current.app.settings.daemon.tick_seconds)
        works = [self._standing.keep(self._changed, self._beaten), self._ticker.watch()]
        if seconds := systemd.watchdog_seconds():
            works.append(tell_watchdog(self._vitals, seconds))
        for work in works:
            keeping.callback(asyncio.ensure_future(work).cancel)

    def _look(self) -> None:
        """What the clock starts; in the log it is one run, with all that follows from it."""
        if self._works:
            work = partial(self._engine.work, self._work.handlers(), self._stop)
            self._tasks.start(ENGINE, work)
        with one_run():
            if SCHEDULER in self._roles:
                self._planner.look(self._current.app)
            if WORKER in self._roles:
                self._sender.look(self._current.app)
            if WEB in self._roles:
                self._tasks.start("keys", self._current.refresh)

    def _made(self) -> None:
        """Send at once what was just made."""
        if WORKER in self._roles:
            self._sender.look(self._current.app, again=True)

    def _beaten(self) -> None:
        self._vitals.is_scheduler = self._standing.holds
        self._vitals.is_written = self._standing.is_written

    def _changed(self) -> None:
        """We have become the scheduler, or are it no longer."""
        self._beaten()
        if not self._standing.is_scheduler:
            self._planner.drop()
        elif not self._stop.is_set():
            with one_run():
                self._planner.look(self._current.app)
        standing = "scheduler" if self._standing.is_scheduler else "standby"
        systemd.tell(f"STATUS=runs: {', '.join(self._roles)} ({standing})")

    def _reload_soon(self) -> None:
        self._tasks.start("reload", self._read_again, again=True)

    async def _read_again(self) -> None:
        if self._reload is None:
            return
        systemd.reloading()
        try:
            if await self._current.reload(self._reload):
                self._ticker.every(self._current.app.settings.daemon.tick_seconds)
        finally:
            systemd.tell("READY=1")

    async def _finish(self) -> bool:
        """End what is under way; return whether all ended in time.

        Fetching is cut off at once: the next scheduler asks again.
        """
        clock, settings = asyncio.get_running_loop(), self._current.app.settings
        end = clock.time() + settings.daemon.stop_seconds
        log.info("daemon stopping")
        systemd.tell("STOPPING=1", "STATUS=ends what is under way")
        self._vitals.stopping = True
        self._tasks.close()
        self._planner.drop()
        self._ticker.stop()
        releasing = asyncio.ensure_future(self._release(end))
        await _ended(
            self._tasks.running(*sending.NAMES), settings.daemon.stop_seconds * _HANDING_OVER
        )
        self._cut.ask()
        await _ended(self._tasks.running(*sending.NAMES), _LAST_WORDS_SECONDS)
        if self._tasks.running(*sending.NAMES):  # cut off now, a mail would be sent twice
            log.info("waiting for the answer to what is on the wire")
            seconds = settings.smtp.whole_seconds
            systemd.tell(f"EXTEND_TIMEOUT_USEC={round((seconds + 10) * 1_000_000)}")
            await _ended(self._tasks.running(*sending.NAMES), seconds)
        await releasing
        late = self._tasks.running()
        for task in late:
            task.cancel()
        await _ended(late, _LAST_WORDS_SECONDS)
        return not late

    async def _release(self, end: float) -> None:
        """Let another process be the scheduler as soon as we plan nothing any more.

        Where planning does not end in time, the lease ends by itself.
        """
        left = end - asyncio.get_running_loop().time() - _LAST_WORDS_SECONDS
        names = (*planning.NAMES, ENGINE)
        await _ended(self._tasks.running(*names), max(left, _LAST_WORDS_SECONDS))
        if not self._tasks.running(*names):
            with suppress(errors.NotifierError, TimeoutError):
                await asyncio.wait_for(self._standing.release(), _LAST_WORDS_SECONDS)

    async def _leave(self) -> bool:
        """Take our name off the list; False where the database does not answer in time."""
        with suppress(errors.NotifierError, TimeoutError):
            await asyncio.wait_for(self._standing.leave(), _LAST_WORDS_SECONDS)
            return True
        return False

    def _code(self, *, finished: bool) -> int:
        code = 130 if signal.SIGINT in self._seen else 0
        if not finished:
            log.warning("daemon ends before its work; what is open is taken up by the next start")
            os._exit(code)  # a thread still at work would keep the process alive
        log.info("daemon stopped")
        return code


async def _ended(tasks: Collection[asyncio.Task[None]], seconds: float) -> None:
    """Wait until all of them have ended, or so long."""
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
