# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Users and accounts as files: one file a table, written anew with each load that has any of them.

What is stored and what came are merged by DuckDB in memory, with the same statements as in a DuckDB warehouse.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from trackway.warehouse.chunks import Chunk
from trackway.warehouse.columns import Kind
from trackway.warehouse.duckdb_tables import INTERNAL, KINDS, UUID_TS, Tables, quote

_INSTANT = pa.timestamp("us", "UTC")


class Merged(NamedTuple):
    """A table of users or accounts after a load."""

    rows: pa.Table
    moments: pa.Table
    columns: dict[str, Kind]
    """Without `uuid_ts`."""
    columns_added: list[str]
    columns_widened: dict[str, str]
    diverted: dict[str, int]


def merge(
    chunk: Chunk,
    rows: pa.Table | None,
    moments: pa.Table | None,
    uuid_ts: datetime,
    given: Mapping[str, Mapping[str, Kind]],
    most_columns: int,
) -> Merged:
    """Return `rows`, with the `moments` of their traits, after the chunk; None is a table that is not there yet."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(
            f"SET TimeZone = 'UTC'; CREATE SCHEMA {quote(INTERNAL)}; CREATE SCHEMA {quote(chunk.schema)}"
        )
        for schema, name, stored in ((chunk.schema, chunk.table, rows), (INTERNAL, chunk.name, moments)):
            if stored is not None:
                connection.register("stored", _retyped(stored, pa.timestamp("us")))
                connection.execute(f"CREATE TABLE {quote(schema, name)} AS SELECT * FROM stored")  # noqa: S608
                connection.unregister("stored")
        tables = Tables(connection, given, most_columns)
        tables.read()
        tables.write(chunk, uuid_ts)
        merged = _read(connection, chunk.schema, chunk.table)
        columns = connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "ORDER BY column_index",
            [chunk.schema, chunk.table],
        ).fetchall()
        return Merged(
            rows=merged,
            moments=_read(connection, INTERNAL, chunk.name),
            columns={name: KINDS.get(kind, Kind.TEXT) for name, kind in columns if name != UUID_TS},
            columns_added=tables.columns_added,
            columns_widened=tables.columns_widened,
            diverted=tables.diverted,
        )


def _read(connection: DuckDBPyConnection, schema: str, name: str) -> pa.Table:
    # In the order of ids readers skip most of the file when they look for one.
    found = connection.sql(f"SELECT * FROM {quote(schema, name)} ORDER BY id").to_arrow_table()  # noqa: S608
    return _retyped(found, _INSTANT)


def _retyped(rows: pa.Table, instant: pa.DataType) -> pa.Table:
    fields = [pa.field(one.name, instant if pa.types.is_timestamp(one.type) else one.type) for one in rows.schema]
    return rows.cast(pa.schema(fields))
