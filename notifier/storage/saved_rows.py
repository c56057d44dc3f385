"""The table of feeds of saved papers."""

from __future__ import annotations

from sqlmodel import Field

from notifier.storage.columns import Row, refers


class SavedFeedRow(Row, table=True):
    """By what secret the feed of a subscriber's saved papers is read: theirs, and nobody else's."""

    __tablename__ = "saved_feed"
    subscriber_id: int = refers("subscriber", primary_key=True)
    secret: str = Field(unique=True)
