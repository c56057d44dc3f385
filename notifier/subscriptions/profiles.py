"""A subscriber's profiles by their rows: what the pages for changing them do.

Each is safe to do twice. What is typed is checked before (`wrong_in`) and again when it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifier import errors
from notifier.profiles.parser import PROFILE_CHARACTERS, parse
from notifier.profiles.profile import Profile, Subscriber
from notifier.storage import store_profiles
from notifier.storage.database import Database
from notifier.subscriptions.checks import NAME_CHARACTERS, checked_profile
from notifier.subscriptions.finding import profile_of
from notifier.subscriptions.naming import same
from notifier.subscriptions.service import Subscriptions

MOST_PROFILES = 50


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile as typed; a name of spaces only is made from the rules."""

    name: str
    rules: str

    @property
    def shown_name(self) -> str:
        """The name with single spaces."""
        return " ".join(self.name.split())


class Profiles:
    """The service behind the profile pages."""

    def __init__(self, database: Database, subscriptions: Subscriptions) -> None:
        self._database, self._subscriptions = database, subscriptions

    def of(self, subscriber: Subscriber) -> list[Profile]:
        """Return a subscriber's profiles, oldest first."""
        with self._database.reading() as conn:
            return store_profiles.of(conn, [subscriber.row])

    def get(self, subscriber: Subscriber, row: int) -> Profile:
        """Return one profile.

        Raises:
            NotFound: the subscriber has none of that row.
        """
        with self._database.reading() as conn:
            return profile_of(conn, subscriber.row, row)

    def wrong_in(self, subscriber: Subscriber, draft: Draft, row: int | None = None) -> list[str]:
        """Return what makes that a draft cannot be stored: name, taken, rules, long, many.

        Args:
            row: Of the profile that it changes; None: it is a new one.
        """
        others = [one for one in self.of(subscriber) if one.row != row]
        name = draft.shown_name
        is_long = len(draft.rules) > PROFILE_CHARACTERS
        wrong = {
            "name": len(name) > NAME_CHARACTERS or not name.isprintable(),
            "taken": any(one.name == name for one in others),
            "long": is_long,
            "rules": not is_long and parse(draft.rules).is_empty,
            "many": row is None and len(others) >= MOST_PROFILES,
        }
        return [what for what, is_wrong in wrong.items() if is_wrong]

    def add(self, subscriber: Subscriber, draft: Draft, *, now: datetime) -> Profile:
        """Add a profile; the same once more gives the one that is there.

        Raises:
            UsageError: see `wrong_in`.
        """
        return self._subscriptions.follow(
            subscriber.address, draft.rules, now=now, name=draft.shown_name
        )

    def is_there(self, subscriber: Subscriber, draft: Draft) -> bool:
        """Whether adding a draft adds nothing, since it was added before."""
        return same(self.of(subscriber), draft.rules, draft.shown_name) is not None

    def change(self, subscriber: Subscriber, row: int, draft: Draft, *, now: datetime) -> Profile:
        """Store a profile's name and rules.

        Raises:
            NotFound: the subscriber has none of that row.
            UsageError: see `wrong_in`.
        """
        with self._database.writing() as conn:
            profile = profile_of(conn, subscriber.row, row)
            name, _ = checked_profile(draft.name or profile.name, draft.rules)
            if name != profile.name and not store_profiles.rename(conn, profile, name):
                raise errors.UsageError(f'there is a profile "{name}" already')
            if draft.rules != profile.rules:
                store_profiles.set_rules(conn, subscriber.row, name, draft.rules, now=now)
            return profile_of(conn, subscriber.row, row)

    def put_line(
        self, subscriber: Subscriber, row: int, place: int, rule: str, *, now: datetime
    ) -> Profile:
        """Store another rule at a line of a profile, from 1; "": the line becomes a comment.

        Raises:
            NotFound: the subscriber has none of that row.
            UsageError: see `wrong_in`.
        """
        profile = self.get(subscriber, row)
        lines = profile.rules.splitlines()
        lines[place - 1] = rule or f"# {lines[place - 1]}"
        draft = Draft(profile.name, "\n".join(lines))
        return self.change(subscriber, row, draft, now=now)

    def switch(self, subscriber: Subscriber, row: int, *, enabled: bool) -> Profile:
        """Switch a profile on or off.

        Raises:
            NotFound: the subscriber has none of that row.
        """
        with self._database.writing() as conn:
            profile = profile_of(conn, subscriber.row, row)
            store_profiles.set_enabled(conn, subscriber.row, profile.name, enabled)
            return profile_of(conn, subscriber.row, row)

    def remove(self, subscriber: Subscriber, row: int) -> Profile | None:
        """Delete a profile and return it; None when there is none of that row."""
        with self._database.writing() as conn:
            try:
                profile = profile_of(conn, subscriber.row, row)
            except errors.NotFound:
                return None
            store_profiles.remove(conn, subscriber.row, profile.name)
            return profile
