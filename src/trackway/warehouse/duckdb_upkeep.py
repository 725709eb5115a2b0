# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Recounting and rebuilding tables of a DuckDB warehouse, on a connection beside the loader's.

A rebuilt table grows under another name, in transactions of its own. Then, while no load can come between, it takes in
what was loaded meanwhile and takes the old one's place, in one transaction.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import msgspec
import pyarrow as pa
from duckdb import DuckDBPyConnection

from trackway.events.records import EVENTS, EventRecord
from trackway.warehouse.body import Body, read_body
from trackway.warehouse.chunks import Chunk, TableOptions, build, has_table
from trackway.warehouse.columns import ARROW, INSTANT, Column, Kind
from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.duckdb_tables import INTERNAL, LAST_CALL, UUID_TS, Tables, quote
from trackway.warehouse.entities import Latest
from trackway.warehouse.history import History, Step
from trackway.warehouse.integrations import is_wanted
from trackway.warehouse.naming import Rules, event_name, schema_name
from trackway.warehouse.rows import STANDARD, TRACKS
from trackway.warehouse.upkeep import Rebuilt, TableCount

ENTITIES = {"users": "identifies", "accounts": "groups"}
SUFFIX = " rebuilt"
"""Of the name under which a table grows; no name of ours has a space."""
_BATCH_ROWS = 20_000
EXPECTED = "CREATE OR REPLACE TEMP TABLE expected (name VARCHAR, id VARCHAR, received TIMESTAMP)"
Given = Mapping[str, Mapping[str, Kind]]


def recount(
    connection: DuckDBPyConnection,
    history: History,
    rules: Rules,
    warehouse: str,
    step: Step,
    *,
    cutoffs: Mapping[str, datetime],
) -> list[TableCount]:
    """Count the tables against the events that were loaded; `connection` is the caller's alone.

    `cutoffs` are the times of receipt, by table, before which nothing is said.
    """
    connection.execute(EXPECTED)
    connection.execute("BEGIN TRANSACTION")
    try:
        for records in history.read(_positions(connection), step=step):
            expect(connection, expected_rows(records, rules, warehouse))
        return compare(connection, _tables(connection), history.is_whole, cutoffs)
    finally:
        connection.execute("ROLLBACK")
        connection.execute("DROP TABLE temp.expected")


def expect(connection: DuckDBPyConnection, rows: pa.Table) -> None:
    """Add to the rows that there must be; see `EXPECTED`."""
    connection.register("ids", rows)
    connection.execute("INSERT INTO temp.expected SELECT * FROM ids")
    connection.unregister("ids")


def compare(
    connection: DuckDBPyConnection, found: set[str], whole: bool, cutoffs: Mapping[str, datetime]
) -> list[TableCount]:
    """Count the tables `found`, as `schema.table`, against what is expected; `whole`: the log has all that ever was."""
    names = {name for [name] in connection.execute("SELECT DISTINCT name FROM temp.expected").fetchall()}
    full = {name for name in names if name not in found and not is_standard(name)}
    return [
        _count(connection, name, whole, cutoffs.get(name), exists=name in found)
        for name in sorted((names | found) - {one for one in full if _are_in_tracks(connection, one, found)})
    ]


def _positions(connection: DuckDBPyConnection) -> dict[int, int]:
    rows = connection.execute("SELECT partition, next_offset FROM _trackway.positions WHERE topic = ?", [EVENTS])
    return dict(rows.fetchall())


def _tables(connection: DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = current_database() "
        "AND NOT internal AND schema_name NOT IN (?, 'main') AND NOT contains(table_name, ' ')",
        [INTERNAL],
    )
    return {name for [name] in rows.fetchall()}


def expected_rows(records: list[EventRecord], rules: Rules, warehouse: str) -> pa.Table:
    """Return the rows that these events have in a warehouse: `name` (`schema.table`), `id` and `received`."""
    names: list[str] = []
    ids: list[str] = []
    received: list[int] = []
    for record in records:
        for table, key in _rows_of(record, rules, warehouse):
            names.append(table)
            ids.append(key)
            received.append(record.received_at_ms)
    moments = pa.array(received, pa.timestamp("ms")).cast(INSTANT)
    return pa.table({"name": pa.array(names, pa.string()), "id": pa.array(ids, pa.string()), "received": moments})


def _rows_of(record: EventRecord, rules: Rules, warehouse: str) -> Iterator[tuple[str, str]]:
    """The rows that an event has: table and id."""
    if not has_table(record.type):
        return
    body = read_body(record.body) or Body()
    if body.integrations and not is_wanted(body.integrations, warehouse):
        return
    schema = schema_name(record.source, rules)
    if record.type == "track":
        yield f"{schema}.{TRACKS}", record.message_id
        yield f"{schema}.{event_name(record.name, rules).table}", record.message_id
        return
    yield f"{schema}.{STANDARD[record.type]}", record.message_id
    owner = record.user_id if record.type == "identify" else body.group_id if record.type == "group" else None
    if owner is not None and owner != "":
        from trackway.warehouse.columns import text_of

        yield f"{schema}.{'users' if record.type == 'identify' else 'accounts'}", text_of(owner)


