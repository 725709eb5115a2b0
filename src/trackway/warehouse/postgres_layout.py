# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""How tables lie on disk: partitions by the time of receipt, BRIN indexes for sort keys, and what is kept how long.

A partition is a table `_trackway."<id of its table>_<first day>"`, out of the way of people who browse a schema. It is
made with the first row that belongs there, and dropped whole once all of it is older than the table's `keep`.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Connection
from psycopg.rows import TupleRow

from trackway.warehouse.chunks import Chunk
from trackway.warehouse.layout import Layouts, Partition, cutoff, period_end, period_start
from trackway.warehouse.postgres_names import quoted

_STATE = "_trackway"
ENTITY_TABLES = frozenset({"users", "accounts"})
"""Tables of people and groups, whose rows do not age."""
_READ = """
    SELECT n.nspname, t.relname, t.oid, p.relname, pg_get_expr(p.relpartbound, p.oid)
    FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
    LEFT JOIN pg_inherits i ON i.inhparent = t.oid LEFT JOIN pg_class p ON p.oid = i.inhrelid
    WHERE t.relkind = 'p' AND n.nspname NOT LIKE 'pg\\_%'
"""
_BOUNDS = re.compile(r"FROM \('([0-9-]{10})[^']*'\) TO \('([0-9-]{10})")


class _Part(NamedTuple):
    name: str
    first: date
    end: date


class _Partitioned(NamedTuple):
    oid: int
    parts: list[_Part]

    def period(self, wanted: Partition) -> Partition:
        """What it was made with: a table keeps that when the settings change."""
        if not self.parts:
            return "day" if wanted == "none" else wanted
        return "day" if (self.parts[0].end - self.parts[0].first).days == 1 else "month"


class Layout:
    """Carries out the options of a warehouse's tables."""

    def __init__(self, layouts: Layouts) -> None:
        self._layouts = layouts
        self._partitioned: dict[str, _Partitioned] = {}
        """By `schema.table`."""

    def read(self, connection: Connection[TupleRow]) -> None:
        """Look up what there is: after connecting, and after a transaction that was taken back."""
        self._partitioned = {}
        for schema, table, oid, part, bounds in connection.execute(_READ):
            found = self._partitioned.setdefault(f"{schema}.{table}", _Partitioned(oid, []))
            if part is not None and (match := _BOUNDS.search(bounds)):
                found.parts.append(_Part(part, date.fromisoformat(match[1]), date.fromisoformat(match[2])))

    def clauses(self, chunk: Chunk) -> str:
        """Return what follows the columns in CREATE TABLE."""
        if chunk.latest is not None:
            return "WITH (fillfactor = 80)"  # rows are updated, and may stay in their page
        return "" if self._layouts.of(chunk).partition == "none" else "PARTITION BY RANGE (received_at)"

    def index(self, connection: Connection[TupleRow], chunk: Chunk, columns: Iterable[str]) -> None:
        """Make the indexes of the `columns` that are new."""
        table = quoted(chunk.schema, chunk.table)
        new = set(columns)
        if chunk.latest is not None and "id" in new:
            # Not a unique one: that refuses ids of more than 2.7 kB, and one loader makes one row of each id by itself.
            connection.execute(f"CREATE INDEX ON {table} USING hash (id)".encode())
        for key in self._layouts.of(chunk).sort:
            if key in new and (chunk.latest is None or key != "received_at"):
                connection.execute(f"CREATE INDEX ON {table} USING brin ({quoted(key)})".encode())

    def ordered(self, chunk: Chunk, rows: pa.Table) -> pa.Table:
        """Return the rows in the order of the table's sort keys."""
        keys = [key for key in self._layouts.of(chunk).sort if key in rows.column_names]
        if not keys or keys == ["received_at"]:  # the log has them in this order but for milliseconds
            return rows
        return rows.sort_by([(key, "ascending") for key in keys])

    def make_room(self, connection: Connection[TupleRow], chunk: Chunk, received_at: pa.Array) -> None:
        """Make the partitions that rows of these times belong to."""
        found = self._partitioned.get(chunk.name)
        if found is None:
            return
        period = found.period(self._layouts.of(chunk).partition)
        days = pc.unique(received_at.cast(pa.date32())).to_pylist()
        missing = {period_start(day, period) for day in days} - {part.first for part in found.parts}
        for first in sorted(missing):
            part = _Part(f"{found.oid}_{first:%Y%m%d}", first, period_end(first, period))
            bounds = f"FROM ('{part.first} 00:00+00') TO ('{part.end} 00:00+00')"
            table = quoted(chunk.schema, chunk.table)
            connection.execute(
                f"CREATE TABLE {quoted(_STATE, part.name)} PARTITION OF {table} FOR VALUES {bounds}".encode()
            )
            found.parts.append(part)

    def note_made(self, connection: Connection[TupleRow], chunk: Chunk) -> None:
        """Know a table that was just made."""
        if chunk.latest is None and self._layouts.of(chunk).partition != "none":
            row = connection.execute("SELECT %s::regclass::oid", [quoted(chunk.schema, chunk.table)]).fetchone()
            self._partitioned[chunk.name] = _Partitioned(row[0] if row else 0, [])

    def oldest(self, name: str, now: datetime) -> datetime | None:
        """Return the time of receipt before which the rows of `schema.table` may be gone; None: all stay."""
        schema, _, table = name.partition(".")
        return None if table in ENTITY_TABLES else cutoff(self._layouts.named(schema, table), now)

    def expire(self, connection: Connection[TupleRow], tables: Iterable[str], now: datetime) -> int:
        """Remove the rows that are older than their tables keep them, and return how many tables lost any."""
        touched = 0
        for name in tables:
            schema, _, table = name.partition(".")
            oldest = self.oldest(name, now)
            if oldest is None:
                continue
            found = self._partitioned.get(name)
            if found is None:
                sql = f"DELETE FROM {quoted(schema, table)} WHERE received_at < %s"  # noqa: S608
                touched += connection.execute(sql.encode(), [oldest]).rowcount > 0
                continue
            gone = [part for part in found.parts if part.end <= oldest.date()]
            for part in gone:
                connection.execute(f"DROP TABLE {quoted(_STATE, part.name)}".encode())
                found.parts.remove(part)
            touched += bool(gone)
        return touched
