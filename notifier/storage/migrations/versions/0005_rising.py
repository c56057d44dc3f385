"""rising: what rose, of papers that were marked so in a digest"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("digest_paper", sa.Column("rising", sa.Text(), nullable=True))
