"""packed matches: a row for a profile and a run of the matching, no longer one for each paper

What was kept is not taken over: who is mailed is matched again with the papers of the last 30 days,
as after every change of their rules, before they get the next digest.
"""

import sqlalchemy as sa
from alembic import op

from notifier.storage.columns import NUMBER

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.drop_table("profile_match")
    op.create_table(
        "profile_match",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("profile_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("change", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", "profile_id", "change", name=op.f("pk_profile_match")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "UPDATE profile SET matched = false WHERE matched AND enabled AND subscriber_id IN "
        "(SELECT id FROM subscriber WHERE state = 'active')"
    )
