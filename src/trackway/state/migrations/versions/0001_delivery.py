"""The tables of delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "destinations",
        sa.Column("destination", sa.Text, primary_key=True),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "cursors",
        _destination(),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("start_offset", sa.BigInteger, nullable=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("destination", "topic", "partition"),
    )
    op.create_table(
        "claims",
        _destination(),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("first_offset", sa.BigInteger, nullable=False),
        sa.Column("last_offset", sa.BigInteger, nullable=False),
        sa.Column("offsets", sa.Text, nullable=False),
        sa.Column("delivered", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("destination", "partition", "first_offset"),
    )
    _attempts()
    _exceptions()
    op.create_table(
        "retries",
        _destination(),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_at_ms", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("destination", "partition", "offset"),
    )
    op.create_index("retries_by_time", "retries", ["destination", "next_at_ms"])
    op.create_table(
        "tallies",
        _destination(),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("destination", "source", "outcome", "reason"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("tallies", "retries", "exceptions", "attempts", "claims", "cursors", "destinations"):
        op.drop_table(table)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", _row_id, primary_key=True, autoincrement=True),
        _destination(),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("first_offset", sa.BigInteger, nullable=False),
        sa.Column("last_offset", sa.BigInteger, nullable=False),
        sa.Column("offsets", sa.Text),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("attempts_by_place", "attempts", ["destination", "partition", "first_offset"])


def _exceptions() -> None:
    op.create_table(
        "exceptions",
        _destination(),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("destination", "partition", "offset"),
    )
    op.create_index("exceptions_by_message", "exceptions", ["message_id"])
    op.create_index("exceptions_by_outcome", "exceptions", ["destination", "outcome", "at_ms"])


def _destination() -> sa.Column[str]:
    key = sa.ForeignKey("destinations.destination", ondelete="CASCADE")
    return sa.Column("destination", sa.Text, key, nullable=False)
