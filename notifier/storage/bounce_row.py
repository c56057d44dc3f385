"""The table of what came back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field

from notifier.storage.columns import Row, text, time


class BounceRow(Row, table=True):
    """What came to the bounce address, and what was done; rows are added and never changed.

    One for each mail (`key`: SHA-256 of it) and recipient it speaks of. `kind`: see
    `delivery.verdict`. `via` says by what its subscriber was found: token, message-id, address or
    nothing. `raw`: the mail, zlib-compressed, kept where nobody understood it.
    """

    __tablename__ = "bounce"
    __table_args__ = (
        UniqueConstraint("key", "recipient"),
        Index("ix_bounce_subscriber_id_received_at", "subscriber_id", "received_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str
    recipient: str
    kind: str
    status: str
    reason: str = text()
    via: str
    done: str
    subscriber_id: int | None = Field(
        sa_column=Column(Integer, ForeignKey("subscriber.id", ondelete="CASCADE"))
    )
    delivery_id: int | None = Field(
        sa_column=Column(Integer, ForeignKey("delivery.id", ondelete="CASCADE"), index=True)
    )
    received_at: datetime = time(nullable=False, index=True)
    raw: bytes | None = Field(sa_column=Column(LargeBinary))
