"""The tables of shared profiles, and of who was invited."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from notifier.storage.columns import Row, numbered, refers, time


class SharingRow(Row, table=True):
    """Profiles that have the same rules: owners change them for all, readers follow.

    `secret`: of the link that anybody may have. `owner_secret`: of a link that makes one further
    owner, once.
    """

    __tablename__ = "sharing"
    id: int | None = numbered()
    secret: str = Field(unique=True)
    owner_secret: str | None = Field(default=None, unique=True)
    made_at: datetime = time(nullable=False)


class MemberRow(Row, table=True):
    """A profile that is shared: `role` is "owner" or "reader"."""

    __tablename__ = "member"
    profile_id: int = refers("profile", primary_key=True)
    sharing_id: int = refers("sharing", index=True)
    role: str


class InvitedRow(Row, table=True):
    """An address that was invited, under a name that tells nothing of it: nobody is asked twice."""

    __tablename__ = "invited"
    name: str = Field(primary_key=True)
    at: datetime = time(nullable=False)
