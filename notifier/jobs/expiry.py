"""End mails that can no longer be sent, some hundreds a transaction: others may write between."""

from __future__ import annotations

from datetime import datetime

from notifier.storage import store_deliveries
from notifier.storage.database import Database
from notifier.storage.statements import chunks


def end_stale(
    database: Database, *, now: datetime, takes_over: bool, spared_owner: str = ""
) -> tuple[int, int]:
    """End what came too late, or whose subscriber is gone; return (expired, dropped).

    Where there is none, no lock is taken. Arguments: see `store_deliveries.close_stale`.
    """
    with database.asking() as conn:
        found = store_deliveries.stale(
            conn, now=now, takes_over=takes_over, spared_owner=spared_owner
        )
    expired = dropped = 0
    for rows in chunks(found):
        with database.writing() as conn:
            late, gone = store_deliveries.close_stale(
                conn, rows, now=now, takes_over=takes_over, spared_owner=spared_owner
            )
        expired, dropped = expired + late, dropped + gone
    return expired, dropped
