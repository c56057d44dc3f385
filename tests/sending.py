"""Mails that wait to be sent, many at once and to anybody, without the papers they would hold."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from notifier.delivery.destinations import Destinations
from notifier.delivery.limits import Limit
from notifier.jobs.delivering.claiming import Claims
from notifier.jobs.delivering.values import DeliverSettings, Pace
from notifier.storage import tables as t
from notifier.storage.database import Database

from .builders import NOON

LEASE = timedelta(minutes=15)
HOURS = timedelta(hours=20)


def post(
    database: Database, addresses: Iterable[str], *, since: datetime = NOON - timedelta(minutes=1)
) -> None:
    """Let a mail to each address wait, the first the longest: `since`, then a microsecond apart."""
    wanted = list(addresses)
    with database.writing() as conn:
        first = (conn.scalar(select(func.max(t.subscriber.c.id))) or 0) + 1
        rows = range(first, first + len(wanted))
        conn.execute(insert(t.subscriber), [
            {"id": row, "address": address, "state": "active", "zone": "UTC", "hour": 7,
             "minute": 0, "days": [0], "cadence": "daily", "max_papers": 12, "seen": 0,
             "consent": "", "created_at": since}
            for row, address in zip(rows, wanted, strict=True)
        ])  # fmt: skip
        conn.execute(insert(t.digest), [
            {"id": row, "key": f"{row:032x}", "subscriber_id": row, "period": "p", "subject": "s",
             "papers": 1, "more": 0, "seen_from": 0, "seen_to": 1, "composed_at": since}
            for row in rows
        ])  # fmt: skip
        conn.execute(
            insert(t.message),
            [{"digest_id": row, "content": zlib.compress(mail(row))} for row in rows],
        )
        conn.execute(insert(t.delivery), [
            {"digest_id": row, "subscriber_id": row, "state": "pending", "attempts": 0,
             "not_before": since + (row - first) * timedelta(microseconds=1),
             "expires_at": since + HOURS}
            for row in rows
        ])  # fmt: skip


def mail(row: int) -> bytes:
    """Return the mail of a delivery made by `post`."""
    headers = f"From: a@example.org\r\nMessage-ID: <{row:032x}@example.org>\r\n\r\n"
    return headers.encode() + b"text, and more of it\r\n" * 1000


def claims(database: Database, clock: Callable[[], datetime], **pace: Any) -> Claims:
    """Return where a run's workers get their mails."""
    settings = DeliverSettings("a@example.org", "me", LEASE, pace=Pace(**pace))
    return Claims(database, settings, clock)


def take(claims: Claims, most: int = 100) -> list[str]:
    """Take mails until none may be sent; return their recipients in order."""
    found = []
    while len(found) < most and (taken := claims.next("me/0")):
        found.append(taken.mail.address)
    return found


def table(**own: Iterable[str]) -> Destinations:
    """Return the table of destinations with the operator's own."""
    return Destinations(own)


def limits(**most: Mapping[int, int]) -> dict[str, tuple[Limit, ...]]:
    """Return limits by destination (`server` is the mail server's), each seconds: mails."""
    return {
        "" if name == "server" else name: tuple(Limit(*one) for one in of.items())
        for name, of in most.items()
    }
