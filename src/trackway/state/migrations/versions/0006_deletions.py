"""Who is to be deleted at destinations, and how far that is."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "deletions",
        sa.Column("id", _row_id, primary_key=True, autoincrement=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("asked_ms", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deletion_targets",
        sa.Column("deletion", sa.BigInteger, sa.ForeignKey("deletions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("next_at_ms", sa.BigInteger, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("heads", sa.Text),
        sa.PrimaryKeyConstraint("deletion", "destination"),
    )
    op.create_index("deletion_targets_by_time", "deletion_targets", ["state", "next_at_ms"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("deletion_targets")
    op.drop_table("deletions")
