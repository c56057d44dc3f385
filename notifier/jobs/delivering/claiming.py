"""Take the next mail for sending: of an open queue, within all limits, counted before it goes.

All of a claim happens in one transaction, so the limits hold for all processes on one database,
and a crash counts too many rather than too few. A mail that nothing but the claiming statement has
to say anything about is claimed beside others who do so; whatever else comes up is decided alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from notifier.delivery import breaker, limits
from notifier.errors import NOT_NOW
from notifier.jobs.delivering import memory
from notifier.jobs.delivering.values import SERVER, DeliverSettings
from notifier.storage import store_deliveries, store_pace, store_queues
from notifier.storage.database import Database, must_be_alone
from notifier.storage.pace_rows import COMMON, UNSORTED
from notifier.storage.store_deliveries import Claimed

Record: TypeAlias = Callable[[Connection], None]
# How often a run looks for mails that another process died with.
LOOK_EVERY = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail to be sent now; `trial`: by it is seen whether the mail server can be asked again."""

    mail: Claimed
    trial: bool = False


_Found: TypeAlias = Taken | Literal["again"] | None


class Claims:
    """Where the workers of a run get their mails.

    What they have on the wire is taken over by none of them, however far the clock leaps.
    """

    def __init__(
        self, database: Database, settings: DeliverSettings, clock: Callable[[], datetime]
    ) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._looked_at = clock()
        self._on_the_wire: dict[str, tuple[int, ...]] = {}  # by owner

    def next(self, owner: str, record: Record | None = None) -> Taken | None:
        """Return a mail that is `owner`'s until its lease ends; None: none may be sent now.

        Args:
            record: Writes down what became of the mail before, in the same transaction; by itself
                where nothing can be claimed for an error.

        Raises:
            Busy, Unavailable: nothing is claimed, and nothing written down.
        """
        work = partial(self._recorded_and_tried, owner=owner, record=record)
        try:
            found = self._in_turn(work, alone=self._looks(self._clock()))
        except NOT_NOW:
            raise
        except Exception:
            if record:
                self.only(record)
            raise
        try:
            while found == "again":
                with self._database.writing() as conn:
                    found = self._try(conn, owner)
        except NOT_NOW:
            found = None  # what came before is written down; whoever asks next is told
        self._on_the_wire[owner] = (found.mail.row,) if found else ()
        return found

    def end(self, owner: str) -> None:
        """Whatever `owner` had claimed may be taken over once its lease ends."""
        self._on_the_wire.pop(owner, None)

    def only(self, record: Record) -> None:
        """Write down what became of a mail, and take no other."""
        self._database.beside_others(record)

    def _in_turn(self, work: Callable[[Connection], _Found], *, alone: bool) -> _Found:
        """Claim beside others; `alone`, or where all mails count in a limit, while nobody does."""
        if not alone and not self._settings.pace.limits.get(SERVER):
            return self._database.beside_others(work)
        with self._database.writing() as conn:
            return work(conn)

    def _recorded_and_tried(self, conn: Connection, *, owner: str, record: Record | None) -> _Found:
        if record:
            record(conn)
        return self._try(conn, owner)

    def _try(self, conn: Connection, owner: str) -> _Found:
        """Claim a mail, "again" where the first that was found may not go."""
        now = self._clock()  # of our turn to write, which may have been waited for
        claimed, trial = self._claim(conn, owner, now)
        if claimed is None:
            return None
        if not self._is_ready(conn, claimed, now):
            return "again"
        if trial:
            self._reserve(conn, now)
        self._on_the_wire[owner] = (*self._on_the_wire.get(owner, ()), claimed.row)
        return Taken(claimed, trial)

    def opens_at(self) -> datetime | None:
        """Return the soonest end of a limit that holds back mails that are due."""
        with self._database.reading() as conn:
            return store_pace.opens_at(conn, now=self._clock())

    def _claim(self, conn: Connection, owner: str, now: datetime) -> tuple[Claimed | None, bool]:
        """Claim the next mail, as a trial where the mail server is not asked otherwise."""
        looks = self._looks(now)
        if looks:
            must_be_alone(conn)
            self._looked_at = now
        until = now + self._settings.lease
        spared = [row for rows in list(self._on_the_wire.values()) for row in rows]
        found = store_deliveries.claim(
            conn, owner=owner, now=now, lease_until=until, limit=1, takes_over=looks, spared=spared
        )
        if found:
            return found[0], False
        must_be_alone(conn)  # what waits may be others' in this moment
        if not memory.breaker(conn).tries(now):
            return None, False
        found = store_deliveries.claim(
            conn, owner=owner, now=now, lease_until=until, limit=1, takes_over=False, trial=True
        )
        return (found[0] if found else None), True

    def _looks(self, now: datetime) -> bool:
        """Whether it is time to look for mails that another process died with."""
        return not self._settings.holds_doubtful and now - self._looked_at >= LOOK_EVERY

    def _reserve(self, conn: Connection, now: datetime) -> None:
        until = now + self._settings.lease
        memory.keep_breaker(conn, breaker.reserved(memory.breaker(conn), until=until))

    def _is_ready(self, conn: Connection, claimed: Claimed, now: datetime) -> bool:
        """Whether the mail may go; else its claim is undone, and what stood in its way is noted."""
        if claimed.is_counted:
            must_be_alone(conn)
        if claimed.queue == UNSORTED:
            must_be_alone(conn)
            store_queues.put_back(conn, claimed.row)
            self._sort(conn)
            return False
        if claimed.queue == COMMON and claimed.is_apart:
            must_be_alone(conn)
            store_queues.put_back(conn, claimed.row)
            store_queues.part(conn, claimed.destination)
            return False
        return self._counts(conn, claimed, now)

    def _sort(self, conn: Connection) -> None:
        of = self._settings.pace.destinations
        found = {row: of.of(address) for row, address in store_queues.unsorted(conn)}
        store_queues.sort(conn, found, own=of.names)

    def _counts(self, conn: Connection, claimed: Claimed, now: datetime) -> bool:
        """Count the mail in all limits it falls under, or none; False when one is used up."""
        known = self._settings.pace.limits
        scopes = [scope for scope in (SERVER, claimed.destination) if known.get(scope)]
        if not scopes:
            return True
        must_be_alone(conn)
        taken = store_pace.taken(conn, scopes)
        full: dict[str, datetime] = {}
        counted: dict[tuple[str, int, int], int] = {}
        for scope, limit in ((of, one) for of in scopes for one in known[of]):
            before = taken.get((scope, limit.seconds), {})
            parts, part = limits.counted(before, limit, now), limit.part(now)
            if end := limits.full_until(parts, limit, now):
                full[scope] = max(end, full.get(scope, end))
            counted |= {(scope, limit.seconds, old): 0 for old in before.keys() - parts.keys()}
            counted[scope, limit.seconds, part] = parts.get(part, 0) + 1
        if full:
            self._put_off(conn, claimed, full)
        else:
            store_pace.put_taken(conn, counted)
        return not full

    def _put_off(self, conn: Connection, claimed: Claimed, full: dict[str, datetime]) -> None:
        store_queues.put_back(conn, claimed.row)
        for scope, end in full.items():
            if scope == SERVER:
                store_pace.put_server(conn, full_until=end)
            else:
                store_pace.put_destination(conn, scope, full_until=end)
