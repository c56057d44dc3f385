"""channels: where papers go beside mails, what goes there, and what was tried"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER, Utc

revision = "0014"
down_revision = "0013"


def _refers(table: str, column: str, target: str) -> tuple[sa.Column[Any], sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_{column}_{target}")
    return (
        sa.Column(column, NUMBER, nullable=False),
        sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete="CASCADE"),
    )


def _time(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, Utc(timezone=True), nullable=nullable)


def upgrade() -> None:
    _channels()
    _posts()


def _channels() -> None:
    op.create_table(
        "channel",
        sa.Column("id", NUMBER, nullable=False),
        *_refers("channel", "subscriber_id", "subscriber"),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        _time("added_at", nullable=False),
        _time("paused_at"),
        sa.Column("reason", sa.Text(), nullable=False),
        _time("rest_until"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
        sa.UniqueConstraint("subscriber_id", "url", name=op.f("uq_channel_subscriber_id_url")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "channel_profile",
        *_refers("channel_profile", "channel_id", "channel"),
        *_refers("channel_profile", "profile_id", "profile"),
        sa.PrimaryKeyConstraint("channel_id", "profile_id", name=op.f("pk_channel_profile")),
    )
    op.create_index(op.f("ix_channel_profile_profile_id"), "channel_profile", ["profile_id"])


def _posts() -> None:
    op.create_table(
        "post",
        sa.Column("id", NUMBER, nullable=False),
        *_refers("post", "digest_id", "digest"),
        *_refers("post", "channel_id", "channel"),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("profiles", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("title", "body")),
        sa.Column("state", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("attempts", "claim")),
        *(_time(name, nullable=False) for name in ("not_before", "expires_at")),
        _time("lease_until"),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        _time("finished_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
        sa.UniqueConstraint("digest_id", "channel_id", name=op.f("uq_post_digest_id_channel_id")),
        sa.UniqueConstraint("page", name=op.f("uq_post_page")),
    )
    op.create_index(op.f("ix_post_state_not_before"), "post", ["state", "not_before"])
    op.create_index(op.f("ix_post_channel_id_state"), "post", ["channel_id", "state"])
    op.create_table(
        "post_attempt",
        sa.Column("id", NUMBER, nullable=False),
        *_refers("post_attempt", "post_id", "post"),
        sa.Column("number", sa.Integer(), nullable=False),
        _time("at", nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_attempt")),
    )
    op.create_index(op.f("ix_post_attempt_post_id"), "post_attempt", ["post_id"])
    op.create_table(
        "post_paper",
        *_refers("post_paper", "channel_id", "channel"),
        *_refers("post_paper", "paper_id", "paper"),
        *_refers("post_paper", "digest_id", "digest"),
        sa.PrimaryKeyConstraint("channel_id", "paper_id", name=op.f("pk_post_paper")),
    )
    for column in ("paper_id", "digest_id"):
        op.create_index(op.f(f"ix_post_paper_{column}"), "post_paper", [column])
