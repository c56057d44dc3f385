"""forgotten: the names of papers that were deleted, so that none of them is news again"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import Utc

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "forgotten",
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("first_seen_at", Utc(timezone=True), nullable=False),
        sa.Column("forgotten_at", Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scheme", "value", name=op.f("pk_forgotten")),
    )
    op.create_index(op.f("ix_forgotten_forgotten_at"), "forgotten", ["forgotten_at"])
