# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""The tables of a DuckDB database: made, widened and filled from chunks.

Tables and columns appear with their first value, and a column whose type does not hold a new value gets one that does;
all in the caller's transaction. Names in here are `naming`'s: ASCII words, so quoting them is enough.

The moments of users' and accounts' traits stand in `_trackway."<schema>.users"`: a row for each id, with a column for
each trait and one more, whose name has a space, for the last call.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import pyarrow as pa
from duckdb import DuckDBPyConnection

from trackway.warehouse.chunks import CONTEXT, REST, Chunk
from trackway.warehouse.columns import DECIMALS, EXACT, Kind
from trackway.warehouse.entities import Latest
from trackway.warehouse.evolution import Change, TableState, settle

UUID_TS = "uuid_ts"
INTERNAL = "_trackway"
"""The schema of what is ours alone."""
LAST_CALL = "last call"
TYPES = {
    Kind.BOOLEAN: "BOOLEAN",
    Kind.INTEGER: "BIGINT",
    Kind.LONG: "BIGINT",
    Kind.DECIMAL: f"DECIMAL(38,{DECIMALS})",
    Kind.FLOAT: "DOUBLE",
    Kind.DATE: "DATE",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.TEXT: "VARCHAR",
}
KINDS = {name: kind for kind, name in TYPES.items() if kind is not Kind.LONG}
# The spellings of `columns.text_of`. DuckDB evaluates what stands in USING once more when it plays its log after a
# crash, before it has loaded most of its functions, and then does not open the file: only casts, comparisons and
# strftime are there. An UPDATE would not do either, it needs memory for the whole column.
_SHORTER = " ".join(
    f"WHEN {{0}} = CAST({{0}} AS DECIMAL(38,{places})) THEN CAST(CAST({{0}} AS DECIMAL(38,{places})) AS VARCHAR)"
    for places in range(DECIMALS)
)
AS_TEXT = {
    "DOUBLE": f"CASE WHEN {{0}} BETWEEN -{EXACT} AND {EXACT} AND {{0}} = CAST(TRY_CAST({{0}} AS BIGINT) AS DOUBLE) "
    "THEN CAST(TRY_CAST({0} AS BIGINT) AS VARCHAR) ELSE CAST({0} AS VARCHAR) END",
    "TIMESTAMP": "CASE WHEN strftime({0}, '%f') LIKE '%000' THEN strftime({0}, '%Y-%m-%dT%H:%M:%S.%gZ') "
    "ELSE strftime({0}, '%Y-%m-%dT%H:%M:%S.%fZ') END",
    TYPES[Kind.DECIMAL]: f"CASE {_SHORTER} ELSE CAST({{0}} AS VARCHAR) END",
}


