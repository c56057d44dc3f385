"""languages: in which language somebody is written to, and whether when nothing matched"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for column in (
        sa.Column("language", sa.String(), server_default="en", nullable=False),
        sa.Column("tell_nothing", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("subscriber", column)