def is_standard(name: str) -> bool:
    """Say whether `schema.table` is one of those that are not for an event's name."""
    table = name.rpartition(".")[2]
    return table in STANDARD.values() or table in ENTITIES or table == TRACKS


def _are_in_tracks(connection: DuckDBPyConnection, name: str, found: set[str]) -> bool:
    """Whether the events of a table that is not there are rows of `tracks`: the schema had no room for it."""
    schema, _, _ = name.rpartition(".")
    if f"{schema}.{TRACKS}" not in found:
        return False
    [missing] = connection.execute(
        f"SELECT count(*) FROM temp.expected WHERE name = ? "  # noqa: S608
        f"AND id NOT IN (SELECT id FROM {quote(schema, TRACKS)})",
        [name],
    ).fetchone() or (1,)
    return missing == 0


def _count(
    connection: DuckDBPyConnection, name: str, whole: bool, cutoff: datetime | None, *, exists: bool
) -> TableCount:
    schema, _, table = name.rpartition(".")
    distinct = "DISTINCT" if table in ENTITIES else ""
    wanted = f"SELECT {distinct} id, 1 AS n FROM temp.expected WHERE name = '{name}'"  # noqa: S608
    since = f" WHERE received_at >= TIMESTAMP '{cutoff}'" if cutoff is not None else " WHERE true"
    if cutoff is not None:
        wanted += f" AND received >= TIMESTAMP '{cutoff}'"
    if not whole:
        # What is older than the log cannot be counted against it.
        since += " AND received_at >= (SELECT min(received) FROM temp.expected)"
    stored = f"SELECT id, -1 AS n FROM {quote(schema, table)}{since}" if exists else "SELECT '', 0 WHERE false"  # noqa: S608
    row = connection.execute(
        f"WITH both_sides AS ({wanted} UNION ALL {stored}), "  # noqa: S608
        "by_id AS (SELECT sum(n) AS n, count_if(n > 0) AS log, count_if(n < 0) AS rows FROM both_sides GROUP BY id) "
        "SELECT coalesce(sum(log), 0), coalesce(sum(rows), 0), coalesce(sum(greatest(n, 0)), 0), "
        "coalesce(sum(greatest(-n, 0)), 0) FROM by_id"
    ).fetchone()
    log, rows, missing, surplus = map(int, row or (0, 0, 0, 0))
    if table in ENTITIES and not whole:
        surplus = 0
    return TableCount(table=name, log=log, rows=rows, missing=missing, surplus=surplus)


def drop_leftovers(connection: DuckDBPyConnection) -> None:
    """Drop what a rebuild that was cut off has left."""
    rows = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database() "
        "AND ends_with(table_name, ?)",
        [SUFFIX],
    ).fetchall()
    for schema, table in rows:
        connection.execute(f"DROP TABLE {quote(schema, table)}")


