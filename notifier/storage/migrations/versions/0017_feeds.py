"""feeds: the secret by which the feed of a profile is read"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "feed",
        sa.Column("profile_id", NUMBER, nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["profile.id"],
            name=op.f("fk_feed_profile_id_profile"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_feed")),
        sa.UniqueConstraint("secret", name=op.f("uq_feed_secret")),
    )
