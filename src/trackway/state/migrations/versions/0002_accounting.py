"""Releases from quarantine and replays."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and let attempts be found by the last event of a request as well."""
    op.drop_index("attempts_by_place", "attempts")
    op.create_index("attempts_by_place", "attempts", ["destination", "partition", "first_offset", "last_offset"])
    op.create_table(
        "releases",
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("raw_offset", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("raw_offset"),
    )
    op.create_index("releases_by_place", "releases", ["partition", "offset"])
    op.create_table(
        "replays",
        sa.Column("id", _row_id, primary_key=True, autoincrement=True),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("order", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "replayed",
        sa.Column("replay", sa.BigInteger, sa.ForeignKey("replays.id", ondelete="CASCADE"), nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("first_offset", sa.BigInteger, nullable=False),
        sa.Column("last_offset", sa.BigInteger, nullable=False),
        sa.Column("offsets", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("destination", "partition", "first_offset", "replay"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("replayed", "replays", "releases"):
        op.drop_table(table)
    op.drop_index("attempts_by_place", "attempts")
    op.create_index("attempts_by_place", "attempts", ["destination", "partition", "first_offset"])
