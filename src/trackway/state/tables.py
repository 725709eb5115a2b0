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
    Index("attempts_by_place", "destination", "partition", "first_offset", "last_offset"),
    sqlite_autoincrement=True,
)
"""One row per HTTP request. `status` is null when no answer came; `offsets` is null when the request carried every
event from `first_offset` to `last_offset`; `answer` is the beginning of the answer's body,
or why there was none."""

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

deferred = Table(
    "deferred",
    metadata,
    _destination(),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("person", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    PrimaryKeyConstraint("destination", "partition", "offset"),
    Index("deferred_by_person", "destination", "partition", "person", "offset"),
)
"""Events below the cursor that wait for earlier ones of the same person, who has too many for the others to wait."""

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
"""How many events ended how, ever; as outcome `deferred`, how many below the cursor are deferred. Written in one
transaction with the cursor, so that the ledger balances."""

releases = Table(
    "releases",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("raw_offset", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("raw_offset"),
    Index("releases_by_place", "partition", "offset"),
)
"""Calls that were let out of quarantine: `partition` and `offset` are of the topic `quarantine`, `raw_offset` is where
the call stands again in the raw log's partition for releases. Learnt from that partition, which is the truth."""

replays = Table(
    "replays",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("destination", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    sqlite_autoincrement=True,
)
"""What was asked to be sent again. `order` is JSON, `state` one of waiting, running, done, cancelled and failed."""

replayed = Table(
    "replayed",
    metadata,
    Column("replay", BigInteger, ForeignKey("replays.id", ondelete="CASCADE"), nullable=False),
    Column("destination", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    Column("last_offset", BigInteger, nullable=False),
    Column("offsets", Text, nullable=False),
    PrimaryKeyConstraint("destination", "partition", "first_offset", "replay"),
)
"""Events that a replay delivered, in runs; `offsets` is written `4-9,12`."""

identity_links = Table(
    "identity_links",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("one_kind", Text, nullable=False),
    Column("one", Text, nullable=False),
    Column("other_kind", Text, nullable=False),
    Column("other", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Index("identity_links_by_pair", "one", "other", "one_kind", "other_kind", "outcome", unique=True),
    Index("identity_links_by_other", "other"),
    sqlite_autoincrement=True,
)
"""Two ids that an event at `partition` and `offset` of topic `events` said are one person's; `outcome` is `joined` or
why not. Rows are only ever added."""

identity_undone = Table(
    "identity_undone",
    metadata,
    Column("link", BigInteger, ForeignKey("identity_links.id"), primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
)
"""Links that no longer hold."""

identity_members = Table(
    "identity_members",
    metadata,
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("person", BigInteger, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("value", "kind"),
    Index("identity_members_by_person", "person"),
)
"""Each id's person, the number of the oldest link that holds it; follows from the links."""

identity_groups = Table(
    "identity_groups",
    metadata,
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False),
    PrimaryKeyConstraint("value", "kind", "group_id"),
    Index("identity_groups_by_group", "group_id", "kind", "since_ms"),
)
"""The groups that an id was said to belong to, and by which event first."""

identity_positions = Table(
    "identity_positions",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)
"""How far the events have been looked at; written in one transaction with what they said."""

catalogue_events = Table(
    "catalogue_events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("unlisted", BigInteger, nullable=False),
    Index("catalogue_events_by_name", "source", "type", "name", unique=True),
)
"""Which events each source sends; `unlisted` counts those with values at paths that `catalogue_paths` does not list."""

catalogue_paths = Table(
    "catalogue_paths",
    metadata,
    Column("event", BigInteger, ForeignKey("catalogue_events.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("types", Text, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("samples", Text),
    Column("looks", Text),
    PrimaryKeyConstraint("event", "path"),
)
"""The properties and traits of an event. `types` is a JSON object of counts by type, `samples` one of counts by text;
null means that texts are not to be remembered. `looks` is one of counts by kind of personal data, null for none."""

catalogue_beyond = Table(
    "catalogue_beyond",
    metadata,
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "type"),
)
"""Events whose names are more than the catalogue lists."""

catalogue_blocked = Table(
    "catalogue_blocked",
    metadata,
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "type", "name"),
)
"""Calls that were left out because their source blocks them; a bounded number of names, the rest in a nameless row."""

catalogue_blocked_positions = Table(
    "catalogue_blocked_positions",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)
"""How far the topic `dropped` has been counted; written in one transaction with the counts."""

catalogue_findings = Table(
    "catalogue_findings",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("suggestion", Text),
    Column("message_id", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""What was remarkable about the event at `partition` and `offset` of topic `events`; the newest ones are kept."""

catalogue_volumes = Table(
    "catalogue_volumes",
    metadata,
    Column("event", BigInteger, ForeignKey("catalogue_events.id", ondelete="CASCADE"), nullable=False),
    Column("hour", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("event", "hour"),
)
"""How many of an event were received in which hour since 1970; some weeks are kept."""

plan_violations = Table(
    "plan_violations",
    metadata,
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("pointer", Text, nullable=False),
    Column("day", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    Column("samples", Text, nullable=False),
    PrimaryKeyConstraint("source", "type", "name", "code", "pointer", "day"),
)
"""What events had that their source's tracking plan does not foresee, by day since 1970. `samples` is a JSON array of
the newest events: message id, and place in topic `events`."""

catalogue_positions = Table(
    "catalogue_positions",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)
"""How far the events have been entered; written in one transaction with them."""

deletions = Table(
    "deletions",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("person", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""People who are to be deleted at destinations; `person` is JSON, only the user id when all is done."""

deletion_targets = Table(
    "deletion_targets",
    metadata,
    Column("deletion", BigInteger, ForeignKey("deletions.id", ondelete="CASCADE"), nullable=False),
    Column("destination", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("status", Integer),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("next_at_ms", BigInteger, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("heads", Text),
    PrimaryKeyConstraint("deletion", "destination"),
    Index("deletion_targets_by_time", "state", "next_at_ms"),
)
"""A deletion at one destination: `waiting`, `done`, `unsupported` or `failed`. `heads` (JSON, partition to offset) are
the ends of the events log that the destination must have passed first; `since_ms` is when it was asked for, last."""

samples = Table(
    "samples",
    metadata,
    Column("step_s", Integer, nullable=False),
    Column("bucket", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("totals", Text, nullable=False),
    PrimaryKeyConstraint("step_s", "bucket"),
)
"""The product's totals as they were last in each stretch of `step_s` seconds, `bucket` being the number of stretches
since 1970. Totals grow, so that the difference of two rows is what happened between them, whatever was missed."""

clients = Table(
    "clients",
    metadata,
    Column("source", Text, nullable=False),
    Column("library", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "library", "version"),
)
"""Events by the client library that made them; a bounded number of rows for each source, the rest in a nameless one."""

client_positions = Table(
    "client_positions",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)
"""How far the events have been counted; written in one transaction with the counts."""

pauses = Table(
    "pauses",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
)
"""Destinations that somebody has paused: nothing is sent to them, and the log keeps their events."""

kept_secrets = Table(
    "kept_secrets",
    metadata,
    Column("destination", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("destination", "name"),
)
"""Secrets that vendors handed out in place of those in the settings; `name` is a digest of the settings that they
follow, so that others begin anew."""

alerts = Table(
    "alerts",
    metadata,
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("fired_ms", BigInteger),
    Column("resolved_ms", BigInteger),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("told", Text, nullable=False),
    PrimaryKeyConstraint("rule", "subject"),
)
"""What the rule says of a subject (a source, a destination, …) since `since_ms`. `fired_ms` is when it became worth a
message, `resolved_ms` when it was over; `told` is a JSON object, channel to when and of what it was last told."""

alerts_over = Table(
    "alerts_over",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("fired_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""The newest alerts that are over; members as those of `alerts`."""

warehouse_loads = Table(
    "warehouse_loads",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("warehouse", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("report", Text, nullable=False),
    Index("warehouse_loads_by_warehouse", "warehouse", "id"),
    sqlite_autoincrement=True,
)
"""The newest loads of each warehouse; `report` is a JSON object."""

warehouse_findings = Table(
    "warehouse_findings",
    metadata,
    Column("warehouse", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("warehouse", "column", "code"),
)
"""What was odd about the values of a column (`schema.table.column`): `diverted` to `_rest`, or `widened`."""
