"""Turns at the services we ask, shared by all processes on one database.

arXiv asks for one request every three seconds on one connection, from all machines together
(https://info.arxiv.org/help/api/tou.html). A row per service says who is asking and from when the
next one may; whoever dies while asking is waited for as long as a request may take.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import select, update

from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.statements import insert_new

_LOOK_AGAIN_SECONDS = 0.25
_LONGEST_REST = timedelta(days=1)
_NOBODY = ""


class SharedTurns:
    """The turns of every process that shares the database; see `sources.http.Turns`."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        hold: timedelta,
        longest_wait_seconds: float,
        too_long: Callable[[str, float], Exception],
    ) -> None:
        """
        Args:
            clock: The real time (aware UTC), also where the rest of the program is shown another.
            hold: How long one request may take; after that its turn is over.
            longest_wait_seconds: A longer rest raises `too_long(service, seconds)` at once.
        """
        self._database, self._clock, self._hold = database, clock, hold
        self._longest_wait_seconds, self._too_long = longest_wait_seconds, too_long

    @asynccontextmanager
    async def turn(self, service: str, *, pause_seconds: float) -> AsyncIterator[None]:
        """Wait for our turn and hold it; at the end the next one must wait `pause_seconds`."""
        token = secrets.token_hex(8)
        while wait := await asyncio.to_thread(self._take, service, token):
            if wait > self._longest_wait_seconds:
                raise self._too_long(service, wait)
            await asyncio.sleep(wait)
        try:
            yield
        finally:
            pause = timedelta(seconds=pause_seconds)
            await asyncio.shield(asyncio.to_thread(self._give_back, service, token, pause))

    async def rest(self, service: str, seconds: float) -> None:
        """Let nobody ask the service for so long."""
        await asyncio.to_thread(self._rest, service, timedelta(seconds=seconds))

    def _take(self, service: str, token: str) -> float:
        """Take the turn and return 0, or return the seconds after which to try again."""
        now = self._clock()
        with self._database.writing() as conn:
            fresh = {"service": service, "holder": _NOBODY, "held_until": now, "not_before": now}
            insert_new(conn, t.turn, [fresh])
            row = conn.execute(select(t.turn).where(t.turn.c.service == service)).one()
            # A lease further ahead than any can be was written before the clock was set back.
            if row.holder != _NOBODY and now < row.held_until <= now + self._hold:
                return _LOOK_AGAIN_SECONDS
            if now < row.not_before <= now + _LONGEST_REST:
                return float((row.not_before - now).total_seconds())
            conn.execute(
                update(t.turn)
                .where(t.turn.c.service == service)
                .values(holder=token, held_until=now + self._hold)
            )
        return 0.0

    def _give_back(self, service: str, token: str, pause: timedelta) -> None:
        """End our turn, unless it ran out and is another's by now."""
        with self._database.writing() as conn:
            row = conn.execute(select(t.turn).where(t.turn.c.service == service)).one()
            if row.holder == token:
                not_before = max(row.not_before, self._clock() + pause)
                conn.execute(
                    update(t.turn)
                    .where(t.turn.c.service == service)
                    .values(holder=_NOBODY, not_before=not_before)
                )

    def _rest(self, service: str, length: timedelta) -> None:
        until = self._clock() + min(length, _LONGEST_REST)
        with self._database.writing() as conn:
            conn.execute(
                update(t.turn)
                .where(t.turn.c.service == service, t.turn.c.not_before < until)
                .values(not_before=until)
            )
