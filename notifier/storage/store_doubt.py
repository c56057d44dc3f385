"""Mails in doubt: the server may have taken them, and somebody is to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from notifier.storage import tables as t
from notifier.storage.pace_rows import UNSORTED
from notifier.storage.store_attempts import REPLY_CHARACTERS, Outcome, note

AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A delivery in doubt, by the key of its digest, whose mail was made at `composed_at`."""

    row: int
    digest: str
    composed_at: datetime


def due(conn: Connection, *, now: datetime) -> list[Doubtful]:
    """Return mails in doubt that can be looked up by now, some at once."""
    d = t.delivery.c
    query = (
        select(d.id, t.digest.c.key, t.digest.c.composed_at)
        .join(t.digest, t.digest.c.id == d.digest_id)
        .where(d.state == "held", d.not_before <= now)
        .order_by(d.id)
        .limit(AT_ONCE)
    )
    return [Doubtful(*row) for row in conn.execute(query)]


def settle(conn: Connection, one: Doubtful, outcome: Outcome, *, now: datetime) -> bool:
    """Write what was found out of a mail; False where that is known already, or it is not in doubt.

    Sent, pending (to be sent again at once), or held, for the reason in `reply`, and to be looked
    up again at `not_before`.
    """
    d = t.delivery.c
    reply = outcome.reply[:REPLY_CHARACTERS]
    values: dict[str, Any] = {"state": outcome.state, "reply": reply}
    if outcome.state == "sent":
        values |= {"code": outcome.code, "stage": outcome.stage, "finished_at": now}
    elif outcome.state == "pending":  # its old queue may be gone
        values |= {"not_before": now, "destination": UNSORTED, "queue": UNSORTED}
    else:
        values["not_before"] = outcome.not_before
    here = (d.id == one.row) & (d.state == "held")
    was = conn.execute(select(d.reply).where(here)).one_or_none()
    if was is None:
        return False
    conn.execute(update(t.delivery).where(here).values(values))
    changed = outcome.state != "held" or was.reply != reply
    if changed:
        note(conn, [one.row], outcome, now=now)
    return changed
