"""text only: mails without HTML for who wants them so"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column(
        "subscriber",
        sa.Column("text_only", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
