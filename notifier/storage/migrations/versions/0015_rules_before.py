"""the rules that a profile had before: what an undo brings back"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("profile", sa.Column("previous", sa.Text(), nullable=True))
