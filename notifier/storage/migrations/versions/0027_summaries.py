"""summaries: who wants one of each week, and which digests are one"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column(
        "subscriber",
        sa.Column("summary", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("digest", sa.Column("sums_up", sa.String(), nullable=True))
