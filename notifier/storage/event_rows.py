"""The tables of what happened to papers after they were first seen, and who was told of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, UniqueConstraint
from sqlmodel import Field

from notifier.storage.columns import NUMBER, Row, numbered, refers, text, time


class EventRow(Row, table=True):
    """What happened to a paper: a kind once, a version each time; see `papers.event`.

    `value`: the version's number, else "". `detail`: a journal, a DOI, an address, or "".
    """

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("paper_id", "kind", "value"),)
    id: int | None = numbered()
    paper_id: int = refers("paper")
    kind: str
    value: str
    detail: str = text()
    at: datetime = time(nullable=False, index=True)


class ToldRow(Row, table=True):
    """A subscriber is told of an event once: (subscriber, event) is unique.

    `digest_id`: by which digest; it is told again where that was never sent.
    """

    __tablename__ = "told"
    __table_args__ = ({"sqlite_with_rowid": False},)
    subscriber_id: int = refers("subscriber", primary_key=True)
    event_id: int = refers("event", primary_key=True, index=True)
    digest_id: int = Field(sa_column=Column(NUMBER, nullable=False, index=True))
