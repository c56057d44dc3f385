"""papers of digests: known by subscriber and paper, without a number and an index of their own"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER

revision = "0024"
down_revision = "0023"

_COLUMNS = "digest_id, subscriber_id, paper_id, profile, place, score, rising"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _made_anew()
    else:
        op.drop_column("digest_paper", "id")
        op.drop_constraint("uq_digest_paper_subscriber_id_paper_id", "digest_paper")
        op.create_primary_key("pk_digest_paper", "digest_paper", ["subscriber_id", "paper_id"])


def _made_anew() -> None:
    """SQLite cannot change the key of a table; it keeps a table without numbers in its order."""
    op.rename_table("digest_paper", "numbered_digest_paper")
    for name in ("digest_id", "paper_id"):
        op.drop_index(op.f(f"ix_digest_paper_{name}"))
    op.create_table(
        "digest_paper",
        *(_reference(name) for name in ("digest", "subscriber", "paper")),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("rising", sa.Text(), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"],
                [f"{name}.id"],
                name=op.f(f"fk_digest_paper_{name}_id_{name}"),
                ondelete="CASCADE",
            )
            for name in ("digest", "subscriber", "paper")
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "paper_id", name=op.f("pk_digest_paper")),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO digest_paper ({_COLUMNS}) SELECT {_COLUMNS} FROM numbered_digest_paper "  # noqa: S608
        "ORDER BY subscriber_id, paper_id"
    )
    op.drop_table("numbered_digest_paper")
    for name in ("digest_id", "paper_id"):
        op.create_index(op.f(f"ix_digest_paper_{name}"), "digest_paper", [name])


def _reference(name: str) -> sa.Column[int]:
    return sa.Column(f"{name}_id", NUMBER, nullable=False)
