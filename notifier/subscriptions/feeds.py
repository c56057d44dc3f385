"""Feeds of profiles, for programs that read feeds: whoever knows the address reads the papers.

An address holds nothing but a secret of 128 bits. It can be made anew, and then the old one opens
nothing; nothing leads from it to its owner's address or to other pages of theirs.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from notifier import errors
from notifier.storage import store_feeds
from notifier.storage.database import Database
from notifier.subscriptions.links import Links

SECRET_BYTES = 16


@dataclass(frozen=True, slots=True)
class FeedAddresses:
    """Where a profile's feed is: Atom (RFC 4287) and JSON Feed 1.1."""

    atom: str
    json: str


class Feeds:
    """The feeds of one instance; a profile is named by its row."""

    def __init__(self, database: Database, links: Links) -> None:
        self._database, self._links = database, links

    def of(self, profile: int) -> FeedAddresses | None:
        """Return where a profile's feed is, None where nobody asked for one."""
        with self._database.reading() as conn:
            secret = store_feeds.secret(conn, profile)
        return self._addresses(secret) if secret else None

    def rotate(self, profile: int) -> FeedAddresses:
        """Give a profile's feed a new address, its first or instead of the one it had.

        Raises:
            NotFound: the profile was deleted.
        """
        secret = secrets.token_urlsafe(SECRET_BYTES)
        with self._database.writing() as conn:
            if not store_feeds.put_secret(conn, profile, secret):
                raise errors.NotFound("this profile was deleted")
        return self._addresses(secret)

    def stop(self, profile: int) -> bool:
        """Switch a profile's feed off; False when it had none."""
        with self._database.writing() as conn:
            return store_feeds.forget_secret(conn, profile)

    def _addresses(self, secret: str) -> FeedAddresses:
        return FeedAddresses(self._links.feed(secret, "atom"), self._links.feed(secret, "json"))
