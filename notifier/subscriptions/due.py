"""When the next digest is due after something was changed. A period gets no second digest."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from notifier.digests import cadence
from notifier.profiles.profile import Schedule, Subscriber
from notifier.storage import store_digests


def next_free(conn: Connection, subscriber: int, schedule: Schedule, now: datetime) -> datetime:
    """Return the first due moment after `now` whose period has no digest yet (both aware UTC)."""
    due = cadence.next_due(schedule, now)
    while store_digests.has_period(conn, subscriber, cadence.period(schedule, due)):
        due = cadence.next_due(schedule, due)
    return due


def moved(
    conn: Connection, subscriber: Subscriber, schedule: Schedule, now: datetime
) -> datetime | None:
    """Return when the next digest is due by another schedule; one that is due already stays so."""
    if subscriber.next_due_at is None or subscriber.next_due_at <= now:
        return subscriber.next_due_at
    return next_free(conn, subscriber.row, schedule, now)
