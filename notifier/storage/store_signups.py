"""Signups: what somebody asked for on the page, apart from subscribers until they confirm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from notifier.profiles.profile import Schedule
from notifier.storage import tables as t


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: address in normal form, rules as typed.

    `share`: the secret of a shared profile that is to be followed, whose rules these are.
    `invited_by`: who asks them, where it was not they who asked.
    """

    address: str
    rules: str
    schedule: Schedule
    language: str
    share: str | None = None
    invited_by: str | None = None


@dataclass(frozen=True, slots=True)
class Signup:
    """A wish that was kept; times aware UTC."""

    row: int
    wish: Wish
    made_at: datetime
    confirmed_at: datetime | None

    @property
    def language(self) -> str:
        """The language of its reader."""
        return self.wish.language


def add(conn: Connection, wish: Wish, *, now: datetime) -> int:
    """Keep a wish and return its row."""
    schedule = wish.schedule
    row = {
        "address": wish.address,
        "rules": wish.rules,
        "zone": schedule.zone,
        "hour": schedule.hour,
        "minute": schedule.minute,
        "days": list(schedule.days),
        "cadence": schedule.cadence,
        "language": wish.language,
        "made_at": now,
        "share": wish.share,
        "invited_by": wish.invited_by,
    }
    statement = insert(t.signup).values(row).returning(t.signup.c.id)
    return int(conn.execute(statement).scalar_one())


def get(conn: Connection, row: int) -> Signup | None:
    """Return the signup of a row."""
    found = conn.execute(select(t.signup).where(t.signup.c.id == row)).one_or_none()
    return _signup(found) if found else None


def of(conn: Connection, address: str) -> list[Signup]:
    """Return the signups of an address (in normal form), oldest first."""
    query = select(t.signup).where(t.signup.c.address == address).order_by(t.signup.c.id)
    return [_signup(row) for row in conn.execute(query)]


def _signup(found: Any) -> Signup:
    schedule = Schedule(found.zone, found.hour, found.minute, tuple(found.days), found.cadence)
    wish = Wish(found.address, found.rules, schedule, found.language, found.share, found.invited_by)
    return Signup(found.id, wish, found.made_at, found.confirmed_at)


def confirm(conn: Connection, row: int, *, now: datetime) -> None:
    """Write down that a signup was confirmed."""
    conn.execute(update(t.signup).where(t.signup.c.id == row).values(confirmed_at=now))


def withdraw(conn: Connection, row: int) -> None:
    """Delete a signup that is not confirmed."""
    s = t.signup.c
    conn.execute(delete(t.signup).where(s.id == row, s.confirmed_at.is_(None)))


def forget_address(conn: Connection, address: str) -> None:
    """Delete the signups of an address."""
    conn.execute(delete(t.signup).where(t.signup.c.address == address))
