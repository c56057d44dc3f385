"""Take in addresses of another program's list, many at a time.

Who is mailed there is mailed here on the operator's word; who is blocked there must not be mailed
here; nobody is brought back who left here, or must not be mailed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select

from notifier import errors
from notifier.profiles.profile import Schedule
from notifier.storage import store_news, store_profiles, store_subscribers
from notifier.storage import tables as t
from notifier.storage.statements import chunks, write_each
from notifier.subscriptions.checks import normal_address
from notifier.subscriptions.due import Planning
from notifier.subscriptions.moving.lines import Bad, Entry
from notifier.subscriptions.moving.people import IMPORTED
from notifier.subscriptions.moving.told import Told


@dataclass(frozen=True, slots=True)
class ListWishes:
    """What those on a list get.

    `because`: how they agreed to be mailed; "": nobody becomes mailed. `keeps_unconfirmed`: who
    has not confirmed there is kept as pending. `profile`: a name and rules for who is new.
    """

    because: str
    schedule: Schedule
    max_papers: int
    language: str
    keeps_unconfirmed: bool = False
    profile: tuple[str, str] | None = None


class Lists:
    """Takes in entries, in the caller's transaction; of those that come twice the first counts."""

    def __init__(self, planning: Planning, wishes: ListWishes, told: Told) -> None:
        self._planning, self._wishes, self._told = planning, wishes, told
        self._seen: set[str] = set()

    def take(self, conn: Connection, entries: Sequence[Entry | Bad], *, now: datetime) -> None:
        """Take entries in, and count what came of each."""
        wanted = self._checked(entries)
        here = _states(conn, list(wanted))
        held = _suppressed(conn, list(wanted), now)
        new: dict[str, str] = {}
        for address, entry in wanted.items():
            if entry.standing == "off":
                self._told.counts["skipped"] += 1
            elif entry.standing == "blocked":
                self._block(conn, entry, address, here.get(address), address in held, now)
            elif address in held:
                self._skip(entry, f"{address} must not be mailed ({held[address]}), and is not")
            elif address in here:
                self._known(conn, entry, address, *here[address], now=now)
            elif entry.standing == "unconfirmed" and not self._wishes.keeps_unconfirmed:
                self._told.counts["unconfirmed"] += 1
                self._told.counts["skipped"] += 1
            else:
                is_mailed = entry.standing == "mailed" and bool(self._wishes.because)
                new[address] = "active" if is_mailed else "pending"
        self._add(conn, new, now)

    def _checked(self, entries: Sequence[Entry | Bad]) -> dict[str, Entry]:
        """Each address once, in its normal form."""
        wanted: dict[str, Entry] = {}
        for entry in entries:
            if isinstance(entry, Bad):
                self._told.refuse(f"line {entry.line}", entry.why)
                continue
            try:
                address = normal_address(entry.address)
            except errors.UsageError as error:
                self._told.refuse(f"line {entry.line}", error)
                continue
            if address in self._seen:
                self._told.counts["duplicates"] += 1
                continue
            self._seen.add(address)
            wanted[address] = entry
        return wanted

    def _skip(self, entry: Entry, why: str) -> None:
        self._told.counts["skipped"] += 1
        self._told.care(f"line {entry.line}: {why}")

    def _block(
        self, conn: Connection, entry: Entry, address: str, here: tuple[int, str] | None,
        is_held: bool, now: datetime,
    ) -> None:  # fmt: skip
        if here and here[1] == "active" and not is_held:
            self._skip(entry, f"{address} is {entry.said} there, but confirmed here, which stays")
            return
        if is_held:
            self._told.counts["unchanged"] += 1
            return
        reason = f"{entry.said} in another program"
        store_subscribers.suppress(conn, address, "blocked", reason, now, source=IMPORTED)
        self._told.counts["blocked"] += 1

    def _known(
        self, conn: Connection, entry: Entry, address: str, row: int, state: str, *, now: datetime
    ) -> None:
        if state == "left":
            self._skip(entry, f"{address} has left here, and stays so")
        elif state == "pending" and entry.standing == "mailed" and self._wishes.because:
            found = store_subscribers.get(conn, row)
            assert found is not None  # it was read in this transaction
            due = self._planning.planned(row, found.schedule, now)
            store_subscribers.change(
                conn, row, state="active", confirmed_at=now, consent=self._wishes.because,
                next_due_at=due,
            )  # fmt: skip
            self._told.counts.update(("completed", "confirmed"))
        else:
            self._told.counts["unchanged"] += 1

    def _add(self, conn: Connection, new: dict[str, str], now: datetime) -> None:
        if not new:
            return
        seen = store_news.arrival(conn)
        rows = [self._row(address, state, seen, now) for address, state in new.items()]
        conn.execute(insert(t.subscriber), rows)
        made = _states(conn, list(new))
        active = [row for row, state in made.values() if state == "active"]
        due = [(row, self._planning.planned(row, self._wishes.schedule, now)) for row in active]
        write_each(conn, t.subscriber.c.next_due_at, due)
        if self._wishes.profile:
            everybody = sorted(row for row, _ in made.values())
            store_profiles.add_to_each(conn, everybody, *self._wishes.profile, now=now)
        self._told.counts["added"] += len(new)
        self._told.counts["confirmed"] += len(active)

    def _row(self, address: str, state: str, seen: int, now: datetime) -> dict[str, Any]:
        wishes, schedule = self._wishes, self._wishes.schedule
        is_active = state == "active"
        return {
            "address": address,
            "state": state,
            "zone": schedule.zone,
            "hour": schedule.hour,
            "minute": schedule.minute,
            "days": list(schedule.days),
            "cadence": schedule.cadence,
            "max_papers": wishes.max_papers,
            "language": wishes.language,
            "seen": seen,
            "consent": wishes.because if is_active else "",
            "confirmed_at": now if is_active else None,
            "created_at": now,
        }


def _states(conn: Connection, addresses: list[str]) -> dict[str, tuple[int, str]]:
    """The row and state of those addresses that are here."""
    s = t.subscriber.c
    return {
        row.address: (row.id, row.state)
        for chunk in chunks(addresses)
        for row in conn.execute(select(s.address, s.id, s.state).where(s.address.in_(chunk)))
    }


def _suppressed(conn: Connection, addresses: list[str], now: datetime) -> dict[str, str]:
    """Why those of the addresses must not be mailed that must not."""
    s = t.suppression.c
    holds = or_(s.until.is_(None), s.until > now)
    return {
        row.address: row.reason
        for chunk in chunks(addresses)
        for row in conn.execute(select(s.address, s.reason).where(s.address.in_(chunk), holds))
    }
