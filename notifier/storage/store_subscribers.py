"""Subscribers and their profiles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, or_, select, update

from notifier.papers.event import read_kinds
from notifier.profiles.profile import Schedule, Subscriber
from notifier.storage import store_answers, store_cohorts, store_profiles
from notifier.storage import tables as t
from notifier.storage.statements import insert_new, put


def from_row(row: Any) -> Subscriber:
    """Return the value of a row of the table, all of it."""
    schedule = Schedule(row.zone, row.hour, row.minute, tuple(row.days), row.cadence)
    return Subscriber(
        row=row.id,
        address=row.address,
        state=row.state,
        schedule=schedule,
        max_papers=row.max_papers,
        seen=row.seen,
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        next_due_at=row.next_due_at,
        paused_until=row.paused_until,
        consent=row.consent,
        replacements=row.replacements,
        learning=row.learning,
        language=row.language,
        tell_nothing=row.tell_nothing,
        text_only=row.text_only,
        summary=row.summary,
        news_of_sent=read_kinds(row.news_of_sent),
        news_of_saved=read_kinds(row.news_of_saved),
        left_at=row.left_at,
    )


def add(
    conn: Connection,
    address: str,
    schedule: Schedule,
    *,
    max_papers: int,
    seen: int,
    now: datetime,
    replacements: bool = False,
    language: str = "en",
    tell_nothing: bool = False,
    text_only: bool = False,
    summary: bool = False,
) -> bool:
    """Add a pending subscriber; False when the address is there already."""
    return bool(
        insert_new(
            conn,
            t.subscriber,
            [
                {
                    "address": address,
                    "state": "pending",
                    "zone": schedule.zone,
                    "hour": schedule.hour,
                    "minute": schedule.minute,
                    "days": list(schedule.days),
                    "cadence": schedule.cadence,
                    "max_papers": max_papers,
                    "seen": seen,
                    "consent": "",
                    "replacements": replacements,
                    "language": language,
                    "tell_nothing": tell_nothing,
                    "text_only": text_only,
                    "summary": summary,
                    "created_at": now,
                }
            ],
        )
    )


def find(conn: Connection, address: str) -> Subscriber | None:
    """Return the subscriber with this address (in normal form)."""
    query = select(t.subscriber).where(t.subscriber.c.address == address)
    row = conn.execute(query).one_or_none()
    return from_row(row) if row else None


def get(conn: Connection, row: int) -> Subscriber | None:
    """Return the subscriber of a row."""
    found = conn.execute(select(t.subscriber).where(t.subscriber.c.id == row)).one_or_none()
    return from_row(found) if found else None


def every(conn: Connection) -> list[Subscriber]:
    """Return all subscribers, oldest first."""
    return [from_row(row) for row in conn.execute(select(t.subscriber).order_by("id"))]


def some(conn: Connection, after: int, *, limit: int) -> list[Subscriber]:
    """Return the first subscribers behind a row, oldest first."""
    query = select(t.subscriber).where(t.subscriber.c.id > after).order_by("id").limit(limit)
    return [from_row(row) for row in conn.execute(query)]


def change(conn: Connection, row: int, **columns: Any) -> None:
    """Write columns of a subscriber."""
    conn.execute(update(t.subscriber).where(t.subscriber.c.id == row).values(**columns))
    if "state" in columns:
        is_mailed = columns["state"] == "active"
        store_profiles.note_state(conn, row, is_mailed=is_mailed)
        if not is_mailed:
            conn.execute(delete(t.planned).where(t.planned.c.subscriber_id == row))


def remove(conn: Connection, row: int) -> None:
    """Delete a subscriber with profiles, digests and deliveries; that there was one is counted."""
    store_cohorts.depart(conn, row)
    store_profiles.remove_all(conn, row)
    store_answers.empty(conn, row)
    conn.execute(delete(t.subscriber).where(t.subscriber.c.id == row))


def leave(conn: Connection, row: int, *, now: datetime) -> bool:
    """Stop all mail to a subscriber; False when they had left, or are not here."""
    subscriber = get(conn, row)
    if subscriber is None or subscriber.state == "left":
        return False
    change(conn, row, state="left", left_at=now, next_due_at=None)
    return True


def suppress(
    conn: Connection,
    address: str,
    reason: str,
    evidence: str,
    now: datetime,
    *,
    source: str = "smtp",
    until: datetime | None = None,
) -> None:
    """Do not mail this address until it is lifted, or before `until`."""
    put(
        conn,
        t.suppression,
        {
            "address": address,
            "reason": reason,
            "evidence": evidence,
            "since": now,
            "source": source,
            "until": until,
        },
    )


def is_suppressed(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether the address of the query's subscriber must not be mailed."""
    s = t.suppression.c
    return exists(
        select(s.address)
        .where(s.address == t.subscriber.c.address, or_(s.until.is_(None), s.until > now))
        .correlate(t.subscriber)
    )


def suppression(
    conn: Connection, address: str, now: datetime | None = None
) -> tuple[str, str] | None:
    """Return (reason, evidence) when the address is suppressed, at `now` or at all."""
    s = t.suppression.c
    query = select(s.reason, s.evidence, s.until).where(s.address == address)
    row = conn.execute(query).one_or_none()
    over = row and now and row.until and row.until <= now
    return (row.reason, row.evidence) if row and not over else None


def lift_suppression(conn: Connection, address: str, *, now: datetime) -> bool:
    """Let the address be mailed again; False when nothing stood in the way.

    What was mailed before counts no more: a bounce of it that comes late changes nothing.
    """
    gone = conn.execute(delete(t.suppression).where(t.suppression.c.address == address))
    if not gone.rowcount:
        return False
    s = t.subscriber.c
    conn.execute(update(t.subscriber).where(s.address == address).values(forgiven_at=now))
    return True


def counts(conn: Connection) -> dict[str, int]:
    """Return the number of subscribers by state."""
    query = select(t.subscriber.c.state, func.count()).group_by(t.subscriber.c.state)
    return dict(conn.execute(query).all())


def zones(conn: Connection) -> list[str]:
    """Return the time zones of subscribers that are mailed or paused, each once."""
    s = t.subscriber.c
    return list(conn.scalars(select(s.zone).where(s.left_at.is_(None)).distinct()))


def secret(conn: Connection, purpose: str) -> bytes | None:
    """Return this instance's key for a purpose."""
    return conn.scalar(select(t.secret.c.value).where(t.secret.c.purpose == purpose))


def secrets(conn: Connection, purpose: str) -> list[bytes]:
    """Return this instance's keys for a purpose, oldest first: `purpose`, `purpose.2`, ..."""
    s = t.secret.c
    query = select(s.purpose, s.value).where(
        or_(s.purpose == purpose, s.purpose.startswith(f"{purpose}.", autoescape=True))
    )
    found: dict[str, bytes] = dict(conn.execute(query).all())
    return [found[name] for name in sorted(found, key=lambda name: (len(name), name))]


def add_secret(conn: Connection, purpose: str, value: bytes) -> int:
    """Keep a further key for a purpose, the newest from now on; return how many there are."""
    count = len(secrets(conn, purpose)) + 1
    keep_secret(conn, purpose if count == 1 else f"{purpose}.{count}", value)
    return count


def keep_secret(conn: Connection, purpose: str, value: bytes) -> None:
    """Keep a key made for a purpose, unless there is one."""
    insert_new(conn, t.secret, [{"purpose": purpose, "value": value}])
