"""votes: what subscribers say of papers, and whether it moves the order of their digests"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER, Utc

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column(
        "subscriber", sa.Column("learning", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.create_table(
        "vote",
        sa.Column("subscriber_id", NUMBER, nullable=False),
        sa.Column("paper_id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_vote_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["paper_id"],
            ["paper.id"],
            name=op.f("fk_vote_paper_id_paper"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "paper_id", name=op.f("pk_vote")),
    )
    op.create_index(op.f("ix_vote_paper_id"), "vote", ["paper_id"])
