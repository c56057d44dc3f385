"""feeds of saved papers: the secret by which each is read"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "saved_feed",
        sa.Column("subscriber_id", NUMBER, nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_saved_feed_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_saved_feed")),
        sa.UniqueConstraint("secret", name=op.f("uq_saved_feed_secret")),
    )
