"""sources: turns, freshness by part, pausing; papers: new versions, withdrawals, candidates

Papers stored before have no `title_key`: they become no candidates for merging by themselves.
"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER, Utc

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "source_part",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("known_since", Utc(), nullable=False),
        sa.Column("answered_at", Utc(), nullable=True),
        sa.Column("batch_at", Utc(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("again", sa.Integer(), nullable=False),
        sa.Column("usual", sa.Integer(), nullable=False),
        sa.Column("replayed_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("source", "part", name=op.f("pk_source_part")),
    )
    op.create_table(
        "turn",
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("held_until", Utc(), nullable=False),
        sa.Column("not_before", Utc(), nullable=False),
        sa.Column("told_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_turn")),
    )
    op.create_table(
        "candidate",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("paper_id", NUMBER, nullable=False),
        sa.Column("other_id", NUMBER, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("found_at", Utc(), nullable=False),
        sa.Column("dismissed_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["paper_id"],
            ["paper.id"],
            name=op.f("fk_candidate_paper_id_paper"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["other_id"],
            ["paper.id"],
            name=op.f("fk_candidate_other_id_paper"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate")),
        sa.UniqueConstraint("paper_id", "other_id", name=op.f("uq_candidate_paper_id_other_id")),
    )
    op.create_index(op.f("ix_candidate_other_id"), "candidate", ["other_id"])
    op.add_column("paper", sa.Column("arrived_at", Utc(), nullable=True))
    op.execute("UPDATE paper SET arrived_at = first_seen_at WHERE arrival IS NOT NULL")
    op.create_index(op.f("ix_paper_arrived_at"), "paper", ["arrived_at"])
    op.add_column("paper", sa.Column("revision", sa.BigInteger(), nullable=True))
    op.add_column("paper", sa.Column("withdrawn_at", Utc(), nullable=True))
    op.add_column("paper", sa.Column("title_key", sa.String(), nullable=True))
    op.create_index(op.f("ix_paper_revision"), "paper", ["revision"])
    op.create_index(op.f("ix_paper_title_key"), "paper", ["title_key"])
    op.add_column("source", sa.Column("paused_at", Utc(), nullable=True))
    op.add_column(
        "subscriber",
        sa.Column("replacements", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
