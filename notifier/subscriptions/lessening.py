"""Less mail instead of none: a profile stopped, a digest a week, fewer papers, a pause.

Each only makes it less, and twice is the same as once. Each returns how to undo it, but only to
who did it: None where nothing was changed, since it was so already. (A link to leave goes with
every mail that is passed on: whoever holds it must not bring back who left.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, get_args

from sqlalchemy import Connection

from notifier.digests import cadence
from notifier.profiles.profile import Profile, Subscriber
from notifier.storage import store_profiles
from notifier.storage import store_subscribers as store
from notifier.storage.database import Database
from notifier.subscriptions.due import Planning
from notifier.subscriptions.finding import profile_of, subscriber_of
from notifier.subscriptions.undoing import FEWER, Undo, number_of

PAUSE_WEEKS: Final = 2
# Who clicks twice sees the second answer, and must not lose the way back by it.
_CLICKED_TWICE = timedelta(seconds=10)
Way: TypeAlias = Literal["weekly", "papers", "pause"]
WAYS: tuple[Way, ...] = get_args(Way)


def ways(subscriber: Subscriber, now: datetime) -> tuple[Way, ...]:
    """Return what would make an active subscriber's mail less than it is."""
    schedule, paused = subscriber.schedule, subscriber.paused_until
    is_less = {
        "weekly": schedule.cadence == "daily" and len(schedule.days) > 1,
        "papers": subscriber.max_papers > FEWER,
        "pause": paused is None or paused < end_of_pause(subscriber, now),
    }
    return tuple(way for way in WAYS if is_less[way])


def stoppable(profiles: Iterable[Profile]) -> list[Profile]:
    """Return the profiles that can be stopped alone: the switched-on ones, where there are some."""
    on = [profile for profile in profiles if profile.enabled]
    return on if len(on) > 1 else []


def end_of_pause(subscriber: Subscriber, now: datetime) -> datetime:
    """Return when a pause ends that begins now: with a day by the subscriber's clock."""
    zone = cadence.zone_of(subscriber.schedule)
    day = now.astimezone(zone).date() + timedelta(weeks=PAUSE_WEEKS)
    return cadence.begins(subscriber.schedule, day)


class Lessening:
    """Makes it less; who is not active is left alone, who was deleted is `NotFound`."""

    def __init__(self, database: Database, planning: Planning) -> None:
        self._database, self._planning = database, planning

    def leave(self, row: int, *, now: datetime) -> Undo | None:
        """Stop all mail at once."""
        with self._database.writing() as conn:
            subscriber = subscriber_of(conn, row)
            if subscriber.state == "active":  # who never confirmed has nothing to come back to
                store.leave(conn, row, now=now)
                return Undo(row, "left", (number_of(now),), now)
            store.leave(conn, row, now=now)
            left_at = subscriber.left_at
            if left_at and timedelta(0) <= now - left_at <= _CLICKED_TWICE:
                return Undo(row, "left", (number_of(left_at),), left_at)
            return None

    def stop(self, row: int, profile: int, *, now: datetime) -> Undo | None:
        """Switch a profile off.

        Raises:
            NotFound: the subscriber has no such profile.
        """
        with self._database.writing() as conn:
            subscriber, found = subscriber_of(conn, row), profile_of(conn, row, profile)
            if subscriber.state != "active" or not found.enabled:
                return None
            store_profiles.set_enabled(conn, row, found.name, False)
            stopped = profile_of(conn, row, profile)
            return Undo(row, "profile", (profile, stopped.change), now)

    def act(self, row: int, way: Way, *, now: datetime) -> Undo | None:
        """Go one of the ways."""
        with self._database.writing() as conn:
            subscriber = subscriber_of(conn, row)
            if subscriber.state != "active" or way not in ways(subscriber, now):
                return None
            match way:
                case "weekly":
                    return _weekly(conn, self._planning, subscriber, now)
                case "papers":
                    store.change(conn, row, max_papers=FEWER)
                    return Undo(row, "papers", (subscriber.max_papers,), now)
                case "pause":
                    return _pause(conn, subscriber, now)


def _weekly(conn: Connection, planning: Planning, subscriber: Subscriber, now: datetime) -> Undo:
    schedule = replace(subscriber.schedule, cadence="weekly")
    due = planning.moved(conn, subscriber, schedule, now)
    store.change(conn, subscriber.row, cadence="weekly", next_due_at=due)
    return Undo(subscriber.row, "weekly", (), now)


def _pause(conn: Connection, subscriber: Subscriber, now: datetime) -> Undo:
    until = end_of_pause(subscriber, now)
    store.change(conn, subscriber.row, paused_until=until)
    ends = number_of(subscriber.paused_until), number_of(until)
    return Undo(subscriber.row, "pause", ends, now)
