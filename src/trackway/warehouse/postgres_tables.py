# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""The tables of a PostgreSQL database: made, widened and filled from chunks, all in the caller's transaction.

Calls are appended by COPY straight into their table, as nothing can be there twice; see `postgres_entities` for users
and accounts.

A column is widened in place only while that is quick and nothing hinders it. In a table that is large, or under a view
that shows the column, it keeps its type, and values that do not fit go to the row's `_rest` (see `evolution`).
"""

from collections.abc import Mapping
from datetime import datetime

import psycopg
import pyarrow as pa
from psycopg import Connection
from psycopg.rows import TupleRow

from trackway.warehouse.chunks import REST, Chunk
from trackway.warehouse.columns import EXACT, Kind
from trackway.warehouse.evolution import Change, TableState, settle
from trackway.warehouse.postgres_copy import copy_rows
from trackway.warehouse.postgres_entities import MOST_COLUMNS, UUID_TS, Entities
from trackway.warehouse.postgres_layout import Layout
from trackway.warehouse.postgres_limits import make_storable
from trackway.warehouse.postgres_names import listed, quoted
from trackway.warehouse.postgres_types import KINDS, TYPES, converted

WIDEN_BYTES = 256 << 20
"""A table larger than this is not rewritten for a wider column while everybody waits."""
_LOCK_WAIT = "5s"
_READ = """
    SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
        AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '_trackway')
    ORDER BY c.oid, a.attnum
"""
_SIZE = """
    SELECT coalesce(sum(pg_total_relation_size(relid)), pg_total_relation_size(%(table)s)::numeric)
    FROM pg_partition_tree(%(table)s) WHERE isleaf
