"""One connection's loop: take a mail, send it, have it written down, and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from notifier.delivery.blame import blame
from notifier.delivery.breaker import Cause
from notifier.delivery.cut import Cut
from notifier.delivery.mailer import Mailer, Transport
from notifier.errors import NOT_NOW, MailerDown, SendError
from notifier.jobs.delivering.claiming import Claims, Taken
from notifier.jobs.delivering.recording import Recorder
from notifier.jobs.delivering.values import Delivered, DeliverSettings

log = structlog.get_logger()

# A limit that is used up is waited for when it ends within this, in a run no longer than that:
# after it, digests that became due meanwhile have their turn.
LONGEST_WAIT = timedelta(seconds=65)
LONGEST_RUN = timedelta(minutes=5)
# What became of a mail is written down again and again, until it is kept: nobody else knows it.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0

_Kept = TypeVar("_Kept")


@dataclass(slots=True)
class Run:
    """What the workers of one run share.

    `heard`: the mail server has judged a mail; until then a single worker asks it, so that a wrong
    password is tried once. `wait(seconds)` returns then, or when the run is to stop.
    """

    settings: DeliverSettings
    clock: Callable[[], datetime]
    stop: asyncio.Event
    wait: Callable[[float], Awaitable[None]]
    claims: Claims
    recorder: Recorder
    done: Delivered
    cut: Cut
    begun_at: datetime
    working: int = 0
    heard: bool = False
    first_told: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def goes_on(self) -> bool:
        """Whether to take another mail."""
        return not self.stop.is_set() and self.done.down is None

    async def waited(self) -> bool:
        """Wait for a limit to end that holds mails back; False where that is not worth it."""
        opens_at = await asyncio.to_thread(self.claims.opens_at)
        now = self.clock()
        if opens_at is None or opens_at - now > LONGEST_WAIT or now - self.begun_at > LONGEST_RUN:
            return False
        await self.wait(max((opens_at - now).total_seconds(), 0.0))
        return True


class Worker:
    """One connection."""

    def __init__(self, run: Run, number: int) -> None:
        self._run = run
        self._owner = f"{run.settings.owner}/{number}"
        self._ended = False

    async def work(self, transport: Transport) -> None:
        """Send until nothing may be sent, the server is down, or we are asked to stop."""
        run = self._run
        run.working += 1
        try:
            async with transport.open() as mailer:
                taken: Taken | None = None
                while taken or (run.goes_on and not self._ended):
                    taken = taken or await asyncio.to_thread(run.claims.next, self._owner)
                    if taken is not None:
                        taken = await self._send(mailer, taken)
                    elif not await run.waited():
                        return
        finally:
            run.working -= 1
            run.claims.end(self._owner)
            run.first_told.set()

    async def _send(self, mailer: Mailer, taken: Taken) -> Taken | None:
        """Send a mail, have it written down, and return the next if one was taken along."""
        mail = taken.mail
        try:
            words = await self._run.cut.send(
                mailer,
                sender=self._run.settings.return_path(mail),
                recipient=mail.address,
                content=mail.content,
            )
        except MailerDown as error:
            cause: Cause = "login" if error.login_refused else "connection"
            await self._server_failed(taken, cause, str(error))
        except SendError as error:
            if blame(error) == "server":
                await self._server_failed(taken, "server", self._said(error), stage=error.stage)
            else:
                self._heard(bool(error.code))
                refused = self._run.recorder.refused
                await self._written(partial(refused, taken, error, owner=self._owner), taken)
        else:
            if words is not None:
                self._heard(True)
                return await self._sent(taken, words)
            self._ended = True
            cut_off = self._run.recorder.cut_off
            await self._written(partial(cut_off, taken, owner=self._owner), taken)
        return None

    async def _sent(self, taken: Taken, words: str) -> Taken | None:
        run, following = self._run, None
        record = partial(run.recorder.sent, taken=taken, words=words, owner=self._owner)
        try:
            if run.goes_on:
                following = await asyncio.to_thread(run.claims.next, self._owner, record)
            else:
                await asyncio.to_thread(run.claims.only, record)
        except NOT_NOW:
            await self._written(partial(run.claims.only, record), taken)
        run.recorder.tell_sent(taken)
        return following

    async def _written(self, write: Callable[[], _Kept], taken: Taken) -> _Kept:
        """Write down what the server said; while that cannot be, take no other mail, and wait.

        Raises:
            Busy, Unavailable: it could not be twice, and we are asked to stop: it is in doubt.
        """
        pause, about = _FIRST_PAUSE_SECONDS, {"digest": taken.mail.digest}
        while True:
            try:
                kept = await asyncio.to_thread(write)
            except NOT_NOW as error:
                if pause == _FIRST_PAUSE_SECONDS:
                    log.error("an answer cannot be written down yet", reason=str(error), **about)
                if not self._run.stop.is_set():
                    await self._run.wait(pause)
                elif pause == _FIRST_PAUSE_SECONDS:
                    await asyncio.sleep(pause)
                else:
                    raise
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                if pause > _FIRST_PAUSE_SECONDS:
                    log.info("the answer is written down", **about)
                return kept

    def _heard(self, heard: bool) -> None:
        self._run.heard = self._run.heard or heard
        if heard:
            self._run.first_told.set()

    def _said(self, error: SendError) -> str:
        if not error.permanent:
            return f"the mail server puts off whatever we send ({error})"
        setting = "bounce_address" if self._run.settings.bounce_address else "from"
        return f"the mail server refuses our sender ({error}) - check mail.{setting} and smtp"

    async def _server_failed(
        self, taken: Taken, cause: Cause, reason: str, *, stage: str = "connect"
    ) -> None:
        """End this worker, and the run of all unless another connection works."""
        run = self._run
        self._ended = True
        if cause == "login" or not run.heard or run.working == 1:
            run.done.down = run.done.down or reason
        log.error("mail server down", reason=reason, connections=run.working - 1)
        failed = partial(run.recorder.server_failed, taken, cause, reason)
        await self._written(partial(failed, stage=stage, owner=self._owner), taken)
