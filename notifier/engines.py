"""The engine of an instance, from the settings."""

from __future__ import annotations

from notifier.config import Settings
from notifier.engine import own_schema
from notifier.engine.distributed import Distributed
from notifier.engine.engine import Engine
from notifier.engine.inline import Inline
from notifier.storage.database import Database


def install(settings: Settings, database: Database) -> bool:
    """Make what the engine keeps in the database, where it lacks; whether it did.

    Raises:
        ConfigError: the extra is not installed.
    """
    return settings.engine.kind == "procrastinate" and own_schema.install(database)


def make_engine(settings: Settings, database: Database) -> Engine:
    """Return the engine; what waits in one of a single process is known there alone."""
    tasks = settings.engine.tasks
    if settings.engine.kind == "inline":
        return Inline(tasks=tasks)
    return Distributed(database, tasks=tasks)


def described(settings: Settings, engine: Engine) -> dict[str, object]:
    """Return the engine's kind, and how many tasks nobody has begun; None: known to the scheduler's
    process alone."""
    waiting = engine.waiting() if engine.is_shared else None
    return {"kind": settings.engine.kind, "tasks_waiting": waiting}
