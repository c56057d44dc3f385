"""How an instance looks after itself: who is told when it needs somebody, here and elsewhere."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from notifier.config import Settings
from notifier.delivery import breaker
from notifier.digests.render import Templates
from notifier.digests.view import Service
from notifier.intake import Clock
from notifier.jobs.alerting import wording
from notifier.jobs.alerting.telling import Change
from notifier.jobs.alerting.troubles import MEGABYTE, Limits
from notifier.jobs.alerting.watch import AlertSettings, lasting, watch
from notifier.jobs.delivering import memory
from notifier.ping import Ping
from notifier.storage.database import Database
from notifier.storage.store_alerts import Alert
from notifier.ticked import Ticked

# Right after a start, or a leap of the clock, everything is late for a moment.
SETTLE = timedelta(minutes=10)
AT_ONCE = timedelta(0)
LOOK_EVERY = timedelta(minutes=1)


class Health:
    """Of one instance; mails to its operator are made as digests are, `secret` names them."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        service: Service,
        secret: bytes,
        templates: Templates,
        sign: Callable[[bytes, datetime], bytes],
    ) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._service, self._secret = service, secret
        self._templates, self._sign = templates, sign
        self._looked_at: datetime | None = None

    @cached_property
    def ping(self) -> Ping:
        """Who elsewhere watches."""
        return Ping(self._settings.health.ping_url.get_secret_value())

    @cached_property
    def alert_settings(self) -> AlertSettings:
        """Who is told of what."""
        health, mail, digest = self._settings.health, self._settings.mail, self._settings.digest
        return AlertSettings(
            to=health.alert_to,
            limits=Limits(
                silent=timedelta(hours=health.silent_hours),
                failures=health.source_failures,
                free_bytes=health.disk_megabytes * MEGABYTE,
                wait=timedelta(minutes=digest.wait_minutes),
            ),
            sources=frozenset(one.name for one in self._settings.source if one.enabled),
            free_bytes=self._free_bytes,
            language=digest.language,
            service=self._service,
            sender=mail.sender,
            reply_to=mail.reply_to,
            secret=self._secret,
            templates=self._templates,
            sign=self._sign,
        )

    def _free_bytes(self) -> int | None:
        """How much room the database has; None where it is another machine's."""
        if not self._database.is_sqlite:
            return None
        try:
            return shutil.disk_usage(Path(self._database.place).parent).free
        except OSError:
            return None

    def watch(self, *, settle: timedelta = SETTLE) -> list[Change]:
        """Look at how the instance does, and have somebody told; return what is to be told.

        Args:
            settle: How long something must last before it is told.
        """
        return watch(self._database, self.alert_settings, now=self._clock(), settle=settle)

    def look(self, *, settle: timedelta = SETTLE) -> list[Change]:
        """See `watch`; at most once a minute, since passes with nothing due come more often."""
        now = self._clock()
        if self._looked_at and timedelta(0) <= now - self._looked_at < LOOK_EVERY:
            return []
        self._looked_at = now
        return self.watch(settle=settle)

    def alerts(self) -> list[Alert]:
        """Return what needs somebody and was told, what began first first."""
        with self._database.reading() as conn:
            return lasting(conn)

    @asynccontextmanager
    async def told(
        self, done: Ticked, stop: asyncio.Event, send_letters: Callable[..., Awaitable[object]]
    ) -> AsyncIterator[None]:
        """Tell who watches elsewhere of the one pass inside, and the operator of what needs them.

        Where another process plans, it is that one that tells the operator.
        """
        try:
            async with self.ping.around() as this:
                try:
                    yield
                finally:  # the operator is told of a pass that fails, too
                    if not (stop.is_set() or done.left_to):
                        told = await asyncio.to_thread(self.look, settle=AT_ONCE)
                        if told:
                            await send_letters(stop=stop)
                this.reasons += await self.reasons(failed=done.composed.failed)
        finally:
            await self.ping.finish()

    async def reasons(self, *, failed: int) -> list[str]:
        """Return why a pass did not go well: short, without an address; none where nobody is told.

        Args:
            failed: Digests that could not be made in it.
        """
        if not self._settings.health.ping_url.get_secret_value():
            return []
        return await asyncio.to_thread(self._reasons, failed)

    def _reasons(self, failed: int) -> list[str]:
        found = [f"{failed} digests could not be made - see the log"] if failed else []
        with self._database.reading() as conn:
            server, alerts = memory.breaker(conn), lasting(conn)
        if server.is_open:
            found.append(wording.reason(f"the mail server is {breaker.told(server)}"))
        return found + [str(wording.what(one)) for one in alerts]
