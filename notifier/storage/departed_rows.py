"""The table of subscribers who were deleted: how many, and nothing else about them."""

from __future__ import annotations

from sqlmodel import Field

from notifier.storage.columns import Row


class DepartedRow(Row, table=True):
    """How many of those who confirmed in a week were deleted since, by what had become of them.

    `week`: the Monday it began with (UTC, ISO 8601). `became`: see `store_cohorts.Became`.
    """

    __tablename__ = "departed"
    week: str = Field(primary_key=True)
    became: str = Field(primary_key=True)
    subscribers: int
