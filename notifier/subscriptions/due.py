"""When the next digest is due after something was changed. A period gets no second digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from notifier.digests import cadence
from notifier.profiles.profile import Schedule, Subscriber
from notifier.storage import store_digests


@dataclass(frozen=True, slots=True)
class Planning:
    """Says when digests are due (all times aware UTC). `spread_minutes`: see `cadence.behind`."""

    spread_minutes: int = 0

    def minutes_behind(self, subscriber: Subscriber) -> int:
        """Return how many minutes after the time they chose a subscriber's digests are due."""
        late = cadence.behind(subscriber.schedule, subscriber.row, self.spread_minutes)
        return int(late.total_seconds()) // 60

    def planned(self, subscriber: int, schedule: Schedule, after: datetime) -> datetime:
        """Return when a subscriber's first digest whose time is after `after` is due."""
        return cadence.planned(
            schedule, after, subscriber=subscriber, spread_minutes=self.spread_minutes
        )

    def next_free(
        self, conn: Connection, subscriber: int, schedule: Schedule, now: datetime
    ) -> datetime:
        """Return when the first digest after `now` is due whose period has none yet."""
        due = cadence.next_free(
            schedule, now, lambda period: store_digests.has_period(conn, subscriber, period)
        )
        return due + cadence.behind(schedule, subscriber, self.spread_minutes)

    def moved(
        self, conn: Connection, subscriber: Subscriber, schedule: Schedule, now: datetime
    ) -> datetime | None:
        """Return when the next digest is due by another schedule; one whose time has come stays so.

        Where its time has passed by the other schedule, it is due at once: who moves it to an
        earlier hour, or moves east, still gets one for that date.
        """
        due, row = subscriber.next_due_at, subscriber.row
        if due is None:
            return None
        chosen = due - cadence.behind(subscriber.schedule, row, self.spread_minutes)
        if chosen <= now:
            return due
        passed, planned = cadence.period(schedule, now), cadence.period(subscriber.schedule, chosen)
        is_passed = schedule.cadence == subscriber.schedule.cadence and passed >= planned
        if is_passed and not store_digests.has_period(conn, row, passed):
            return now
        return self.next_free(conn, row, schedule, now)
