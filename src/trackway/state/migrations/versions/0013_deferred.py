"""Events that wait for earlier ones of the same person."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "deferred",
        sa.Column(
            "destination", sa.Text, sa.ForeignKey("destinations.destination", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("destination", "partition", "offset"),
    )
    op.create_index("deferred_by_person", "deferred", ["destination", "partition", "person", "offset"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("deferred")