"""


class Tables:
    """What tables and columns there are, kept beside the database so that a load need not ask."""

    def __init__(
        self,
        connection: Connection[TupleRow],
        layout: Layout,
        given: Mapping[str, Mapping[str, Kind]],
        most_columns: int,
    ) -> None:
        """Look up what there is; another one is made after a transaction that was taken back.

        `given` are the types that columns must have, by `schema.table` and column.
        """
        self._connection = connection
        self._layout = layout
        self._entities = Entities(connection)
        self._given = given
        self._fixed: dict[str, dict[str, Kind]] = {}
        """By `schema.table`: columns whose type could not be changed."""
        self._most_columns = most_columns
        self._types: dict[str, dict[str, str]] = {}
        """By `schema.table`: the type of each column."""
        self.start_load()
        for table, column, kind in connection.execute(_READ.encode()):
            self._types.setdefault(table, {})[column] = kind

    def start_load(self) -> None:
        """Begin a new count of what changes."""
        self.columns_added: list[str] = []
        self.columns_widened: dict[str, str] = {}
        self.diverted: dict[str, int] = {}

    def are_of(self, connection: Connection[TupleRow]) -> bool:
        """Say whether this was looked up on `connection`."""
        return self._connection is connection

    @property
    def names(self) -> list[str]:
        """`schema.table` of all."""
        return list(self._types)

    def types_of(self, name: str) -> dict[str, str]:
        """Return the columns of `schema.table`, in their order, with PostgreSQL's names of their types."""
        return dict(self._types[name])

    def has(self, schema: str, table: str) -> bool:
        """Say whether there is this table."""
        return f"{schema}.{table}" in self._types

    def tables_of(self, schema: str) -> int:
        """Return how many tables the schema has."""
        return sum(name.startswith(f"{schema}.") for name in self._types)

    def write(self, chunk: Chunk, uuid_ts: datetime) -> None:
        """Append the chunk's rows, or merge them when it is one of users or accounts."""
        change = self._settle(chunk)
        for name, count in change.diverted.items():
            key = f"{chunk.name}.{name}"
            self.diverted[key] = self.diverted.get(key, 0) + count
        moment = pa.scalar(uuid_ts, pa.timestamp("us", "UTC"))
        rows = pa.table(change.values | {UUID_TS: pa.repeat(moment, chunk.rows)})
        if chunk.latest is not None:
            self._entities.merge(chunk, chunk.latest, rows, self._types[chunk.name])
            return
        self._layout.make_room(self._connection, chunk, change.values["received_at"])
        copy_rows(self._connection, quoted(chunk.schema, chunk.table), self._layout.ordered(chunk, rows))

    def _settle(self, chunk: Chunk) -> Change:
        """Make the table such that it holds the chunk."""
        table = quoted(chunk.schema, chunk.table)
        self._adopt(chunk, table)
        while True:
            known = self._types.get(chunk.name, {})
            state = TableState(
                kinds={name: KINDS.get(kind, Kind.TEXT) for name, kind in known.items() if name != UUID_TS},
                given={**self._given.get(chunk.name, {}), **self._fixed.get(chunk.name, {})},
            )
            most = self._most_columns if chunk.latest is None else min(self._most_columns, MOST_COLUMNS)
            change = settle(chunk, state, most_columns=most, has_long=lambda name: self._has_long(table, name))
            make_storable(change, chunk.rows)
            if self._widen(chunk, table, change.widen):
                break
        new = {name: TYPES[kind] for name, kind in (change.create or change.add).items()}
        if REST in change.values and REST not in known:
            new[REST] = "json"
        if change.create:
            self._create(chunk, new)
        elif new:
            self._add(chunk, new)
        return change

    def _create(self, chunk: Chunk, types: dict[str, str]) -> None:
        types = types | {UUID_TS: TYPES[Kind.TIMESTAMP]}
        columns = listed(f"{quoted(name)} {kind}" for name, kind in types.items())
        self._run(f"CREATE SCHEMA IF NOT EXISTS {quoted(chunk.schema)}")
        self._run(f"CREATE TABLE {quoted(chunk.schema, chunk.table)} ({columns}) {self._layout.clauses(chunk)}")
        self._types[chunk.name] = types
        self._layout.note_made(self._connection, chunk)
        self._layout.index(self._connection, chunk, types)

    def _add(self, chunk: Chunk, types: dict[str, str]) -> None:
        columns = listed(f"ADD COLUMN {quoted(name)} {kind}" for name, kind in types.items())
        self._run(f"ALTER TABLE {quoted(chunk.schema, chunk.table)} {columns}")
        self._types[chunk.name] |= types
        self.columns_added += [f"{chunk.name}.{name}" for name in types]
        self._layout.index(self._connection, chunk, types)

    def _adopt(self, chunk: Chunk, table: str) -> None:
        """Make text of columns whose type is not ours: that surely holds what is there, and what comes."""
        known = self._types.get(chunk.name, {})
        for name in chunk.columns:
            stored = known.get(name)
            if stored is not None and stored not in KINDS and name != REST:
                self._run(f"ALTER TABLE {table} ALTER COLUMN {quoted(name)} TYPE text USING {quoted(name)}::text")
                known[name] = self.columns_widened[f"{chunk.name}.{name}"] = TYPES[Kind.TEXT]

    def _widen(self, chunk: Chunk, table: str, widened: Mapping[str, tuple[Kind, Kind]]) -> bool:
        """Change the types of columns; False when one keeps its own, from now on."""
        if not widened:
            return True
        fixed = self._fixed.setdefault(chunk.name, {})
        if self._size_bytes(table) > WIDEN_BYTES:
            fixed |= {name: stored for name, (stored, _) in widened.items()}
            return False
        for name, (stored, kind) in widened.items():
            if not self._change_type(table, name, stored, kind):
                fixed[name] = stored
                return False
            self._types[chunk.name][name] = self.columns_widened[f"{chunk.name}.{name}"] = TYPES[kind]
        return True

    def _change_type(self, table: str, name: str, stored: Kind, kind: Kind) -> bool:
        column = quoted(name)
        try:
            with self._connection.transaction():
                self._run(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
                using = converted(column, stored, kind)
                self._run(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {TYPES[kind]} USING {using}")
                self._run("SET LOCAL lock_timeout = DEFAULT")
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.LockNotAvailable):
            return False  # a view shows the column, or somebody reads the table for long
        return True

    def _size_bytes(self, table: str) -> int:
        row = self._connection.execute(_SIZE, {"table": table}).fetchone()
        return 0 if row is None else int(row[0])

    def _has_long(self, table: str, name: str) -> bool:
        column = quoted(name)
        sql = f"SELECT 1 FROM {table} WHERE {column} NOT BETWEEN -{EXACT} AND {EXACT} LIMIT 1"  # noqa: S608
        return self._run(sql).fetchone() is not None

    def _run(self, statement: str) -> psycopg.Cursor[TupleRow]:
        return self._connection.execute(statement.encode())
