"""signups: who asked for digests on the page, and has to confirm"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER, Utc

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "signup",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("hour", "minute")),
        sa.Column("days", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("cadence", "language")),
        sa.Column("made_at", Utc(timezone=True), nullable=False),
        sa.Column("confirmed_at", Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signup")),
    )
    op.create_index(op.f("ix_signup_made_at"), "signup", ["made_at"])
