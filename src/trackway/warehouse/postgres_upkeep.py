# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Recounting and rebuilding tables of a PostgreSQL warehouse, on a connection beside the loader's.

A rebuilt table grows under another name, in transactions of its own. Then, while no load can come between, it takes in
what was loaded meanwhile and takes the old one's place, in one transaction.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, LiteralString

import msgspec
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Connection
from psycopg.rows import TupleRow

from trackway.events.records import EVENTS, EventRecord
from trackway.warehouse.chunks import Chunk, build
from trackway.warehouse.columns import ARROW, INSTANT, Column, Kind
from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.duckdb_upkeep import ENTITIES, expected_rows, is_standard
from trackway.warehouse.entities import Latest
from trackway.warehouse.history import History, Step
from trackway.warehouse.layout import Layouts
from trackway.warehouse.naming import event_name, schema_name
from trackway.warehouse.postgres_copy import copy_rows
from trackway.warehouse.postgres_entities import LAST_CALL, STATE, UUID_TS
from trackway.warehouse.postgres_layout import Layout
from trackway.warehouse.postgres_names import fitted, listed, quoted
from trackway.warehouse.postgres_rules import POSTGRES_RULES
from trackway.warehouse.postgres_tables import Tables
from trackway.warehouse.postgres_types import KINDS
from trackway.warehouse.rows import STANDARD, TRACKS
from trackway.warehouse.upkeep import Rebuilt, TableCount

_BATCH_ROWS = 20_000
_INSTANT = pa.timestamp("us", "UTC")
_POSITIONS = "SELECT partition, next_offset FROM _trackway.positions WHERE topic = %s"
_TABLES = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname !~ ' '
        AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_trackway')
        AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'uuid_ts')
"""
_COUNT = """
    WITH both_sides AS ({wanted} UNION ALL {stored}), by_id AS (
        SELECT sum(n) AS n, count(*) FILTER (WHERE n > 0) AS log, count(*) FILTER (WHERE n < 0) AS rows
        FROM both_sides GROUP BY id)
    SELECT coalesce(sum(log), 0), coalesce(sum(rows), 0), coalesce(sum(greatest(n, 0)), 0),
        coalesce(sum(greatest(-n, 0)), 0) FROM by_id
"""
_GRANTS: LiteralString = """
    SELECT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type
    FROM pg_class, aclexplode(relacl) WHERE oid = %s::regclass AND grantee <> relowner
