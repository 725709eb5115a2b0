"""Who belongs to a group."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the index."""
    op.create_index("identity_groups_by_group", "identity_groups", ["group_id", "kind", "since_ms"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("identity_groups_by_group", "identity_groups")
