"""The table of digests that are to be written."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from notifier.storage.columns import Row, refers, time


class PlannedRow(Row, table=True):
    """A subscriber's digest that is due and not written yet: one, however often they were due.

    `due_at` is the first time it was due. It is written from `not_before` on, by anybody, or by
    `lease_owner` alone until `lease_until`. `failures` counts how often it could not be.
    """

    __tablename__ = "planned"
    subscriber_id: int = refers("subscriber", primary_key=True)
    due_at: datetime = time(nullable=False, index=True)
    planned_at: datetime = time(nullable=False)
    not_before: datetime = time(nullable=False)
    lease_owner: str | None = Field(default=None)
    lease_until: datetime | None = time()
    failures: int
