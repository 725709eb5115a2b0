# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""The tables of a DuckDB database: made, widened and filled from chunks.

Tables and columns appear with their first value, and a column whose type does not hold a new value gets one that does;
all in the caller's transaction. Names in here are `naming`'s: ASCII words, so quoting them is enough.
"""

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa
from duckdb import DuckDBPyConnection

from trackway.warehouse.chunks import CONTEXT, Chunk
from trackway.warehouse.columns import EXACT, Column, Kind, join

UUID_TS = "uuid_ts"
_TYPES = {
    Kind.BOOLEAN: "BOOLEAN",
    Kind.INTEGER: "BIGINT",
    Kind.LONG: "BIGINT",
    Kind.FLOAT: "DOUBLE",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.TEXT: "VARCHAR",
}
_KINDS = {"BOOLEAN": Kind.BOOLEAN, "BIGINT": Kind.INTEGER, "DOUBLE": Kind.FLOAT, "TIMESTAMP": Kind.TIMESTAMP}
# The spellings of `columns.text_of`. DuckDB evaluates what stands in USING once more when it plays its log after a
# crash, before it has loaded most of its functions, and then does not open the file: only casts, comparisons and
# strftime are there. An UPDATE would not do either, it needs memory for the whole column.
_AS_TEXT = {
    "DOUBLE": f"CASE WHEN {{0}} BETWEEN -{EXACT} AND {EXACT} AND {{0}} = CAST(TRY_CAST({{0}} AS BIGINT) AS DOUBLE) "
    "THEN CAST(TRY_CAST({0} AS BIGINT) AS VARCHAR) ELSE CAST({0} AS VARCHAR) END",
    "TIMESTAMP": "CASE WHEN strftime({0}, '%f') LIKE '%000' THEN strftime({0}, '%Y-%m-%dT%H:%M:%S.%gZ') "
    "ELSE strftime({0}, '%Y-%m-%dT%H:%M:%S.%fZ') END",
}


class Tables:
    """What tables and columns there are, kept beside the database so that a load need not ask."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        self._types: dict[str, dict[str, str]] = {}
        """By `schema.table`: the type of each column."""
        self.columns_added: list[str] = []
        """`schema.table.column` since `start_load`."""
        self.columns_widened: dict[str, str] = {}
        """`schema.table.column` to its new type, since `start_load`."""

    def read(self) -> None:
        """Look up what there is: after opening, and after a transaction that was taken back."""
        rows = self._connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND NOT internal"
        ).fetchall()
        self._types = {}
        for table, column, kind in rows:
            self._types.setdefault(table, {})[column] = kind

    def start_load(self) -> None:
        """Begin a new count of what changes."""
        self.columns_added = []
        self.columns_widened = {}

    def write(self, chunk: Chunk, uuid_ts: datetime) -> None:
        """Append the chunk's rows, or merge them when it is one of users or accounts."""
        arrow = pa.table(self._fit(chunk))
        constant = f"TIMESTAMP '{uuid_ts:%Y-%m-%d %H:%M:%S.%f}'"
        if chunk.nulled is None:
            table = _quote(chunk.schema, chunk.table)
            statement = f"INSERT INTO {table} BY NAME SELECT *, {constant} AS {UUID_TS} FROM chunk"  # noqa: S608
        else:
            statement = self._merge_statement(chunk, constant)
            for name, flags in chunk.nulled.items():
                arrow = arrow.append_column(_flag(name), pa.array(flags, pa.bool_()))
        # Registering replaces an earlier chunk. After an error it stays: taking it out would hide that error.
        self._connection.register("chunk", arrow)
        self._connection.execute(statement)
        self._connection.unregister("chunk")

    def _fit(self, chunk: Chunk) -> dict[str, pa.Array]:
        """Make the table such that it holds the chunk, and return the chunk's values in the table's types."""
        known = self._types.get(chunk.name)
        if known is None:
            kinds = {name: column.kind for name, column in chunk.columns.items()}
            self._create(chunk, kinds)
            return {name: column.as_kind(kinds[name]) for name, column in chunk.columns.items()}
        return {
            name: column.as_kind(self._settle(chunk, name, column, known)) for name, column in chunk.columns.items()
        }

    def _create(self, chunk: Chunk, kinds: dict[str, Kind]) -> None:
        types = {name: _TYPES[kind] for name, kind in kinds.items()} | {UUID_TS: "TIMESTAMP"}
        columns = ", ".join(f"{_quote(name)} {kind}" for name, kind in types.items())
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quote(chunk.schema)}")
        self._connection.execute(f"CREATE TABLE {_quote(chunk.schema, chunk.table)} ({columns})")
        self._types[chunk.name] = types

    def _settle(self, chunk: Chunk, name: str, column: Column, known: dict[str, str]) -> Kind:
        """Make the table's column hold the values of `column`, and return the kind they go in as."""
        stored = known.get(name)
        if stored == "VARCHAR":
            return Kind.TEXT
        table = _quote(chunk.schema, chunk.table)
        if stored is None:
            known[name] = _TYPES[column.kind]
            self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {_quote(name)} {known[name]}")
            self.columns_added.append(f"{chunk.name}.{name}")
            return column.kind
        kind = self._joined(table, name, stored, column.kind)
        if _TYPES[kind] != stored:
            self._widen(table, name, stored, _TYPES[kind])
            known[name] = self.columns_widened[f"{chunk.name}.{name}"] = _TYPES[kind]
        return kind

    def _widen(self, table: str, name: str, stored: str, wider: str) -> None:
        column = _quote(name)
        spelling = _AS_TEXT.get(stored, "") if wider == "VARCHAR" else ""
        using = f" USING {spelling.format(column)}" if spelling else ""
        self._connection.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET DATA TYPE {wider}{using}")

    def _joined(self, table: str, name: str, stored: str, new: Kind) -> Kind:
        # A type that is not ours was given by hand; text is the one that surely holds both.
        old = _KINDS.get(stored, Kind.TEXT)
        if old is Kind.INTEGER and new is Kind.FLOAT and self._has_long(table, name):
            old = Kind.LONG
        return join(old, new)

    def _has_long(self, table: str, name: str) -> bool:
        column = _quote(name)
        found = self._connection.execute(
            f"SELECT 1 FROM {table} WHERE {column} NOT BETWEEN -{EXACT} AND {EXACT} LIMIT 1"  # noqa: S608
        )
        return found.fetchone() is not None

    def _merge_statement(self, chunk: Chunk, uuid_ts: str) -> str:
        nulled = chunk.nulled or {}
        latest = [name for name in chunk.columns if name != "id"]
        updates = {name: f"coalesce(new.{_quote(name)}, old.{_quote(name)})" for name in latest}
        for name in self._types[chunk.name]:
            if name.startswith(CONTEXT):
                updates[name] = f"new.{_quote(name)}" if name in chunk.columns else "NULL"
            elif name in nulled:
                kept = updates.get(name, f"old.{_quote(name)}")
                value = f"new.{_quote(name)}" if name in chunk.columns else "NULL"
                updates[name] = f"CASE WHEN new.{_quote(_flag(name))} THEN {value} ELSE {kept} END"
        updates[UUID_TS] = uuid_ts
        return (
            f"MERGE INTO {_quote(chunk.schema, chunk.table)} AS old USING chunk AS new ON old.id = new.id "  # noqa: S608
            f"WHEN MATCHED THEN UPDATE SET {_list(f'{_quote(name)} = {value}' for name, value in updates.items())} "
            f"WHEN NOT MATCHED THEN INSERT ({_list(map(_quote, (*chunk.columns, UUID_TS)))}) "
            f"VALUES ({_list(f'new.{_quote(name)}' for name in chunk.columns)}, {uuid_ts})"
        )


def _flag(name: str) -> str:
    # The space keeps it apart from every column's name.
    return f"{name} nulled"


def _quote(*names: str) -> str:
    return ".".join(f'"{name}"' for name in names)


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)