class Tables:
    """What tables and columns there are, kept beside the database so that a load need not ask."""

    def __init__(
        self, connection: DuckDBPyConnection, given: Mapping[str, Mapping[str, Kind]], most_columns: int
    ) -> None:
        """Work on `connection`; `given` are the types that columns must have, by `schema.table` and column."""
        self._connection = connection
        self._given = given
        self._most_columns = most_columns
        self._states: dict[str, TableState] = {}
        self._foreign: dict[tuple[str, str], str] = {}
        """Columns, by `schema.table` and name, whose type somebody changed to one that is not ours."""
        self.start_load()

    def start_load(self) -> None:
        """Begin a new count of what changes."""
        self.columns_added: list[str] = []
        """`schema.table.column` since `start_load`."""
        self.columns_widened: dict[str, str] = {}
        """`schema.table.column` to its new type, since `start_load`."""
        self.diverted: dict[str, int] = {}
        """`schema.table.column` to how many of its values went to `_rest`, since `start_load`."""

    def read(self) -> None:
        """Look up what there is: after opening, and after a transaction that was taken back."""
        rows = self._connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND NOT internal"
        ).fetchall()
        self._states, self._foreign = {}, {}
        for table, column, kind in rows:
            self._state(table).kinds[column] = KINDS.get(kind, Kind.TEXT)
            if kind not in KINDS:
                self._foreign[table, column] = kind

    def tables_of(self, schema: str) -> int:
        """Return how many tables the schema has."""
        return sum(name.startswith(f"{schema}.") for name in self._states)

    def names(self) -> list[str]:
        """Return all tables, as `schema.table`."""
        return list(self._states)

    def has(self, schema: str, table: str) -> bool:
        """Say whether there is this table."""
        return f"{schema}.{table}" in self._states

    def _state(self, name: str) -> TableState:
        state = self._states.get(name)
        if state is None:
            state = self._states[name] = TableState(given=dict(self._given.get(name, {})))
        return state

    def write(self, chunk: Chunk, uuid_ts: datetime) -> None:
        """Append the chunk's rows, or merge them when it is one of users or accounts."""
        constant = f"TIMESTAMP '{uuid_ts:%Y-%m-%d %H:%M:%S.%f}'"
        values = pa.table(self._fit(chunk))
        if chunk.latest is None:
            table = quote(chunk.schema, chunk.table)
            self._run(f"INSERT INTO {table} BY NAME SELECT *, {constant} AS {UUID_TS} FROM chunk", values)  # noqa: S608
        else:
            self._merge(chunk, values, chunk.latest, constant)

    def _run(self, statement: str, values: pa.Table) -> None:
        # Registering replaces an earlier chunk. After an error it stays: taking it out would hide that error.
        self._connection.register("chunk", values)
        self._connection.execute(statement)
        self._connection.unregister("chunk")

    def _fit(self, chunk: Chunk) -> dict[str, pa.Array]:
        """Make the table such that it holds the chunk, and return the chunk's values in the table's types."""
        table = quote(chunk.schema, chunk.table)
        self._adopt(chunk, table)
        change = settle(
            chunk,
            self._state(chunk.name),
            most_columns=self._most_columns,
            has_long=lambda name: self._has_long(table, name),
        )
        self._alter(chunk, table, change)
        for name, count in change.diverted.items():
            self.diverted[f"{chunk.name}.{name}"] = count
        return change.values

    def _adopt(self, chunk: Chunk, table: str) -> None:
        """Make text of columns whose type is not ours: that surely holds what is there, and what comes."""
        if not self._foreign:
            return
        for name in chunk.columns:
            stored = self._foreign.pop((chunk.name, name), None)
            if stored is not None:
                self._widen(table, name, stored, TYPES[Kind.TEXT])
                self.columns_widened[f"{chunk.name}.{name}"] = TYPES[Kind.TEXT]

    def _alter(self, chunk: Chunk, table: str, change: Change) -> None:
        if change.create:
            types = {name: TYPES[kind] for name, kind in change.create.items()} | {UUID_TS: "TIMESTAMP"}
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(chunk.schema)}")
            self._connection.execute(f"CREATE TABLE {table} ({_list(f'{quote(n)} {t}' for n, t in types.items())})")
            self._state(chunk.name).kinds[UUID_TS] = Kind.TIMESTAMP
        for name, kind in change.add.items():
            self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {quote(name)} {TYPES[kind]}")
            self.columns_added.append(f"{chunk.name}.{name}")
        for name, (stored, kind) in change.widen.items():
            self._widen(table, name, TYPES[stored], TYPES[kind])
            self.columns_widened[f"{chunk.name}.{name}"] = TYPES[kind]

    def _widen(self, table: str, name: str, stored: str, wider: str) -> None:
        column = quote(name)
        spelling = AS_TEXT.get(stored, "") if wider == "VARCHAR" else ""
        using = f" USING {spelling.format(column)}" if spelling else ""
        self._connection.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET DATA TYPE {wider}{using}")

    def _has_long(self, table: str, name: str) -> bool:
        column = quote(name)
        found = self._connection.execute(
            f"SELECT 1 FROM {table} WHERE {column} NOT BETWEEN -{EXACT} AND {EXACT} LIMIT 1"  # noqa: S608
        )
        return bool(found.fetchall())

    def _merge(self, chunk: Chunk, values: pa.Table, latest: Latest, uuid_ts: str) -> None:
        """Let the newer of what is stored and what came stand, trait by trait."""
        kinds = self._state(chunk.name).kinds
        moments = self._moments_table(chunk, latest.times)
        times = {name: times for name, times in latest.times.items() if name in self._moments(chunk)}
        source = values.append_column(LAST_CALL, latest.at)
        for name, column in times.items():
            source = source.append_column(_time(name), column)
        last = f"new.{quote(LAST_CALL)} >= coalesce(new.{quote('stored call')}, '-infinity')"
        updates: dict[str, str] = {}
        for name in kinds:
            new, old = (f"new.{quote(name)}" if name in chunk.columns else "NULL"), f"old.{quote(name)}"
            if name in times:
                updates[name] = f"CASE WHEN new.{quote(_wins(name))} THEN {new} ELSE {old} END"
            elif name == REST:
                new = f"new.{quote(REST)}" if REST in values.column_names else "NULL"
                updates[name] = _newest_rest(new, old, times, last)
            elif name.startswith(CONTEXT) or name == "received_at":
                updates[name] = f"CASE WHEN {last} THEN {new} ELSE {old} END"
        updates[UUID_TS] = uuid_ts
        wins = "".join(f", {_newer(name)} AS {quote(_wins(name))}" for name in times)
        written = values.column_names
        self._run(
            f"MERGE INTO {quote(chunk.schema, chunk.table)} AS old USING (SELECT chunk.*, "  # noqa: S608
            f"stored.{quote(LAST_CALL)} AS {quote('stored call')}{wins} "
            f"FROM chunk LEFT JOIN {moments} AS stored ON stored.id = chunk.id) AS new ON old.id = new.id "
            f"WHEN MATCHED THEN UPDATE SET {_list(f'{quote(name)} = {value}' for name, value in updates.items())} "
            f"WHEN NOT MATCHED THEN INSERT ({_list(map(quote, (*written, UUID_TS)))}) "
            f"VALUES ({_list(f'new.{quote(name)}' for name in written)}, {uuid_ts})",
            source,
        )
        self._merge_moments(moments, source, list(times))

    def _merge_moments(self, moments: str, source: pa.Table, names: list[str]) -> None:
        stored = {name: _time(name) for name in names} | {LAST_CALL: LAST_CALL}
        updates = _list(
            f"{quote(name)} = greatest(old.{quote(name)}, new.{quote(new)})" for name, new in stored.items()
        )
        self._run(
            f"MERGE INTO {moments} AS old USING chunk AS new ON old.id = new.id "  # noqa: S608
            f"WHEN MATCHED THEN UPDATE SET {updates} "
            f"WHEN NOT MATCHED THEN INSERT (id, {_list(map(quote, stored))}) "
            f"VALUES (new.id, {_list(f'new.{quote(new)}' for new in stored.values())})",
            source,
        )

    def _moments(self, chunk: Chunk) -> dict[str, Kind]:
        """The columns of the table of moments."""
        return self._state(f"{INTERNAL}.{chunk.name}").kinds

    def _moments_table(self, chunk: Chunk, times: Iterable[str]) -> str:
        """Make the table of moments such that it has these traits, and return its name in quotes."""
        table = quote(INTERNAL, chunk.name)
        kinds = self._moments(chunk)
        if not kinds:
            self._connection.execute(f"CREATE TABLE {table} (id VARCHAR, {quote(LAST_CALL)} TIMESTAMP)")
            kinds |= {"id": Kind.TEXT, LAST_CALL: Kind.TIMESTAMP}
        # Also of traits that were only ever sent as null: that too is newer than what comes late.
        for name in times:
            if name not in kinds and len(kinds) < self._most_columns + 2:
                self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {quote(name)} TIMESTAMP")
                kinds[name] = Kind.TIMESTAMP
        return table


