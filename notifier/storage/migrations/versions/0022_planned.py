"""planned: whose digest is due and not written yet"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER, Utc

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "planned",
        sa.Column("subscriber_id", NUMBER, nullable=False),
        sa.Column("due_at", Utc(timezone=True), nullable=False),
        sa.Column("planned_at", Utc(timezone=True), nullable=False),
        sa.Column("not_before", Utc(timezone=True), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", Utc(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_planned_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_planned")),
    )
    op.create_index(op.f("ix_planned_due_at"), "planned", ["due_at"])
