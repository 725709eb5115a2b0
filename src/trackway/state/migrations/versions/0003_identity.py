"""Who is whom."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "identity_links",
        sa.Column("id", _row_id, primary_key=True, autoincrement=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("one_kind", sa.Text, nullable=False),
        sa.Column("one", sa.Text, nullable=False),
        sa.Column("other_kind", sa.Text, nullable=False),
        sa.Column("other", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "identity_links_by_pair", "identity_links", ["one", "other", "one_kind", "other_kind", "outcome"], unique=True
    )
    op.create_index("identity_links_by_other", "identity_links", ["other"])
    op.create_table(
        "identity_undone",
        sa.Column("link", sa.BigInteger, sa.ForeignKey("identity_links.id"), primary_key=True, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "identity_members",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("person", sa.BigInteger, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("value", "kind"),
    )
    op.create_index("identity_members_by_person", "identity_members", ["person"])
    op.create_table(
        "identity_groups",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("value", "kind", "group_id"),
    )
    op.create_table(
        "identity_positions",
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("positions", "groups", "members", "undone", "links"):
        op.drop_table(f"identity_{table}")