"""


def recount(
    connection: Connection[TupleRow],
    history: History,
    warehouse: str,
    step: Step,
    *,
    cutoffs: Mapping[str, datetime],
) -> list[TableCount]:
    """Count the tables against the events that were loaded; `connection` is the caller's alone.

    `cutoffs` are the times of receipt, by table, before which nothing is said.
    """
    # All questions see the database as it is at the first one.
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    try:
        positions = {int(partition): int(offset) for partition, offset in connection.execute(_POSITIONS, [EVENTS])}
        connection.execute("CREATE TEMPORARY TABLE expected (name text, id text, received timestamptz)")
        for records in history.read(positions, step=step):
            copy_rows(connection, "pg_temp.expected", _storable(expected_rows(records, POSTGRES_RULES, warehouse)))
        connection.execute("CREATE INDEX ON expected (name)")
        connection.execute("ANALYZE expected")
        found = {str(name) for [name] in connection.execute(_TABLES)}
        names = {str(name) for [name] in connection.execute("SELECT DISTINCT name FROM expected")}
        full = {name for name in names if name not in found and not is_standard(name)}
        return [
            _count(connection, name, history.is_whole, cutoffs.get(name), exists=name in found)
            for name in sorted((names | found) - {one for one in full if _are_in_tracks(connection, one, found)})
        ]
    finally:
        connection.execute("ROLLBACK")


def _storable(rows: pa.Table) -> pa.Table:
    return rows.set_column(rows.column_names.index("id"), "id", pc.replace_substring(rows["id"], "\0", "\ufffd"))


def _are_in_tracks(connection: Connection[TupleRow], name: str, found: set[str]) -> bool:
    """Whether the events of a table that is not there are rows of `tracks`: the schema had no room for it."""
    schema, _, _ = name.rpartition(".")
    if f"{schema}.{TRACKS}" not in found:
        return False
    tracks = quoted(schema, TRACKS)
    row = connection.execute(
        f"SELECT count(*) FROM expected AS e WHERE name = %s "  # noqa: S608
        f"AND NOT EXISTS (SELECT 1 FROM {tracks} AS t WHERE t.id = e.id)".encode(),
        [name],
    ).fetchone()
    return row is not None and row[0] == 0


def _count(
    connection: Connection[TupleRow], name: str, whole: bool, cutoff: datetime | None, *, exists: bool
) -> TableCount:
    schema, _, table = name.rpartition(".")
    distinct = "DISTINCT" if table in ENTITIES else ""
    wanted = f"SELECT {distinct} id, 1 AS n FROM expected WHERE name = '{name}'"  # noqa: S608
    since = ""
    if cutoff is not None:
        wanted += f" AND received >= '{cutoff.isoformat()}'"
        since += f" AND received_at >= '{cutoff.isoformat()}'"
    if not whole:  # what is older than the log cannot be counted against it
        since += " AND received_at >= (SELECT min(received) FROM expected)"
    stored = f"SELECT id, -1 FROM {quoted(schema, table)} WHERE true{since}"  # noqa: S608
    row = connection.execute(
        _COUNT.format(wanted=wanted, stored=stored if exists else "SELECT '', 0 WHERE false").encode()
    ).fetchone()
    log, rows, missing, surplus = map(int, row or (0, 0, 0, 0))
    if table in ENTITIES and not whole:
        surplus = 0
    return TableCount(table=name, log=log, rows=rows, missing=missing, surplus=surplus)


class Rebuild:
    """A table that is made anew."""

    def __init__(
        self,
        connection: Connection[TupleRow],
        table: str,
        *,
        warehouse: str,
        layouts: Layouts,
        given: Mapping[str, Mapping[str, Kind]],
        most_columns: int,
    ) -> None:
        """Work on `connection`, which is the caller's alone; `table` is `schema.table`."""
        self._connection = connection
        self._table = table
        self._schema, _, self._name = table.rpartition(".")
        # The space keeps it apart from every table's name.
        self._shadow = f"rebuilt {blake2b(self._name.encode(), digest_size=8).hexdigest()}"
        self._warehouse = warehouse
        self._options = layouts.named
        self._layouts = Layouts({"*": layouts.named(self._schema, self._name)})
        self._given = {f"{self._schema}.{self._shadow}": given.get(table, {})}
        self._most_columns = most_columns
        self._diverted = 0

    def run(self, history: History, pause_loads: Callable[[], AbstractContextManager[None]], step: Step) -> Rebuilt:
        """Build and swap; `pause_loads` keeps loads out while it lasts."""
        if self._table not in {name for [name] in self._connection.execute(_TABLES)}:
            raise WarehouseError(f"there is no table {self._table} of Trackway's")
        self._drop_shadow()
        self._look()
        done: dict[int, int] = {}
        try:
            for _ in range(3):
                done = self._append(history, done, step)
            with pause_loads():
                self._append(history, done, step)
                return self._swap(history)
        finally:
            self._drop_shadow()

    def _look(self) -> None:
        layout = Layout(self._layouts)
        layout.read(self._connection)
        self._tables = Tables(self._connection, layout, self._given, self._most_columns)

    def _append(self, history: History, since: Mapping[int, int], step: Step) -> dict[int, int]:
        until = {int(partition): int(offset) for partition, offset in self._connection.execute(_POSITIONS, [EVENTS])}
        waiting: list[EventRecord] = []
        for records in history.read(until, since, step=step):
            waiting += filter(self._may_be_in, records)
            if len(waiting) >= _BATCH_ROWS:
                self._write(waiting)
                waiting = []
        self._write(waiting)
        return until

    def _may_be_in(self, record: EventRecord) -> bool:
        if schema_name(record.source, POSTGRES_RULES) != self._schema:
            return False
        if record.type == "track":
            return self._name == TRACKS or event_name(record.name, POSTGRES_RULES).table == self._name
        return STANDARD.get(record.type) == ENTITIES.get(self._name, self._name)

    def _write(self, records: list[EventRecord]) -> None:
        batch = build(records, POSTGRES_RULES, self._warehouse, options=self._options)
        chunks = [msgspec.structs.replace(one, table=self._shadow) for one in batch.chunks if one.name == self._table]
        if chunks:
            with self._connection.transaction():
                self._write_chunks(chunks)

    def _write_chunks(self, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            self._tables.start_load()
            self._tables.write(chunk, datetime.now(UTC))
            self._diverted += sum(self._tables.diverted.values())

    def _swap(self, history: History) -> Rebuilt:
        old, new = quoted(self._schema, self._name), quoted(self._schema, self._shadow)
        with self._connection.transaction():
            carried = 0 if history.is_whole else self._carry_over(old, new)
            if not self._tables.has(self._schema, self._shadow):
                raise WarehouseError(f"neither the log nor the table has a row for {self._table}: it stays as it is")
            row = self._run(f"SELECT count(*) FROM {new}").fetchone()  # noqa: S608
            for grantee, privilege in self._connection.execute(_GRANTS, [old]).fetchall():
                self._run(f"GRANT {privilege} ON {new} TO {grantee}")
            try:
                self._run(f"DROP TABLE {old}")
            except psycopg.errors.DependentObjectsStillExist as error:
                views = " ".join(str(error.diag.message_detail or "").split())
                raise WarehouseError(
                    f"{self._table} cannot be replaced while views depend on it ({views}): drop them, rebuild, and "
                    "make them anew"
                ) from error
            self._run(f"ALTER TABLE {new} RENAME TO {quoted(self._name)}")
            if self._name in ENTITIES:
                moments = fitted(self._table)
                self._run(f"DROP TABLE IF EXISTS {quoted(STATE, moments)}")
                self._run(f"ALTER TABLE {quoted(STATE, self._shadow_moments())} RENAME TO {quoted(moments)}")
        return Rebuilt(table=self._table, rows=int(row[0]) if row else 0, carried=carried, diverted=self._diverted)

    def _shadow_moments(self) -> str:
        return fitted(f"{self._schema}.{self._shadow}")

    def _carry_over(self, old: str, new: str) -> int:
        """Take over the rows whose events the log has no more; of users and accounts all, as any may be older."""
        types = self._tables.types_of(self._table)
        names = [name for name in types if name != UUID_TS]
        kinds = {name: KINDS.get(types[name], Kind.TEXT) for name in names}
        shown = listed(quoted(n) if types[n] in KINDS else f"{quoted(n)}::text" for n in names)
        begun = self._name not in ENTITIES and self._tables.has(self._schema, self._shadow)
        unless = f" WHERE NOT EXISTS (SELECT 1 FROM {new} AS made WHERE made.id = kept.id)" if begun else ""  # noqa: S608
        carried = 0
        with self._connection.cursor(name="kept") as cursor:
            cursor.execute(f"SELECT {shown} FROM {old} AS kept{unless}".encode())  # noqa: S608
            while rows := cursor.fetchmany(_BATCH_ROWS):
                values = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
                self._write_chunks([self._chunk(values, kinds, len(rows))])
                carried += len(rows)
        return carried

    def _chunk(self, values: Mapping[str, list[Any]], kinds: Mapping[str, Kind], count: int) -> Chunk:
        columns = {
            name: Column(_array(column, kinds[name]), kinds[name])
            for name, column in values.items()
            if name in ("id", "received_at") or any(value is not None for value in column)
        }
        latest = self._latest(values["id"]) if self._name in ENTITIES else None
        return Chunk(schema=self._schema, table=self._shadow, rows=count, columns=columns, latest=latest)

    def _latest(self, ids: list[Any]) -> Latest:
        table = quoted(STATE, fitted(self._table))
        found = self._connection.execute(
            f"SELECT stored.* FROM unnest(%s::text[]) WITH ORDINALITY AS wanted(id, place) "  # noqa: S608
            f"LEFT JOIN {table} AS stored ON stored.id = wanted.id ORDER BY place".encode(),
            [ids],
        )
        names = [column.name for column in found.description or ()]
        columns = dict(zip(names, map(list, zip(*found.fetchall(), strict=True)), strict=True))
        del columns["id"]
        times = {name: _array(column, Kind.TIMESTAMP) for name, column in columns.items()}
        return Latest(at=times.pop(LAST_CALL), times=times)

    def _drop_shadow(self) -> None:
        self._run(f"DROP TABLE IF EXISTS {quoted(self._schema, self._shadow)}")
        if self._name in ENTITIES:
            self._run(f"DROP TABLE IF EXISTS {quoted(STATE, self._shadow_moments())}")

    def _run(self, statement: str) -> psycopg.Cursor[TupleRow]:
        return self._connection.execute(statement.encode())


def _array(values: list[Any], kind: Kind) -> pa.Array:
    if kind is Kind.TIMESTAMP:
        return pa.array(values, _INSTANT).cast(INSTANT)
    return pa.array(values, ARROW[kind])
