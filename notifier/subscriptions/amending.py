"""A reader's rules changed by the links of a mail: for a while after the digest, and undone.

Such a link never expires, and goes where the mail goes. So it changes rules only as long as a link
for changes does, counted from the digest by which the paper came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from notifier.profiles.amending import NotAmendable, changed_lines
from notifier.profiles.profile import Profile
from notifier.storage import store_digests, store_profiles
from notifier.storage import store_subscribers as store
from notifier.storage.database import Database
from notifier.subscriptions.finding import profile_of
from notifier.subscriptions.links import CHANGE_LIFE
from notifier.subscriptions.undoing import Undo, mark_of

Outcome: TypeAlias = Literal["done", "same", "changed", "refused"]


@dataclass(frozen=True, slots=True)
class Amended:
    """What became of a change: done, the same as it was, refused, or the text is another by now.

    `lines`: (before, after) of those that differ.
    """

    outcome: Outcome
    name: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    undo: Undo | None = None


def may_amend(conn: Connection, subscriber: int, paper: int, now: datetime) -> bool:
    """Whether a link about this paper may change the rules of this subscriber now."""
    reader, sent = store.get(conn, subscriber), store_digests.sent(conn, subscriber, paper)
    if reader is None or reader.state != "active" or sent is None:
        return False
    return now - sent.composed_at <= CHANGE_LIFE


class Amending:
    """Changes rules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def amend(
        self,
        subscriber: int,
        paper: int,
        profile: int,
        amend: Callable[[str], str],
        *,
        mark: int | None,
        now: datetime,
    ) -> Amended:
        """Change a profile's text by `amend`.

        Args:
            mark: Only if it is still the text with this mark; None: whatever it is by now.
        Raises:
            NotFound: the subscriber has no such profile.
        """
        with self._database.writing() as conn:
            found = profile_of(conn, subscriber, profile)
            if not may_amend(conn, subscriber, paper, now):
                return Amended("refused", found.name)
            is_other = mark not in (None, mark_of(found.rules))
            try:
                made = amend(found.rules)
            except NotAmendable:
                return Amended("changed" if is_other else "refused", found.name)
            if made == found.rules or is_other:
                return Amended("same" if made == found.rules else "changed", found.name)
            return _store(conn, found, made, now)


def _store(conn: Connection, profile: Profile, rules: str, now: datetime) -> Amended:
    store_profiles.set_rules(conn, profile.subscriber, profile.name, rules, now=now)
    marks = mark_of(profile.rules), mark_of(rules)
    undo = Undo(profile.subscriber, "rules", (profile.row, *marks), now)
    return Amended("done", profile.name, tuple(changed_lines(profile.rules, rules)), undo)
