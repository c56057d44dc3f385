"""The tables of the JSON API: who may use it, and answers that are given once more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Column, LargeBinary
from sqlmodel import Field

from notifier.storage.columns import NUMBER, Row, time


class ApiKeyRow(Row, table=True):
    """A key of the API: `id` is its public part, `digest` the SHA-256 of its secret part.

    A revoked key stays, so that lists tell what it was.
    """

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    name: str
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = time(nullable=False)
    expires_at: datetime | None = time()
    last_used_at: datetime | None = time()
    revoked_at: datetime | None = time()


class AnswerRow(Row, table=True):
    """What was answered to a request with an Idempotency-Key; `name` tells neither key.

    `request` is a hash of what was asked. `status` is None while it is carried out.
    `subscriber` is the row of whom it is about; `body` is empty once they are deleted.
    """

    __tablename__ = "answer"
    name: str = Field(primary_key=True)
    request: str
    status: int | None
    headers: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    subscriber: int | None = Field(default=None, sa_column=Column(NUMBER, index=True))
    made_at: datetime = time(nullable=False, index=True)