class Rebuild:
    """A table that is made anew."""

    def __init__(
        self,
        connection: DuckDBPyConnection,
        table: str,
        *,
        rules: Rules,
        warehouse: str,
        options: TableOptions,
        given: Given,
        most_columns: int,
    ) -> None:
        """Work on `connection`, which is the caller's alone; `table` is `schema.table`."""
        self._connection = connection
        self._table = table
        self._schema, _, self._name = table.rpartition(".")
        self._shadow = self._name + SUFFIX
        self._rules, self._warehouse, self._options = rules, warehouse, options
        self._tables = Tables(connection, {f"{self._schema}.{self._shadow}": given.get(table, {})}, most_columns)
        self._diverted = 0

    def run(self, history: History, pause_loads: Callable[[], AbstractContextManager[None]], step: Step) -> Rebuilt:
        """Build and swap; `pause_loads` keeps loads out while it lasts."""
        if not self._is_there():
            raise WarehouseError(f"there is no table {self._table}; SHOW ALL TABLES lists what there is")
        self._drop()
        done: dict[int, int] = {}
        try:
            for _ in range(3):
                positions = self._loaded()
                self._append(history, positions, done, step)
                done = positions
            with pause_loads():
                self._append(history, self._loaded(), done, step)
                return self._swap(history)
        finally:
            self._drop()

    def _is_there(self) -> bool:
        return self._table in _tables(self._connection)

    def _loaded(self) -> dict[int, int]:
        """How far the log is loaded."""
        return _positions(self._connection)

    def _append(self, history: History, until: Mapping[int, int], since: Mapping[int, int], step: Step) -> None:
        waiting: list[EventRecord] = []
        for records in history.read(until, since, step=step):
            waiting += filter(self._may_be_in, records)
            if len(waiting) >= _BATCH_ROWS:
                self._write(waiting)
                waiting = []
        self._write(waiting)

    def _may_be_in(self, record: EventRecord) -> bool:
        if schema_name(record.source, self._rules) != self._schema:
            return False
        if record.type == "track":
            return self._name == TRACKS or event_name(record.name, self._rules).table == self._name
        return STANDARD.get(record.type) == ENTITIES.get(self._name, self._name)

    def _write(self, records: list[EventRecord]) -> None:
        if not records:
            return
        batch = build(records, self._rules, self._warehouse, options=self._options)
        chunks = [chunk for chunk in batch.chunks if chunk.name == self._table]
        self._write_chunks([msgspec.structs.replace(chunk, table=self._shadow) for chunk in chunks])

    def _write_chunks(self, chunks: list[Chunk], *, alone: bool = True) -> None:
        if alone:
            self._connection.execute("BEGIN TRANSACTION")
        try:
            for chunk in chunks:
                self._tables.start_load()
                self._tables.write(chunk, datetime.now(UTC))
                self._diverted += sum(self._tables.diverted.values())
            if alone:
                self._connection.execute("COMMIT")
        except BaseException:
            if alone:
                self._connection.execute("ROLLBACK")
            raise

    def _swap(self, history: History) -> Rebuilt:
        old, shadow = quote(self._schema, self._name), quote(self._schema, self._shadow)
        self._connection.execute("BEGIN TRANSACTION")
        try:
            carried, rows = self._complete(history)
            self._replace(old, shadow, quote(self._name))
            if self._name in ENTITIES:
                moments = f"{self._schema}.{self._name}"
                self._replace(quote(INTERNAL, moments), quote(INTERNAL, moments + SUFFIX), quote(moments))
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        return Rebuilt(table=self._table, rows=rows, carried=carried, diverted=self._diverted)

    def _complete(self, history: History) -> tuple[int, int]:
        """Take over what the log has no more; return how many rows these are, and how many there are in all."""
        carried = 0 if history.is_whole else self._carry_over()
        if f"{self._schema}.{self._shadow}" not in self._all():
            raise WarehouseError(f"neither the log nor the table has a row for {self._table}: it stays as it is")
        shadow = quote(self._schema, self._shadow)
        [[rows]] = self._connection.execute(f"SELECT count(*) FROM {shadow}").fetchall()  # noqa: S608
        return carried, rows

    def _replace(self, old: str, new: str, name: str) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS {old}")
        self._connection.execute(f"ALTER TABLE {new} RENAME TO {name}")

    def _all(self) -> set[str]:
        rows = self._connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()")
        return {name for [name] in rows.fetchall()}

    def _carry_over(self) -> int:
        """Take over the rows whose events the log has no more; of users and accounts all, as any may be older."""
        old, shadow = quote(self._schema, self._name), quote(self._schema, self._shadow)
        is_entity = self._name in ENTITIES
        begun = not is_entity and f"{self._schema}.{self._shadow}" in self._all()
        unless = f" AND id NOT IN (SELECT id FROM {shadow})" if begun else ""  # noqa: S608
        [[last]] = self._connection.execute(f"SELECT coalesce(max(rowid), -1) FROM {old}").fetchall()  # noqa: S608
        carried = 0
        for first in range(0, last + 1, _BATCH_ROWS):
            rows = self._connection.sql(
                f"SELECT * EXCLUDE {UUID_TS} FROM {old} "  # noqa: S608
                f"WHERE rowid >= {first} AND rowid < {first + _BATCH_ROWS}{unless}"
            ).to_arrow_table()
            if rows.num_rows:
                self._write_chunks([self._chunk(rows, is_entity)], alone=False)
                carried += rows.num_rows
        return carried

    def _chunk(self, rows: pa.Table, is_entity: bool) -> Chunk:
        columns: dict[str, Column] = {}
        for name in rows.column_names:
            values = rows[name].combine_chunks()
            kind = next((kind for kind, arrow in ARROW.items() if arrow == values.type), None)
            if kind is None:
                values, kind = values.cast(pa.string()), Kind.TEXT
            if values.null_count < len(values) or name in ("id", "received_at"):
                columns[name] = Column(values, kind)
        latest = self._moments(rows["id"].combine_chunks()) if is_entity else None
        return Chunk(schema=self._schema, table=self._shadow, rows=rows.num_rows, columns=columns, latest=latest)

    def _moments(self, ids: pa.Array) -> Latest:
        self._connection.register("wanted", pa.table({"id": ids, "place": pa.array(range(len(ids)))}))
        table = quote(INTERNAL, f"{self._schema}.{self._name}")
        found = self._connection.sql(
            f"SELECT stored.* EXCLUDE id FROM wanted LEFT JOIN {table} AS stored ON stored.id = wanted.id "  # noqa: S608
            "ORDER BY place"
        ).to_arrow_table()
        self._connection.unregister("wanted")
        times = {name: found[name].combine_chunks() for name in found.column_names}
        at = times.pop(LAST_CALL)
        return Latest(at=at, times=times)

    def _drop(self) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS {quote(self._schema, self._shadow)}")
        if self._name in ENTITIES:
            moments = quote(INTERNAL, f"{self._schema}.{self._name}{SUFFIX}")
            self._connection.execute(f"DROP TABLE IF EXISTS {moments}")
        self._tables.read()