def _time(name: str) -> str:
    # The space keeps it apart from every column's name.
    return f"{name} time"


def _newer(name: str) -> str:
    return f"coalesce({quote(_time(name))} >= coalesce(stored.{quote(name)}, '-infinity'), false)"


def _newest_rest(new: str, old: str, traits: Iterable[str], last: str) -> str:
    """Return the members of `_rest` that hold: of a trait the winning side's, of all others the last call's."""
    came = _list(f"CASE WHEN new.{quote(_wins(name))} THEN '{name}' END" for name in traits)
    stood = _list(f"CASE WHEN NOT new.{quote(_wins(name))} THEN '{name}' END" for name in traits)
    kept, added = _without(old, came), _without(new, stood)
    both = f"CASE WHEN {last} THEN map_concat({kept}, {added}) ELSE map_concat({added}, {kept}) END"
    return f"CASE WHEN {old} IS NOT NULL OR {new} IS NOT NULL THEN nullif(to_json({both})::VARCHAR, '{{}}') END"


def _without(rest: str, names: str) -> str:
    """Return a `_rest` as a map, without those of its members that are in the list `names`."""
    members = f"map_entries({rest}::JSON::MAP(VARCHAR, JSON))"
    return f"map_from_entries(list_filter({members}, lambda one: NOT list_contains([{names}]::VARCHAR[], one.key)))"


def _wins(name: str) -> str:
    return f"{name} wins"


def quote(*names: str) -> str:
    """Return a name of `naming` as SQL has it."""
    return ".".join(f'"{name}"' for name in names)


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)
