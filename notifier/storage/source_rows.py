"""The tables of sources: how each is read, and whose turn it is to ask a service."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from notifier.storage.columns import Row, text, time


class SourceRow(Row, table=True):
    """What is known of a source's health. `error` without failures is a warning."""

    __tablename__ = "source"
    name: str = Field(primary_key=True)
    kind: str
    last_attempt_at: datetime | None = time()
    last_success_at: datetime | None = time()
    failures: int
    error: str | None = text(nullable=True)
    seen: int
    new: int
    rejected: int
    paused_at: datetime | None = time()


class SourcePartRow(Row, table=True):
    """How current a part of a source is; see `sources.freshness.Part`."""

    __tablename__ = "source_part"
    source: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    known_since: datetime = time(nullable=False)
    answered_at: datetime | None = time()
    batch_at: datetime | None = time()
    entries: int
    again: int
    usual: int
    replayed_at: datetime | None = time()


class TurnRow(Row, table=True):
    """Whose turn it is to ask a service; `holder` "" is nobody. `told_at` is when that was
    written: later than now after the clock was set back."""

    __tablename__ = "turn"
    service: str = Field(primary_key=True)
    holder: str
    held_until: datetime = time(nullable=False)
    not_before: datetime = time(nullable=False)
    told_at: datetime = time(nullable=False)


class HttpCacheRow(Row, table=True):
    """Validators of the last answer whose papers were committed (RFC 9110, 13)."""

    __tablename__ = "http_cache"
    url: str = Field(primary_key=True)
    etag: str | None
    last_modified: str | None
    fetched_at: datetime = time(nullable=False)


class AuthorFeedRow(Row, table=True):
    """When the feed of an author whom readers follow was asked last, and whether there is one."""

    __tablename__ = "author_feed"
    author: str = Field(primary_key=True)
    asked_at: datetime = time(nullable=False)
    known: bool
