"""Which processes run on an instance's database, for whoever runs it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from notifier.app import App
from notifier.intake import system_clock
from notifier.storage import store_processes
from notifier.storage.store_processes import Lease, Seen
from notifier.vitals import SCHEDULER

# A process says every ten seconds that it lives.
SILENT_AFTER = timedelta(minutes=1)


def processes(app: App) -> list[dict[str, Any]]:
    """Return each process: roles, host, number, since when, when it last said that it lives, and
    its state: scheduler, standby (waits to be that), runs, or silent (it ended without a word)."""
    with app.database.reading() as conn:
        lease = store_processes.lease(conn, SCHEDULER)
        known = store_processes.every(conn)
    return [
        {
            "roles": seen.process.roles.split(","),
            "state": _state(seen, lease),
            "host": seen.process.host,
            "pid": seen.process.pid,
            "since": seen.process.started_at,
            "last_heartbeat_at": seen.beat_at,
        }
        for seen in known
    ]


def is_silent(seen: Seen) -> bool:
    """Whether a process has ended without a word; in real time, whatever `--now` says."""
    return abs(system_clock() - seen.beat_at) > SILENT_AFTER


def _state(seen: Seen, lease: Lease) -> str:
    if is_silent(seen):
        return "silent"
    if seen.process.token == lease.holder:
        return SCHEDULER
    return "standby" if SCHEDULER in seen.process.roles.split(",") else "runs"


def planned_at(conn: Connection) -> datetime | None:
    """Return when a process last said that it looks for what is due (UTC); None: none ever did."""
    lease = store_processes.lease(conn, SCHEDULER)
    holder = store_processes.find(conn, lease.holder)
    seen = [lease.taken_at, holder.beat_at if holder else None]
    return max((at for at in seen if at), default=None)
