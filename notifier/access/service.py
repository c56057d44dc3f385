"""Keys of the JSON API: made, listed, revoked, and checked with every request."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta

from notifier import errors
from notifier.access import scopes, written
from notifier.access.strangers import Strangers
from notifier.storage import store_api_keys as store
from notifier.storage.database import Database
from notifier.storage.store_api_keys import ApiKey

NAME_CHARACTERS = 60
USE_NOTED_EVERY = timedelta(hours=1)


class ApiKeys:
    """The service behind commands, the API and the page of the operator."""

    def __init__(
        self, database: Database, *, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._database, self._random = database, random
        self._strangers, self._lock = Strangers(), threading.Lock()

    def add(
        self, name: str, wanted: Collection[str], *, now: datetime, expires_at: datetime | None
    ) -> tuple[ApiKey, str]:
        """Make a key, and return it with its text, which is kept nowhere.

        Raises:
            UsageError: no name, no scope that there is, or an end in the past.
        """
        name = " ".join(name.split())
        if not name or len(name) > NAME_CHARACTERS or not name.isprintable():
            raise errors.UsageError(f"a key's name has 1 to {NAME_CHARACTERS} printable characters")
        if expires_at and expires_at <= now:
            raise errors.UsageError("the key would have expired already - name a later time")
        chosen = scopes.checked(wanted)
        while True:
            text = written.write(self._random(written.ID_LETTERS + written.SECRET_BYTES))
            parts = written.read(text)
            if parts is None:
                raise ValueError("a key was written that is none")
            key = ApiKey(parts.id, parts.digest, name, chosen, now, expires_at)
            with self._database.writing() as conn:
                if store.add(conn, key):
                    return key, text

    def every(self) -> list[ApiKey]:
        """Return all keys, oldest first, revoked and expired ones too."""
        with self._database.reading() as conn:
            return store.every(conn)

    def get(self, id_: str) -> ApiKey:
        """Return the key of an id; the whole key, typed by mistake, is taken for its id.

        Raises:
            NotFound: there is none.
        """
        parts = written.read(id_)
        with self._database.reading() as conn:
            found = store.find(conn, parts.id if parts else id_.removeprefix(written.PREFIX))
        if found is None:
            named = parts.id if parts else id_
            raise errors.NotFound(f'no key "{named}" - notifier api-key list shows them')
        return found

    def revoke(self, id_: str, *, now: datetime) -> ApiKey:
        """End a key at once and for good; one that is revoked stays as it is.

        Raises:
            NotFound: there is none.
        """
        found = self.get(id_)
        with self._database.writing() as conn:
            store.revoke(conn, found.id, now=now)
        return self.get(found.id)

    def holder(self, typed: str, *, host: str, now: datetime) -> ApiKey | None:
        """Return the valid key that was sent; None for anything else.

        Args:
            typed: As it was sent, "" where nothing was.
            host: IP address of the asker, "" where it is not known.
        Raises:
            TooOften: too many from that network came without one.
        """
        parts = written.read(typed)
        with self._lock:
            is_known = parts is not None and self._strangers.is_known(parts.digest)
            if not is_known and not self._strangers.may_try(host, now):
                raise errors.TooOften("too many requests without a valid key from this network")
        key = self._valid(parts, now) if parts else None
        with self._lock:
            if key is None:
                self._strangers.failed(host, now)
                if parts:
                    self._strangers.forget(parts.digest)
            else:
                self._strangers.know(key.digest)
        return key

    def _valid(self, parts: written.Written, now: datetime) -> ApiKey | None:
        with self._database.reading() as conn:
            key = store.find(conn, parts.id)
        if key is None or not hmac.compare_digest(key.digest, parts.digest):
            return None
        if key.state(now) != "valid":
            return None
        if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY:
            # Who is busy with something else is no reason to turn anybody away.
            with suppress(*errors.NOT_NOW), self._database.writing() as conn:
                store.note_use(conn, key.id, now=now)
        return key
