"""The table of what needs somebody."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from notifier.storage.columns import Row, text, time


class AlertRow(Row, table=True):
    """A trouble while it lasts; its row goes when it is over.

    `kind` and `name` (of a source or destination, else ""): see `jobs.alerting.troubles`.
    `since` is when it began, `noticed_at` when it was seen first, `told_at` when somebody was told
    last, None where nobody was yet: it may pass by itself. `why`: the words of who refuses us.
    """

    __tablename__ = "alert"
    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    since: datetime = time(nullable=False)
    why: str = text()
    noticed_at: datetime = time(nullable=False)
    told_at: datetime | None = time()
