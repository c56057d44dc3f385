"""What a subscriber saved, to be taken along: as citations, and as a feed that goes on.

The address of the feed holds nothing but a secret of 128 bits. It can be made anew, and then the
old one opens nothing; nothing leads from it to its owner's address or to other pages of theirs.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from notifier.papers.paper import Paper
from notifier.storage import store_saved
from notifier.storage.database import Database
from notifier.subscriptions.feeds import SECRET_BYTES, FeedAddresses
from notifier.subscriptions.links import Links


class Saved:
    """The saved papers of one instance; a subscriber is named by their row."""

    def __init__(self, database: Database, links: Links) -> None:
        self._database, self._links = database, links

    def papers(self, subscriber: int) -> Iterator[Paper]:
        """Yield all saved papers, the first saved first; only some are in memory at a time."""
        with self._database.reading() as conn:
            rows = store_saved.rows(conn, subscriber)
        return store_saved.papers(self._database, rows)

    def feed(self, subscriber: int) -> FeedAddresses | None:
        """Return where the feed is, None where nobody asked for one."""
        with self._database.reading() as conn:
            secret = store_saved.secret(conn, subscriber)
        return self._addresses(secret) if secret else None

    def rotate(self, subscriber: int) -> FeedAddresses:
        """Give the feed a new address, its first or instead of the one it had."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        with self._database.writing() as conn:
            store_saved.put_secret(conn, subscriber, secret)
        return self._addresses(secret)

    def stop(self, subscriber: int) -> bool:
        """Switch the feed off; False when there was none."""
        with self._database.writing() as conn:
            return store_saved.forget_secret(conn, subscriber)

    def _addresses(self, secret: str) -> FeedAddresses:
        atom, json = (self._links.saved_feed(secret, ending) for ending in ("atom", "json"))
        return FeedAddresses(atom, json)
