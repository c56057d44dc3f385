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
from typing import Any

from sqlalchemy import Connection, select, update

from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.statements import insert_new

_LOOK_AGAIN_SECONDS = 0.25
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
        while wait := await self._ask(service, token):
            if wait > self._longest_wait_seconds:
                raise self._too_long(service, wait)
            await asyncio.sleep(wait)
        try:
            yield
        finally:
            pause = timedelta(seconds=pause_seconds)
            await asyncio.shield(asyncio.to_thread(self._give_back, service, token, pause))

    async def _ask(self, service: str, token: str) -> float:
        """See `_take`; one that is cancelled meanwhile gives back what it took."""
        taking = asyncio.ensure_future(asyncio.to_thread(self._take, service, token))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            if not await taking:
                await asyncio.to_thread(self._give_back, service, token, timedelta(0))
            raise

    async def rest(self, service: str, seconds: float) -> None:
        """Let nobody ask the service for so long."""
        await asyncio.to_thread(self._rest, service, timedelta(seconds=seconds))

    def _take(self, service: str, token: str) -> float:
        """Take the turn and return 0, or return the seconds after which to try again."""
        with self._database.writing() as conn:
            now = self._clock()  # of our turn to write, which may have been waited for
            row = _row(conn, service, now)
            if row.holder != _NOBODY and now < row.held_until:
                return _LOOK_AGAIN_SECONDS
            if now < row.not_before:
                return float((row.not_before - now).total_seconds())
            _write(conn, service, now, holder=token, held_until=now + self._hold)
        return 0.0

    def _give_back(self, service: str, token: str, pause: timedelta) -> None:
        """End our turn, unless it ran out and is another's by now."""
        with self._database.writing() as conn:
            now = self._clock()  # of our turn to write, which may have been waited for
            row = _row(conn, service, now)
            if row.holder == token:
                not_before = max(row.not_before, now + pause)
                _write(conn, service, now, holder=_NOBODY, not_before=not_before)

    def _rest(self, service: str, length: timedelta) -> None:
        with self._database.writing() as conn:
            now = self._clock()  # of our turn to write, which may have been waited for
            row = _row(conn, service, now)
            _write(conn, service, now, not_before=max(row.not_before, now + length))


def _row(conn: Connection, service: str, now: datetime) -> Any:
    """The turn at a service; times of a clock that was set back since are moved with it."""
    fresh = {"holder": _NOBODY, "held_until": now, "not_before": now, "told_at": now}
    insert_new(conn, t.turn, [fresh | {"service": service}])
    query = select(t.turn).where(t.turn.c.service == service)
    row = conn.execute(query).one()
    if row.told_at > now:
        back = row.told_at - now
        _write(conn, service, now, held_until=row.held_until - back,
               not_before=row.not_before - back)  # fmt: skip
        row = conn.execute(query).one()
    return row


def _write(conn: Connection, service: str, now: datetime, **values: Any) -> None:
    here = t.turn.c.service == service
    conn.execute(update(t.turn).where(here).values(told_at=now, **values))
