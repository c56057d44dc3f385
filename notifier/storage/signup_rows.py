"""The tables of subscribing at a page: who asked, what is mailed to them, how often they may."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Column, Index, LargeBinary
from sqlmodel import Field

from notifier.storage.columns import Row, numbered, text, time


class LetterRow(Row, table=True):
    """A single mail about a subscription; `state` is waiting, sent, failed or expired.

    A claim moves `not_before` to its end. `content` goes when nothing is to be sent any more.
    """

    __tablename__ = "letter"
    __table_args__ = (Index("ix_letter_state_not_before", "state", "not_before"),)
    id: int | None = numbered()
    key: str = Field(unique=True)
    kind: str
    address: str
    content: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    state: str
    made_at: datetime = time(nullable=False)
    not_before: datetime = time(nullable=False)
    expires_at: datetime = time(nullable=False)
    attempts: int
    owner: str | None
    reply: str | None = text(nullable=True)


class SignupRow(Row, table=True):
    """What somebody asked for on the page; it becomes a subscriber's when they confirm.

    `share`: the secret of a shared profile that is to be followed. `invited_by`: who invited them.
    """

    __tablename__ = "signup"
    id: int | None = numbered()
    address: str
    rules: str = text()
    zone: str
    hour: int
    minute: int
    days: list[int] = Field(sa_column=Column(JSON, nullable=False))
    cadence: str
    language: str
    made_at: datetime = time(nullable=False, index=True)
    confirmed_at: datetime | None = time()
    share: str | None
    invited_by: str | None


class BucketRow(Row, table=True):
    """How often something was asked for of late; `name` tells nothing of who did."""

    __tablename__ = "bucket"
    name: str = Field(primary_key=True)
    tokens: float
    at: datetime = time(nullable=False, index=True)
