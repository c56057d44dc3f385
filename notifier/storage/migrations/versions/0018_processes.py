"""processes: which run on this database, and which of them is the scheduler"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import Utc

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "process",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("machine", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("started_at", Utc(timezone=True), nullable=False),
        sa.Column("beat_at", Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_process")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
