"""Whether what is to be done is handed to somebody who does it."""

from __future__ import annotations

import asyncio

from notifier import errors
from notifier.doctor.finding import Finding, failed, ok, warning
from notifier.doctor.setup import Setup
from notifier.engine import own_schema
from notifier.engine.distributed import Distributed
from notifier.standings import is_silent
from notifier.storage import store_processes
from notifier.storage.database import Database
from notifier.vitals import WORKER


async def ask_engine(setup: Setup) -> list[Finding]:
    """Whether the engine's tables are there, and a worker lives."""
    if setup.settings.engine.kind == "inline":
        return [ok("engine", "inline: the scheduler does its own work")]
    return [await asyncio.to_thread(_judged, setup.opened)]


def _judged(database: Database) -> Finding:
    try:
        is_installed = own_schema.is_installed(database)
    except errors.ConfigError as error:
        return failed("engine", str(error), "Install it wherever a process of this instance runs.")
    if not is_installed:
        said = "its tables are not there, or of another version"
        return warning("engine", said, 'Make them: "notifier db upgrade".')
    waiting, workers = Distributed(database).waiting(), _workers(database)
    said = f"procrastinate: {waiting} tasks wait, {workers} workers live"
    if not workers:
        remedy = 'Start at least one: "notifier run --only worker" (docs/postgresql.md).'
        return failed("engine", said, remedy)
    return ok("engine", said)


def _workers(database: Database) -> int:
    with database.reading() as conn:
        alive = [seen for seen in store_processes.every(conn) if not is_silent(seen)]
    return sum(WORKER in seen.process.roles.split(",") for seen in alive)
