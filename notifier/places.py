"""Where files of a database lie: beside an SQLite file, else in a folder of this machine's user."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from notifier.storage.database import Database


def owner(secret: bytes) -> str:
    """Return a name for the database that a file is made from; see `words`."""
    return blake2b(secret, digest_size=8, person=b"profiles").hexdigest()


def words(database: Database, secret: bytes) -> Path:
    """Return the folder of stored papers' words, which commands read rather than every paper.

    Args:
        secret: The instance's; a database made anew under the name of an old one has another.
    """
    if database.is_sqlite:
        return Path(f"{database.place}-words")
    import platformdirs

    name = blake2b(secret, digest_size=8, person=b"words").hexdigest()
    return platformdirs.user_cache_path("notifier") / f"words-{name}"
