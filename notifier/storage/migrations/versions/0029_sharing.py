"""sharing: profiles with owners and readers, and who was invited"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER, Utc

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "sharing",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("owner_secret", sa.String(), nullable=True),
        sa.Column("made_at", Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sharing")),
        sa.UniqueConstraint("secret", name=op.f("uq_sharing_secret")),
        sa.UniqueConstraint("owner_secret", name=op.f("uq_sharing_owner_secret")),
    )
    op.create_table(
        "member",
        sa.Column("profile_id", NUMBER, nullable=False),
        sa.Column("sharing_id", NUMBER, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"], [f"{name}.id"],
                name=op.f(f"fk_member_{name}_id_{name}"), ondelete="CASCADE",
            )
            for name in ("profile", "sharing")
        ),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_member")),
    )  # fmt: skip
    op.create_index(op.f("ix_member_sharing_id"), "member", ["sharing_id"])
    op.create_table(
        "invited",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_invited")),
    )
    for name in ("share", "invited_by"):
        op.add_column("signup", sa.Column(name, sa.String(), nullable=True))
