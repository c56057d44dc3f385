"""Subscribe, confirm, change, pause, leave: each safe to do twice.

Times are aware UTC. An address is compared in its normal form; every function that takes one
raises `UsageError` for an address that is none, and `NotFound` for one that is not here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from notifier import errors
from notifier.papers.event import Kind
from notifier.profiles.profile import Profile, Schedule, Subscriber
from notifier.profiles.rules import RuleProblem
from notifier.storage import (
    store_digests,
    store_letters,
    store_news,
    store_profiles,
    store_signups,
)
from notifier.storage import store_subscribers as store
from notifier.storage.database import Database
from notifier.subscriptions.checks import (
    check_schedule,
    checked_language,
    checked_profile,
    normal_address,
)
from notifier.subscriptions.due import Planning
from notifier.subscriptions.finding import subscriber_of
from notifier.subscriptions.naming import free_name, name_for, same


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a new subscriber gets unless they choose otherwise.

    `sample`: a first digest at once, of the last `first_days` days. `planning`: see `due`.
    """

    schedule: Schedule
    max_papers: int = 12
    first_days: int = 7
    language: str = "en"
    sample: bool = True
    planning: Planning = field(default_factory=Planning)


class Subscriptions:
    """The service behind commands and pages."""

    def __init__(self, database: Database, defaults: Defaults) -> None:
        self._database = database
        self._defaults = defaults

    @property
    def _first(self) -> timedelta:
        """How far a first digest looks back."""
        return timedelta(days=self._defaults.first_days)

    @property
    def default_schedule(self) -> Schedule:
        """When a new subscriber's digest goes out unless they choose otherwise."""
        return self._defaults.schedule

    @property
    def default_max_papers(self) -> int:
        """How many papers a digest has at most unless its subscriber chooses otherwise."""
        return self._defaults.max_papers

    @property
    def default_language(self) -> str:
        """The language of who names none."""
        return self._defaults.language

    @property
    def planning(self) -> Planning:
        """When digests are due."""
        return self._defaults.planning

    def request(
        self,
        typed: str,
        *,
        now: datetime,
        schedule: Schedule | None = None,
        max_papers: int | None = None,
        replacements: bool = False,
        language: str = "",
        tell_nothing: bool = False,
        text_only: bool = False,
        summary: bool = False,
    ) -> Subscriber:
        """Add a pending subscriber, or return the one that is there, unchanged."""
        address, chosen = normal_address(typed), schedule or self._defaults.schedule
        check_schedule(chosen)
        with self._database.writing() as conn:
            store.add(
                conn,
                address,
                chosen,
                max_papers=max_papers or self._defaults.max_papers,
                seen=store_news.arrival(conn, before=now - self._first),
                now=now,
                replacements=replacements,
                language=checked_language(language or self._defaults.language),
                tell_nothing=tell_nothing,
                text_only=text_only,
                summary=summary,
            )
            return _found(conn, address)

    def change(
        self,
        typed: str,
        *,
        now: datetime,
        schedule: Schedule | None = None,
        max_papers: int | None = None,
        replacements: bool | None = None,
        learning: bool | None = None,
        language: str | None = None,
        tell_nothing: bool | None = None,
        text_only: bool | None = None,
        summary: bool | None = None,
        news_of_sent: Collection[Kind] | None = None,
        news_of_saved: Collection[Kind] | None = None,
    ) -> Subscriber:
        """Change what is given; the rest stays. Another schedule moves the next digest."""
        if schedule:
            check_schedule(schedule)
        wanted = {
            "max_papers": max_papers,
            "replacements": replacements,
            "learning": learning,
            "language": None if language is None else checked_language(language),
            "tell_nothing": tell_nothing,
            "text_only": text_only,
            "summary": summary,
            "news_of_sent": None if news_of_sent is None else ",".join(news_of_sent),
            "news_of_saved": None if news_of_saved is None else ",".join(news_of_saved),
        }
        columns: dict[str, Any] = {
            name: value for name, value in wanted.items() if value is not None
        }
        with self._database.writing() as conn:
            subscriber = _found(conn, normal_address(typed))
            if schedule and schedule != subscriber.schedule:
                columns |= asdict(schedule) | {"days": list(schedule.days)}
                columns["next_due_at"] = self.planning.moved(conn, subscriber, schedule, now)
            if columns:
                store.change(conn, subscriber.row, **columns)
            return _found(conn, subscriber.address)

    def confirm(self, typed: str, *, now: datetime, because: str) -> Subscriber:
        """Make a subscriber active; `because` records how consent was given.

        An address that must not be mailed may be mailed again: its owner says so.
        """
        with self._database.writing() as conn:
            subscriber = _found(conn, normal_address(typed))
            lifted = store.lift_suppression(conn, subscriber.address, now=now)
            if lifted or subscriber.state != "active":
                store.change(
                    conn,
                    subscriber.row,
                    state="active",
                    confirmed_at=now,
                    consent=because,
                    left_at=None,
                    next_due_at=self._planned(subscriber, now),
                )
                if store_digests.made(conn, subscriber.row) is None:
                    seen = store_news.arrival(conn, before=now - self._first)
                    store.change(conn, subscriber.row, seen=max(seen, subscriber.seen))
                self._plan_sample(conn, subscriber.row)
            return _found(conn, subscriber.address)

    def _planned(self, subscriber: Subscriber, after: datetime) -> datetime:
        return self.planning.planned(subscriber.row, subscriber.schedule, after)

    def _plan_sample(self, conn: Connection, row: int) -> None:
        """Let the first digest be due at once, where there are rules for it."""
        subscriber = store.get(conn, row)
        if not self._defaults.sample or subscriber is None or subscriber.state != "active":
            return
        if store_profiles.of(conn, [row]) and store_digests.made(conn, row) is None:
            store.change(conn, row, next_due_at=subscriber.confirmed_at)

    def get(self, typed: str) -> Subscriber:
        """Return the subscriber."""
        with self._database.reading() as conn:
            return _found(conn, normal_address(typed))

    def by_row(self, row: int) -> Subscriber:
        """Return the subscriber of a row.

        Raises:
            NotFound: they were deleted.
        """
        with self._database.reading() as conn:
            return subscriber_of(conn, row)

    def every(self) -> list[Subscriber]:
        """Return all subscribers, oldest first."""
        with self._database.reading() as conn:
            return store.every(conn)

    def suppressed(
        self, subscriber: Subscriber, now: datetime | None = None
    ) -> tuple[str, str] | None:
        """Return (reason, evidence) when the address must not be mailed, at `now` or at all."""
        with self._database.reading() as conn:
            return store.suppression(conn, subscriber.address, now)

    def pause(self, typed: str, *, until: datetime) -> Subscriber:
        """Send nothing before `until`; the next digest covers what may still be sent then."""
        with self._database.writing() as conn:
            subscriber = _found(conn, normal_address(typed))
            store.change(conn, subscriber.row, paused_until=until)
            return _found(conn, subscriber.address)

    def go_on(self, typed: str, *, now: datetime) -> Subscriber:
        """End a pause, and nothing else; a digest that was put off because of it comes sooner."""
        with self._database.writing() as conn:
            subscriber = _found(conn, normal_address(typed))
            if subscriber.paused_until:
                due = self._planned(subscriber, now)
                put_off = subscriber.next_due_at is not None and subscriber.next_due_at > due
                columns = {"next_due_at": due} if put_off else {}
                store.change(conn, subscriber.row, paused_until=None, **columns)
            return _found(conn, subscriber.address)

    def resume(self, typed: str, *, now: datetime) -> Subscriber:
        """End a pause and lift a suppression; one who left must confirm again."""
        with self._database.writing() as conn:
            subscriber = _found(conn, normal_address(typed))
            if subscriber.state != "active":
                raise errors.UsageError(
                    f"{subscriber.address} is {subscriber.state}: only a confirmation brings it "
                    f"back - notifier subscriber confirm {subscriber.address} --because ..."
                )
            store.lift_suppression(conn, subscriber.address, now=now)
            store.change(
                conn,
                subscriber.row,
                paused_until=None,
                next_due_at=self._planned(subscriber, now),
            )
            return _found(conn, subscriber.address)

    def leave(self, row: int, *, now: datetime) -> Subscriber | None:
        """Stop all mail to a subscriber at once; None when there is none of that row."""
        with self._database.writing() as conn:
            store.leave(conn, row, now=now)
            return store.get(conn, row)

    def remove(self, typed: str) -> None:
        """Delete a subscriber with everything kept about them (GDPR, article 17).

        What stays is that an address must not be mailed, where that is so.
        """
        with self._database.writing() as conn:
            subscriber = _found(conn, normal_address(typed))
            store.remove(conn, subscriber.row)
            store_signups.forget_address(conn, subscriber.address)
            store_letters.forget_address(conn, subscriber.address)

    def profiles(self, typed: str) -> list[Profile]:
        """Return a subscriber's profiles, oldest first."""
        with self._database.reading() as conn:
            return store_profiles.of(conn, [_found(conn, normal_address(typed)).row])

    def profile(self, typed: str, name: str) -> Profile:
        """Return a subscriber's profile of that name."""
        for profile in self.profiles(typed):
            if profile.name == name:
                return profile
        raise errors.NotFound(f'{normal_address(typed)} has no profile "{name}"')

    def add_profile(
        self,
        typed: str,
        name: str,
        rules: str,
        *,
        now: datetime,
        replace: bool = False,
        enabled: bool | None = None,
    ) -> tuple[RuleProblem, ...]:
        """Add a profile as typed and return what is wrong with it; bad lines disable themselves.

        Args:
            enabled: None: a new one is, and one that is replaced stays as it is.
        Raises:
            UsageError: no name, too long, no rule at all that works, or the name is taken.
        """
        name, parsed = checked_profile(name, rules)
        with self._database.writing() as conn:
            row = _found(conn, normal_address(typed)).row
            if not store_profiles.add(conn, row, name, rules, now=now):
                if not replace:
                    raise errors.UsageError(
                        f'there is a profile "{name}" already - replace it with --replace'
                    )
                store_profiles.set_rules(conn, row, name, rules, now=now)
            if enabled is not None:
                store_profiles.set_enabled(conn, row, name, enabled)
            self._plan_sample(conn, row)
        return parsed.problems + parsed.warnings

    def follow(self, typed: str, rules: str, *, now: datetime, name: str = "") -> Profile:
        """Have a profile of these rules: the one that is there, switched on, else a new one.

        Args:
            name: The profile's; "": any that has the rules, and a new one is called by them.
        Raises:
            UsageError: as `add_profile`.
        """
        checked, _ = checked_profile(name or name_for(rules), rules)
        with self._database.writing() as conn:
            row = _found(conn, normal_address(typed)).row
            known = store_profiles.of(conn, [row])
            if found := same(known, rules, name):
                checked = found.name
                store_profiles.set_enabled(conn, row, checked, True)
            else:
                checked = checked if name else free_name(known, rules)
                if not store_profiles.add(conn, row, checked, rules, now=now):
                    raise errors.UsageError(f'there is a profile "{checked}" already')
            self._plan_sample(conn, row)
            return next(one for one in store_profiles.of(conn, [row]) if one.name == checked)

    def undo_rules(self, subscriber: int, name: str, *, now: datetime) -> bool:
        """Bring back the rules before the last change, or undo that; False if there are none."""
        with self._database.writing() as conn:
            return store_profiles.swap_rules(conn, subscriber, name, now=now)

    def remove_profile(self, typed: str, name: str) -> None:
        """Delete a profile."""
        with self._database.writing() as conn:
            subscriber = _found(conn, normal_address(typed))
            if not store_profiles.remove(conn, subscriber.row, name):
                raise errors.NotFound(f'{subscriber.address} has no profile "{name}"')


def _found(conn: Connection, address: str) -> Subscriber:
    subscriber = store.find(conn, address)
    if subscriber is None:
        raise errors.NotFound(
            f"no subscriber {address} - notifier subscriber list shows who is there"
        )
    return subscriber
