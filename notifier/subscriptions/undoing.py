"""What a page did is taken back: for a day, and only while it is still so.

An undo names what was done and how things were left by it. When they are otherwise now, nothing
happens: so an old one does not bring back who left again later. Undoing twice is the same as once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Literal, TypeAlias, get_args

from sqlalchemy import Connection

from notifier import errors
from notifier.profiles.profile import Profile, Subscriber
from notifier.storage import store_deliveries, store_profiles
from notifier.storage import store_subscribers as store
from notifier.storage.database import Database
from notifier.subscriptions.due import Planning
from notifier.subscriptions.finding import profile_of, subscriber_of

UNDO_LIFE: Final = timedelta(hours=24)
FEWER = 5
Kind: TypeAlias = Literal["left", "profile", "weekly", "papers", "pause", "rules"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Standing: TypeAlias = Literal["open", "done", "changed"]
_FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MARK_BYTES = 6
_LEFT = "; left "


@dataclass(frozen=True, slots=True)
class Undo:
    """Something that was done for a subscriber, at `made_at` (aware UTC).

    `values` by kind: left: when. profile: its row, the number of its change. weekly: none.
    papers: the number before. pause: its end before, and now. rules: the profile's row, the marks
    of the rules before, and now.
    """

    subscriber: int
    kind: Kind
    values: tuple[int, ...]
    made_at: datetime


def number_of(at: datetime | None) -> int:
    """Return a time as microseconds since 1970; 0 for none."""
    return (at - _FIRST_MOMENT) // _MICROSECOND if at else 0


def time_of(number: int) -> datetime | None:
    """Return the time of a number, see `number_of`."""
    return _FIRST_MOMENT + number * _MICROSECOND if number else None


def mark_of(rules: str | None) -> int:
    """Return a number that stands for a profile's text; 0 for none."""
    if rules is None:
        return 0
    return int.from_bytes(sha256(rules.encode("utf-8", "surrogatepass")).digest()[:_MARK_BYTES])


class Undoing:
    """Looks at what can be undone, and undoes it; `NotFound` where the subscriber was deleted."""

    def __init__(self, database: Database, planning: Planning) -> None:
        self._database, self._planning = database, planning

    def look(self, undo: Undo) -> Standing:
        """Return whether it can be undone, or is already, or something was changed since."""
        with self._database.reading() as conn:
            return _standing(conn, undo, subscriber_of(conn, undo.subscriber))

    def act(self, undo: Undo, *, now: datetime) -> Standing:
        """Undo it if it is still so; return "done", or "changed" where nothing was done."""
        with self._database.writing() as conn:
            subscriber = subscriber_of(conn, undo.subscriber)
            found = _standing(conn, undo, subscriber)
            if found == "open":
                at = _At(now, self._planning)
                _ACTS[undo.kind](conn, undo, subscriber, at)
                return "done"
            return found


def _standing(conn: Connection, undo: Undo, subscriber: Subscriber) -> Standing:
    match undo.kind, undo.values:
        case "left", (when,):
            has_left = number_of(subscriber.left_at) == when
            return _one_of(is_open=has_left, is_done=subscriber.state == "active")
        case "weekly", ():
            is_weekly = subscriber.schedule.cadence == "weekly"
            return _one_of(is_open=is_weekly, is_done=not is_weekly)
        case "papers", (before,):
            most = subscriber.max_papers
            return _one_of(is_open=most == FEWER, is_done=most == before)
        case "pause", (before, after):
            end = number_of(subscriber.paused_until)
            return _one_of(is_open=end == after, is_done=end == before)
        case (("profile" | "rules"), (row, *marks)):
            with suppress(errors.NotFound):
                profile = profile_of(conn, subscriber.row, row)
                return _standing_of(profile, undo.kind, tuple(marks))
    return "changed"


def _standing_of(profile: Profile, kind: str, marks: tuple[int, ...]) -> Standing:
    if kind == "profile":
        is_stopped = not profile.enabled and marks == (profile.change,)
        return _one_of(is_open=is_stopped, is_done=profile.enabled)
    now = mark_of(profile.previous), mark_of(profile.rules)
    return _one_of(is_open=marks == now, is_done=marks == now[::-1])


def _one_of(*, is_open: bool, is_done: bool) -> Standing:
    if is_open:
        return "open"
    return "done" if is_done else "changed"


@dataclass(frozen=True, slots=True)
class _At:
    now: datetime
    planning: Planning


def _come_back(conn: Connection, undo: Undo, subscriber: Subscriber, at: _At) -> None:
    """As before leaving: no second sample, and what was dropped meanwhile is looked at again."""
    left_at = subscriber.left_at or at.now
    store_deliveries.give_back_dropped(conn, subscriber.row, since=left_at)
    consent = subscriber.consent.partition(_LEFT)[0]
    store.change(
        conn,
        subscriber.row,
        state="active",
        left_at=None,
        next_due_at=at.planning.next_free(conn, subscriber.row, subscriber.schedule, at.now),
        consent=f"{consent}{_LEFT}{left_at:%Y-%m-%d %H:%M} UTC, undone within 24 h",
    )


def _switch_on(conn: Connection, undo: Undo, subscriber: Subscriber, at: _At) -> None:
    profile = profile_of(conn, subscriber.row, undo.values[0])
    store_profiles.set_enabled(conn, subscriber.row, profile.name, True)


def _daily(conn: Connection, undo: Undo, subscriber: Subscriber, at: _At) -> None:
    schedule = replace(subscriber.schedule, cadence="daily")
    due = at.planning.moved(conn, subscriber, schedule, at.now)
    store.change(conn, subscriber.row, cadence="daily", next_due_at=due)


def _more_papers(conn: Connection, undo: Undo, subscriber: Subscriber, at: _At) -> None:
    store.change(conn, subscriber.row, max_papers=undo.values[0])


def _end_pause(conn: Connection, undo: Undo, subscriber: Subscriber, at: _At) -> None:
    """Also bring back a digest that was put off because of the pause."""
    due, columns = subscriber.next_due_at, dict[str, datetime]()
    if due and due > (
        sooner := at.planning.next_free(conn, subscriber.row, subscriber.schedule, at.now)
    ):
        columns["next_due_at"] = sooner
    store.change(conn, subscriber.row, paused_until=time_of(undo.values[0]), **columns)


def _rules_before(conn: Connection, undo: Undo, subscriber: Subscriber, at: _At) -> None:
    profile = profile_of(conn, subscriber.row, undo.values[0])
    store_profiles.swap_rules(conn, subscriber.row, profile.name, now=at.now)


_ACTS: Mapping[Kind, Callable[[Connection, Undo, Subscriber, _At], None]] = {
    "left": _come_back,
    "profile": _switch_on,
    "weekly": _daily,
    "papers": _more_papers,
    "pause": _end_pause,
    "rules": _rules_before,
}
