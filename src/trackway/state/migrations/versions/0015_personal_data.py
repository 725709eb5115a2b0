"""What values of properties look like."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the column."""
    op.add_column("catalogue_paths", sa.Column("looks", sa.Text))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("catalogue_paths", "looks")
