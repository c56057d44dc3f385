"""The keys that an instance made for itself; they are kept in its database."""

from __future__ import annotations

import secrets

from notifier.storage import store_subscribers
from notifier.storage.database import Database
from notifier.subscriptions.tokens import KEY_BYTES, PURPOSE


def of_instance(database: Database) -> bytes:
    """Return the instance's first key, made once: it names digests, and signs what comes back."""
    with database.reading() as conn:
        found = store_subscribers.secret(conn, PURPOSE)
    if found is None:
        with database.writing() as conn:
            store_subscribers.keep_secret(conn, PURPOSE, secrets.token_bytes(KEY_BYTES))
        return of_instance(database)  # ours, or that of whoever was faster
    return found


def of_links(database: Database) -> list[bytes]:
    """Return the keys of links, oldest first; the first is the instance's own."""
    with database.asking() as conn:
        return store_subscribers.secrets(conn, PURPOSE)


def add_for_links(database: Database) -> int:
    """Make a further key for links, the newest from now on, and return how many there are."""
    with database.writing() as conn:
        return store_subscribers.add_secret(conn, PURPOSE, secrets.token_bytes(KEY_BYTES))
