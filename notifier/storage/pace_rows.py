"""The tables of pace: how each destination and the mail server stand, and what was taken when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field

from notifier.storage.columns import Row, numbered, text, time

# Queues without a destination of their own; no domain and no provider has such a name.
UNSORTED, COMMON = "", "*"


class DestinationRow(Row, table=True):
    """A destination whose mails have a queue of their own: a provider's, or one that had trouble.

    See `delivery.standing` for most columns. `full_until`: its limit is used up. At most
    `connections` of its mails are on the wire. Two rows are always there: of mails not yet sorted,
    and of all destinations without a row.
    """

    __tablename__ = "destination"
    name: str = Field(primary_key=True)
    connections: int | None
    paused_at: datetime | None = time()
    slow_until: datetime | None = time()
    full_until: datetime | None = time()
    taken_at: datetime | None = time()
    step: int
    refusals: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    reason: str = text()


class RelayRow(Row, table=True):
    """The mail server; one row at most. See `delivery.breaker` for `cause` to `failures`.

    `full_until`: its limit is used up. `settings` is a keyed hash of how it is reached, `sorted_by`
    one of the table that open mails were sorted by, so that a change of either is noticed.
    """

    __tablename__ = "relay"
    id: int | None = numbered()
    cause: str
    reason: str = text()
    opened_at: datetime | None = time()
    retry_at: datetime | None = time()
    step: int
    failures: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    full_until: datetime | None = time()
    settings: str
    sorted_by: str


class TakenRow(Row, table=True):
    """Mails taken for sending in a part of a limit's window (`delivery.limits`).

    `scope` is a destination, "" the mail server; `seconds` the window's length.
    """

    __tablename__ = "taken"
    scope: str = Field(primary_key=True)
    seconds: int = Field(primary_key=True)
    part: int = Field(sa_column=Column(BigInteger, primary_key=True))
    mails: int
