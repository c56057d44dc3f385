"""author ids: whose a paper is, as far as a feed of that author says so"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("paper", sa.Column("author_ids", sa.JSON(none_as_null=True), nullable=True))
