"""destinations: queues of mails by destination, how each stands, the breaker, and limits

Open mails are sorted into queues by the next run: which domains are of one destination stands in
the code and the configuration.
"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER, Utc

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for name in ("destination", "queue"):
        op.add_column("delivery", sa.Column(name, sa.String(), server_default="", nullable=False))
    op.create_index(
        op.f("ix_delivery_state_queue_not_before"), "delivery", ["state", "queue", "not_before"]
    )
    op.drop_index("ix_delivery_state_not_before", "delivery")
    rows = op.create_table(
        "destination",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("connections", sa.Integer(), nullable=True),
        *(sa.Column(name, Utc(), nullable=True)
          for name in ("paused_at", "slow_until", "full_until", "taken_at")),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_destination")),
    )  # fmt: skip
    # The queues of mails not yet sorted, and of all destinations without one of their own.
    op.bulk_insert(rows, [{"name": n, "step": 0, "refusals": [], "reason": ""} for n in ("", "*")])
    op.create_table(
        "relay",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        *(sa.Column(name, Utc(), nullable=True) for name in ("opened_at", "retry_at")),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.Column("full_until", Utc(), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("settings", "sorted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relay")),
    )
    op.create_table(
        "taken",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "seconds", "part", name=op.f("pk_taken")),
    )
