"""Secrets that vendors hand out."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "kept_secrets",
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("destination", "name"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("kept_secrets")
