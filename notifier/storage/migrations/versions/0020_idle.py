"""idle: profiles that wait, and zones that nobody knows, are found without a look at all others"""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_index("ix_profile_matched_enabled", "profile", ["matched", "enabled"])
    op.create_index("ix_subscriber_zone", "subscriber", ["zone"])
    # Of who is not mailed: it is matched when that begins.
    op.execute(
        "UPDATE profile SET matched = true WHERE NOT matched AND enabled AND subscriber_id IN "
        "(SELECT id FROM subscriber WHERE state = 'left')"
    )
