"""The tables of other channels than mail: where papers go, what goes there, what was tried.

Tables of their own beside those of sending mails. A delivery is one of a digest, and its queue, its
destination, what bounced and whom that suppresses speak of a mail address; half of its columns
would be empty here, and every query of the outbox would have to leave these rows out.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field

from notifier.storage.columns import Row, numbered, refers, text, time


class ChannelRow(Row, table=True):
    """Where papers of a subscriber go beside their mail; a subscriber names an address once.

    `url` is a secret. Nothing goes there while `paused_at` is set: `reason` is what its service
    said, "" where somebody wanted it so. `rest_until`: the service asked to be left alone.
    """

    __tablename__ = "channel"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "url"),
        {"sqlite_autoincrement": True},  # people type the row: it must never be another's
    )
    id: int | None = numbered()
    subscriber_id: int = refers("subscriber")
    service: str
    url: str = text()
    added_at: datetime = time(nullable=False)
    paused_at: datetime | None = time()
    reason: str = text()
    rest_until: datetime | None = time()


class ChannelProfileRow(Row, table=True):
    """A channel gets what this profile wants."""

    __tablename__ = "channel_profile"
    channel_id: int = refers("channel", primary_key=True)
    profile_id: int = refers("profile", primary_key=True, index=True)


class PostRow(Row, table=True):
    """What a channel gets of a digest, frozen when that was composed: (digest, channel) is unique.

    States: pending (to be sent, again after `not_before`), claimed (until `lease_until`), sent,
    failed (refused for good), expired (too late to be useful), dropped (subscriber left).
    `claim` is the number of the last claim: who holds an older one has lost it. `page` is the
    unguessable name of its page, `profiles` are those whose papers it holds.
    """

    __tablename__ = "post"
    __table_args__ = (
        UniqueConstraint("digest_id", "channel_id"),
        Index("ix_post_state_not_before", "state", "not_before"),
        Index("ix_post_channel_id_state", "channel_id", "state"),
    )
    id: int | None = numbered()
    digest_id: int = refers("digest")
    channel_id: int = refers("channel")
    page: str = Field(unique=True)
    profiles: list[str] = Field(sa_column=Column(JSON, nullable=False))
    title: str = text()
    body: str = text()
    state: str
    attempts: int
    claim: int
    not_before: datetime = time(nullable=False)
    expires_at: datetime = time(nullable=False)
    lease_until: datetime | None = time()
    status: int | None
    reply: str | None = text(nullable=True)
    finished_at: datetime | None = time()


class PostAttemptRow(Row, table=True):
    """What became of one attempt, in the service's words; rows are only added.

    `outcome` is the post's state after it, or "released" where the post was not to blame.
    """

    __tablename__ = "post_attempt"
    id: int | None = numbered()
    post_id: int = refers("post", index=True)
    number: int
    at: datetime = time(nullable=False)
    outcome: str
    status: int | None
    reply: str | None = text(nullable=True)


class PostPaperRow(Row, table=True):
    """A paper reaches a channel once: (channel, paper) is unique."""

    __tablename__ = "post_paper"
    channel_id: int = refers("channel", primary_key=True)
    paper_id: int = refers("paper", primary_key=True, index=True)
    digest_id: int = refers("digest", index=True)
