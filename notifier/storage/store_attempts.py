"""What attempts to send came to: rows are only added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Insert, bindparam, insert, select

from notifier.storage import tables as t

REPLY_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt, and the server's words for it."""

    state: str
    stage: str = ""
    code: int = 0
    enhanced: str = ""
    reply: str = ""
    not_before: datetime | None = None


@cache
def _noting() -> Insert:
    """The statement, made once: to make it costs as much as to run it."""
    d, a = t.delivery.c, t.attempt.c
    given = {
        name: bindparam(name, type_=a[name].type)
        for name in ("at", "outcome", "stage", "code", "enhanced", "reply")
    }
    attempt = select(d.id, d.attempts, *given.values()).where(d.id == bindparam("row"))
    return insert(t.attempt).from_select(("delivery_id", "number", *given), attempt)


def note(conn: Connection, rows: Sequence[int], outcome: Outcome, *, now: datetime) -> None:
    """Keep what an attempt at each of these deliveries came to."""
    values = {
        "at": now,
        "outcome": outcome.state,
        "stage": outcome.stage or None,
        "code": outcome.code or None,
        "enhanced": outcome.enhanced or None,
        "reply": outcome.reply[:REPLY_CHARACTERS] or None,
    }
    noted = [{"row": row} | values for row in rows]
    if noted:  # one as a rule, for which the way of many is longer
        conn.execute(_noting(), noted if len(noted) > 1 else noted[0])
