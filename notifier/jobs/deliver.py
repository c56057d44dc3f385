"""Send what is waiting: claim one, send it, record what became of it, and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr

import structlog

from notifier.delivery import backoff, verp
from notifier.delivery.backoff import Decision
from notifier.delivery.mailer import Mailer, Transport
from notifier.errors import MailerDown, SendError
from notifier.storage import store_deliveries, store_subscribers
from notifier.storage.database import Database
from notifier.storage.store_deliveries import Claimed, Outcome

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeliverSettings:
    """`owner` names this process in claims; `connections` mails are on the wire at a time.

    `holds_doubtful`: a mail that the server may have taken waits for somebody's word; else it is
    sent again.

    With `bounce_address` every mail has a return path of its own in its domain, signed with
    `secret`; without, what comes back goes to `sender`.
    """

    sender: str
    owner: str
    lease: timedelta
    connections: int = 1
    holds_doubtful: bool = False
    bounce_address: str = ""
    secret: bytes = field(default=b"", repr=False)

    def return_path(self, claimed: Claimed) -> str:
        """Return the envelope's sender for a delivery."""
        if not self.bounce_address:
            return parseaddr(self.sender)[1]
        token = verp.make(self.secret, verp.BOUNCE, claimed.row, claimed.digest)
        return verp.address(verp.BOUNCE, token, self.bounce_address)


@dataclass(slots=True)
class Delivered:
    """What a run did; `down` says why the mail server took nothing more."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    expired: int = 0
    dropped: int = 0
    held: int = 0
    down: str | None = None


async def deliver(
    database: Database,
    transport: Transport,
    settings: DeliverSettings,
    *,
    clock: Callable[[], datetime],
    stop: asyncio.Event | None = None,
) -> Delivered:
    """Send everything that is due; stops at `stop`, after what is on the wire.

    A server that refuses the login or cannot be reached ends the run and blames no mail.
    """
    done = Delivered()
    await asyncio.to_thread(_close_stale, database, settings, done, clock())
    stop = stop or asyncio.Event()
    workers = (
        _Worker(database, transport, settings, number, clock, stop, done).run()
        for number in range(settings.connections)
    )
    ended = await asyncio.gather(*workers, return_exceptions=True)
    for error in ended:  # only after all have ended: none is left on the wire unattended
        if isinstance(error, BaseException):
            raise error
    return done


def _close_stale(
    database: Database, settings: DeliverSettings, done: Delivered, now: datetime
) -> None:
    with database.writing() as conn:
        if settings.holds_doubtful:
            done.held += store_deliveries.hold_doubtful(conn, now=now)
        done.expired, done.dropped = store_deliveries.close_stale(
            conn, now=now, takes_over=not settings.holds_doubtful
        )


class _Worker:
    """One connection's loop."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        settings: DeliverSettings,
        number: int,
        clock: Callable[[], datetime],
        stop: asyncio.Event,
        done: Delivered,
    ) -> None:
        self._database = database
        self._transport = transport
        self._settings = settings
        self._owner = f"{settings.owner}/{number}"
        self._clock = clock
        self._stop = stop
        self._done = done

    async def run(self) -> None:
        """Claim and send until nothing is due, the server is down, or we are asked to stop."""
        async with self._transport.open() as mailer:
            while not self._stop.is_set() and self._done.down is None:
                claimed = await asyncio.to_thread(self._claim)
                if claimed is None:
                    return
                await self._send(mailer, claimed)

    def _claim(self) -> Claimed | None:
        now = self._clock()
        with self._database.writing() as conn:
            found = store_deliveries.claim(
                conn, owner=self._owner, now=now, lease_until=now + self._settings.lease, limit=1,
                takes_over=not self._settings.holds_doubtful,
            )  # fmt: skip
        return found[0] if found else None

    async def _send(self, mailer: Mailer, claimed: Claimed) -> None:
        sender = self._settings.return_path(claimed)
        try:
            words = await mailer.send(
                sender=sender, recipient=claimed.address, content=claimed.content
            )
        except MailerDown as error:
            await self._stop_all(claimed, str(error))
        except SendError as error:
            if backoff.is_about_us(error):
                setting = "bounce_address" if self._settings.bounce_address else "from"
                reason = (
                    f"the mail server refuses our sender ({error}) - check mail.{setting} and smtp"
                )
                await self._stop_all(claimed, reason)
            else:
                await asyncio.to_thread(self._refused, claimed, error)
        else:
            self._done.sent += 1
            await asyncio.to_thread(self._record, claimed, Outcome("sent", "dot", 250, "", words))
            log.info("digest sent", digest=claimed.digest, attempt=claimed.attempts)

    async def _stop_all(self, claimed: Claimed, reason: str) -> None:
        """End the run of all workers; the mail is not to blame."""
        self._done.down = self._done.down or reason
        log.error("mail server down", reason=reason)
        await asyncio.to_thread(self._release, claimed, reason)

    def _release(self, claimed: Claimed, reason: str) -> None:
        with self._database.writing() as conn:
            store_deliveries.release(
                conn, claimed.row, owner=self._owner, reason=reason, now=self._clock()
            )

    def _refused(self, claimed: Claimed, error: SendError) -> None:
        now = self._clock()
        decision = backoff.decide(error, attempts=claimed.attempts, key=claimed.digest, now=now)
        if error.in_doubt and self._settings.holds_doubtful:
            decision = Decision("held")
            self._done.held += 1
        elif decision.state == "failed":
            self._done.failed += 1
        else:
            self._done.later += 1
        outcome = Outcome(
            decision.state,
            error.stage,
            error.code,
            error.enhanced,
            error.reply,
            decision.not_before,
        )
        self._record(claimed, outcome, dead=decision.dead)
        log.warning(
            "digest not sent", digest=claimed.digest, stage=error.stage, code=error.code,
            enhanced=error.enhanced, in_doubt=error.in_doubt, state=decision.state,
        )  # fmt: skip

    def _record(self, claimed: Claimed, outcome: Outcome, *, dead: bool = False) -> None:
        now = self._clock()
        with self._database.writing() as conn:
            kept = store_deliveries.finish(conn, claimed.row, outcome, owner=self._owner, now=now)
            if dead:
                evidence = f"{outcome.code} {outcome.enhanced} {outcome.reply}"
                store_subscribers.suppress(conn, claimed.address, "dead address", evidence, now)
        if not kept:
            log.warning("another worker had taken over", digest=claimed.digest)
