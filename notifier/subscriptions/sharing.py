"""Shared profiles: an owner gives a link; who has it follows the rules, or copies them.

The link holds a secret of 128 bits and no address, and leads to nobody's pages. A follower's
profile is matched like any other: what an owner changes is written to all in one transaction.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection

from notifier import errors
from notifier.profiles.profile import Profile, Subscriber
from notifier.storage import store_profiles, store_sharing
from notifier.storage.database import Database
from notifier.storage.store_sharing import Membership, Shared
from notifier.subscriptions.finding import profile_of
from notifier.subscriptions.links import Links
from notifier.subscriptions.naming import free_name

SECRET_BYTES = 16
# Of so few readers the number is not told.
FEWEST_TOLD = 5
_LONGEST = 100


class Sharing:
    """The shared profiles of one instance; a profile is named by its row."""

    def __init__(self, database: Database, links: Links) -> None:
        self._database, self._links = database, links

    def of(self, profile: int) -> Membership | None:
        """Return what a profile is in a sharing; None: it is nobody else's."""
        with self._database.reading() as conn:
            return store_sharing.of(conn, profile)

    def share(self, profile: int, *, now: datetime, rotate: bool = False) -> str:
        """Return the link of a profile, made where there is none, or anew.

        Raises:
            Followed: it follows another's.
        """
        with self._database.writing() as conn:
            known = store_sharing.of(conn, profile)
            if known and known.role == "reader":
                raise errors.Followed("this profile follows a shared one - its owners share it")
            if known and not rotate:
                return self._links.shared(known.secret)
            secret = secrets.token_urlsafe(SECRET_BYTES)
            if known:
                store_sharing.set_secret(conn, known.sharing, secret)
            else:
                store_sharing.begin(conn, profile, secret, now=now)
            return self._links.shared(secret)

    def owner_link(self, profile: int) -> str:
        """Return a link by which one person becomes an owner, once; one before it ends.

        Raises:
            Conflict: the profile is not shared by its owner.
        """
        with self._database.writing() as conn:
            known = _owned(conn, profile)
            secret = secrets.token_urlsafe(SECRET_BYTES)
            store_sharing.set_owner_secret(conn, known.sharing, secret)
            return self._links.shared(secret)

    def stop(self, profile: int) -> bool:
        """Share a profile no more; all who followed keep its rules as their own."""
        with self._database.writing() as conn:
            known = store_sharing.of(conn, profile)
            if known is None or known.role != "owner":
                return False
            store_sharing.end(conn, known.sharing)
            return True

    def leave(self, profile: int) -> bool:
        """Make a profile its subscriber's own; False when it was."""
        with self._database.writing() as conn:
            return store_sharing.leave(conn, profile)

    def opened(self, link: str) -> Shared:
        """Return what a link, or its secret, opens.

        Raises:
            NotFound: it opens nothing, or nothing any more.
        """
        secret = urlsplit(link.strip()[:500]).path.rstrip("/").rpartition("/")[2][:_LONGEST]
        with self._database.reading() as conn:
            found = store_sharing.opened(conn, secret) if secret else None
        if found is None:
            raise errors.NotFound("this link shares nothing, or nothing any more")
        return found

    def join(
        self, subscriber: Subscriber, link: str, *, now: datetime, copy: bool = False
    ) -> Profile:
        """Have a subscriber follow what a link shares, or copy it; twice is the same as once.

        Raises:
            NotFound: the link opens nothing.
        """
        shared = self.opened(link)
        with self._database.writing() as conn:
            known = store_profiles.of(conn, [subscriber.row])
            name = store_sharing.is_member(conn, subscriber.row, shared.sharing)
            if copy:
                same = next((one.name for one in known if one.rules == shared.rules), None)
                name = same or self._add(conn, subscriber, shared, known, now)
            elif name is None:
                name = self._add(conn, subscriber, shared, known, now)
                row = _named(conn, subscriber, name).row
                role: store_sharing.Role = "owner" if shared.as_owner else "reader"
                store_sharing.join(conn, row, shared.sharing, role)
                if shared.as_owner:
                    store_sharing.set_owner_secret(conn, shared.sharing, None)
            return _named(conn, subscriber, name)

    def _add(
        self,
        conn: Connection,
        subscriber: Subscriber,
        shared: Shared,
        known: list[Profile],
        now: datetime,
    ) -> str:
        taken = {one.name for one in known}
        name = shared.name if shared.name not in taken else free_name(known, shared.rules)
        store_profiles.add(conn, subscriber.row, name, shared.rules, now=now)
        return name


def _owned(conn: Connection, profile: int) -> Membership:
    known = store_sharing.of(conn, profile)
    if known is None or known.role != "owner":
        raise errors.Conflict("this profile is not shared by its owner - share it first")
    return known


def _named(conn: Connection, subscriber: Subscriber, name: str) -> Profile:
    found = next(one for one in store_profiles.of(conn, [subscriber.row]) if one.name == name)
    return profile_of(conn, subscriber.row, found.row)
