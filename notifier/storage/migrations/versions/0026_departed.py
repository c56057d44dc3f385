"""departed: how many were deleted of those who confirmed in a week, nothing else about them"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "departed",
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("became", sa.String(), nullable=False),
        sa.Column("subscribers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("week", "became", name=op.f("pk_departed")),
    )
