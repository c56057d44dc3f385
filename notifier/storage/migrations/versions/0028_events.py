"""events: what happened to papers that people know, who was told of it, and who wants to be"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER, Utc

revision = "0028"
down_revision = "0027"

SENT, SAVED = "withdrawn,published", "version,withdrawn,published,code,attention"


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("id", NUMBER, nullable=False),
        _reference("paper"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        _key("event", "paper"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("paper_id", "kind", "value", name=op.f("uq_event_paper_id_kind_value")),
    )
    op.create_index(op.f("ix_event_at"), "event", ["at"])
    op.create_table(
        "told",
        _reference("subscriber"),
        _reference("event"),
        sa.Column("digest_id", NUMBER, nullable=False),
        _key("told", "subscriber"),
        _key("told", "event"),
        sa.PrimaryKeyConstraint("subscriber_id", "event_id", name=op.f("pk_told")),
        sqlite_with_rowid=False,
    )
    for name in ("event_id", "digest_id"):
        op.create_index(op.f(f"ix_told_{name}"), "told", [name])
    for name, kinds in (("news_of_sent", SENT), ("news_of_saved", SAVED)):
        column = sa.Column(name, sa.String(), nullable=False, server_default=kinds)
        op.add_column("subscriber", column)


def _reference(name: str) -> sa.Column[int]:
    return sa.Column(f"{name}_id", NUMBER, nullable=False)


def _key(table: str, name: str) -> sa.ForeignKeyConstraint:
    key = op.f(f"fk_{table}_{name}_id_{name}")
    return sa.ForeignKeyConstraint([f"{name}_id"], [f"{name}.id"], name=key, ondelete="CASCADE")
