"""alerts: what needs somebody, and when they were told"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import Utc

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", Utc(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("noticed_at", Utc(timezone=True), nullable=False),
        sa.Column("told_at", Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_alert")),
    )
