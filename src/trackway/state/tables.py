"""The tables of the state database, in types that SQLite and PostgreSQL share.

Times are epoch milliseconds. Places in the log are (partition, offset) of the topic that a destination reads. What
changes here needs a migration in `migrations/versions/`; `tests/state` compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

metadata = MetaData()

# SQLite counts rows by itself only in a column of type INTEGER, which holds 64 bits there.
_RowId = BigInteger().with_variant(Integer, "sqlite")


def _destination() -> Column[str]:
    return Column("destination", Text, ForeignKey("destinations.destination", ondelete="CASCADE"), nullable=False)


destinations = Table(
    "destinations",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("started_ms", BigInteger, nullable=False),
)
"""Destinations that have ever run, so that a new one is told from one that has read nothing yet."""

cursors = Table(
    "cursors",
    metadata,
    _destination(),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("start_offset", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    PrimaryKeyConstraint("destination", "topic", "partition"),
)
"""Where a destination began and where it stands: all events in between have an outcome."""

claims = Table(
    "claims",
    metadata,
    _destination(),
    Column("partition", Integer, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    Column("last_offset", BigInteger, nullable=False),
    Column("offsets", Text, nullable=False),
    Column("delivered", Boolean, nullable=False),
    PrimaryKeyConstraint("destination", "partition", "first_offset"),
)
"""Batches above the cursor that may have been sent: after a crash they are sent again as they were, under the same
idempotency key, or not at all when all of it is known to be delivered. `offsets` is written `4-9,12`."""

attempts = Table(
    "attempts",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    _destination(),
    Column("started_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("status", Integer),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    Column("last_offset", BigInteger, nullable=False),
    Column("offsets", Text),
    Column("idempotency_key", Text, nullable=False),
    Index("attempts_by_place", "destination", "partition", "first_offset"),
    sqlite_autoincrement=True,
)
"""One row per HTTP request. `status` is null when no answer came; `offsets` is null when the request carried every
event from `first_offset` to `last_offset`; `answer` is the beginning of the answer's body."""

exceptions = Table(
    "exceptions",
    metadata,
    _destination(),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("request", Text, nullable=False),
    Column("answer", Text, nullable=False),
    PrimaryKeyConstraint("destination", "partition", "offset"),
    Index("exceptions_by_message", "message_id"),
    Index("exceptions_by_outcome", "destination", "outcome", "at_ms"),
)
"""Events that ended otherwise than delivered: discarded, failed, or (waiting for another try) retrying. An event below
the cursor without a row here is delivered."""

retries = Table(
    "retries",
    metadata,
    _destination(),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("destination", "partition", "offset"),
    Index("retries_by_time", "destination", "next_at_ms"),
)
"""Events below the cursor that a destination refused for now, while it took others."""

tallies = Table(
    "tallies",
    metadata,
    _destination(),
    Column("source", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("destination", "source", "outcome", "reason"),
)
"""How many events ended how, ever. Written in one transaction with the cursor, so that the ledger balances."""
