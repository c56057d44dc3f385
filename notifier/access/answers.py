"""A request with an Idempotency-Key is carried out once; asked again, it has the same answer.

After the draft of the IETF's working group (draft-ietf-httpapi-idempotency-key-header). An answer
that is an error is not kept: nothing was changed, so asking again is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from notifier import errors
from notifier.storage import store_answers as store
from notifier.storage.database import Database
from notifier.storage.store_answers import Kept

LIFE = timedelta(hours=24)
# Nothing takes so long: the process that began it has died.
LONGEST = timedelta(minutes=5)


class Answers:
    """The answers of one instance."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, name: str, request: str, *, now: datetime) -> Kept | None:
        """Return what was answered before; None: it is to be carried out now.

        Args:
            name: See `name_of`.
            request: A hash of what is asked for.
        Raises:
            UsageError: something else was asked for under that name.
            Conflict: it is being carried out, or what it made was deleted since.
        """
        with self._database.writing() as conn:
            if store.begin(conn, name, request, now=now):
                return None
            kept = store.find(conn, name)
            age = now - kept.made_at if kept else LIFE
            if kept is None or age >= LIFE or (kept.status is None and age >= LONGEST):
                store.drop(conn, name)
                store.begin(conn, name, request, now=now)
                return None
        if kept.request != request:
            raise errors.UsageError("this Idempotency-Key was used for another request")
        if kept.status is None:
            raise errors.Conflict("the first request with this Idempotency-Key is not done yet")
        if not kept.body:
            raise errors.Conflict("this was done before, and what it was about is deleted")
        return kept

    def keep(
        self,
        name: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        subscriber: int | None,
    ) -> None:
        """Keep an answer; `subscriber` is the row of whom it is about."""
        with self._database.writing() as conn:
            store.finish(conn, name, status, headers, body, subscriber=subscriber)

    def drop(self, name: str) -> None:
        """Forget a request that came to nothing."""
        with self._database.writing() as conn:
            store.drop(conn, name)


def name_of(holder: str, typed: str) -> str:
    """Return under which name a holder's Idempotency-Key is kept; it tells neither."""
    return sha256(f"{holder}:{typed}".encode()).hexdigest()


def request_hash(method: str, path: str, body: bytes) -> str:
    """Return a hash of what is asked for."""
    return sha256(b"\n".join((method.encode(), path.encode("utf-8", "replace"), body))).hexdigest()
