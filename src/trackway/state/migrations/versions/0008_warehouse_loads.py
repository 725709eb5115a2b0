"""What each load of a warehouse did, and what was odd about the values."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "warehouse_loads",
        sa.Column("id", _row_id, primary_key=True, autoincrement=True),
        sa.Column("warehouse", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("warehouse_loads_by_warehouse", "warehouse_loads", ["warehouse", "id"])
    op.create_table(
        "warehouse_findings",
        sa.Column("warehouse", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("warehouse", "column", "code"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("warehouse_findings")
    op.drop_table("warehouse_loads")
