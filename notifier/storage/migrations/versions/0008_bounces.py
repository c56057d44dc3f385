"""bounces: what came back, and suppressions that say where they come from and may end"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER, Utc

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("forgiven_at", Utc(timezone=True), nullable=True))
    for column in (
        sa.Column("source", sa.String(), server_default="smtp", nullable=False),
        sa.Column("until", Utc(timezone=True), nullable=True),
    ):
        op.add_column("suppression", column)
    op.create_table(
        "bounce",
        sa.Column("id", NUMBER, nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("key", "recipient")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "status")),
        sa.Column("reason", sa.Text(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("via", "done")),
        sa.Column("subscriber_id", NUMBER, nullable=True),
        sa.Column("delivery_id", NUMBER, nullable=True),
        sa.Column("received_at", Utc(timezone=True), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_bounce_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.id"],
            name=op.f("fk_bounce_delivery_id_delivery"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounce")),
        sa.UniqueConstraint("key", "recipient", name=op.f("uq_bounce_key_recipient")),
    )
    for columns in (["subscriber_id", "received_at"], ["delivery_id"], ["received_at"]):
        op.create_index(op.f(f"ix_bounce_{'_'.join(columns)}"), "bounce", columns)
