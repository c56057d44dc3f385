"""author feeds: when each author's feed was asked last, and whether there is one"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import Utc

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "author_feed",
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("asked_at", Utc(timezone=True), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("author", name=op.f("pk_author_feed")),
    )
