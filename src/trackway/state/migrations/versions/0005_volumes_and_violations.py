"""How much of each event came when, and what was not as planned."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "catalogue_volumes",
        sa.Column("event", sa.BigInteger, sa.ForeignKey("catalogue_events.id", ondelete="CASCADE"), nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("event", "hour"),
    )
    op.create_table(
        "plan_violations",
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("pointer", sa.Text, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("samples", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("source", "type", "name", "code", "pointer", "day"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("plan_violations")
    op.drop_table("catalogue_volumes")
