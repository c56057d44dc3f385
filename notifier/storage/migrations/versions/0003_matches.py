"""matches: kept for each profile; papers and profiles tell what has changed

Profiles stored before are matched with the papers of the last 30 days at the first run.
"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("paper", sa.Column("change", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(op.f("ix_paper_change"), "paper", ["change"])
    op.add_column(
        "profile", sa.Column("change", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_index(op.f("ix_profile_change"), "profile", ["change"])
    op.add_column(
        "profile", sa.Column("matched", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_table(
        "profile_match",
        sa.Column("profile_id", NUMBER, nullable=False),
        sa.Column("paper_id", NUMBER, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("relevance", sa.Float(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("trending", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["profile.id"],
            name=op.f("fk_profile_match_profile_id_profile"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["paper_id"],
            ["paper.id"],
            name=op.f("fk_profile_match_paper_id_paper"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("profile_id", "paper_id", name=op.f("pk_profile_match")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_profile_match_profile_id_number", "profile_match", ["profile_id", "number"])
    op.create_index(op.f("ix_profile_match_paper_id"), "profile_match", ["paper_id"])
