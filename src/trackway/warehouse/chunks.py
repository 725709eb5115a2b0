# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Events as chunks: what one load writes to each table, column by column.

A track call is a row in `tracks` and one in its event's table, which share the columns that every call has. So the
common columns, the context's above all, are built once for all calls of a source, and a table takes its rows of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from msgspec import Struct

from trackway.events import canary
from trackway.events.records import EventRecord
from trackway.warehouse.body import Body, read_body
from trackway.warehouse.columns import INSTANT, Column, Kind, array_of, column_of, instants_of, text_array
from trackway.warehouse.entities import Entities, latest
from trackway.warehouse.integrations import is_wanted
from trackway.warehouse.naming import Rules
from trackway.warehouse.rows import STANDARD, SourceRows, TableRows

CONTEXT = "context_"
_ENTITIES = {"identifies": "users", "groups": "accounts"}


class Chunk(Struct, kw_only=True):
    """Rows of one table."""

    schema: str
    table: str
    rows: int
    columns: dict[str, Column]
    """Segment's standard columns of the table, and those with a value in any of the rows. No `uuid_ts`: that is the
    database's."""
    nulled: dict[str, list[bool]] | None = None
    """None for rows to append. In `users` and `accounts` a row replaces the earlier one with its `id`, and this says by
    column in which rows null was sent. A value that is absent without that keeps the earlier one; those of the context
    never do, as they describe the last call."""

    @property
    def name(self) -> str:
        """`schema.table`."""
        return f"{self.schema}.{self.table}"


class Batch(Struct, kw_only=True):
    """All that a load writes, and what it does not."""

    chunks: list[Chunk]
    left_out: int
    unreadable: int


def build(records: Iterable[EventRecord], rules: Rules, warehouse: str) -> Batch:
    """Turn events, in the order they arrived, into chunks for the warehouse of this name."""
    sources: dict[str, SourceRows] = {}
    left_out = unreadable = 0
    for record in records:
        if record.source == canary.SOURCE:
            left_out += 1
            continue
        body = read_body(record.body)
        if body is None:
            body, unreadable = Body(), unreadable + 1
        if (body.integrations and not is_wanted(body.integrations, warehouse)) or not _has_table(record.type):
            left_out += 1
            continue
        rows = sources.get(record.source)
        if rows is None:
            rows = sources[record.source] = SourceRows(record.source, rules)
        rows.add(record, body)
    chunks = [chunk for rows in sources.values() for chunk in _chunks(rows)]
    return Batch(chunks=chunks, left_out=left_out, unreadable=unreadable)


def _has_table(kind: str) -> bool:
    return kind == "track" or kind in STANDARD


def _chunks(rows: SourceRows) -> Iterator[Chunk]:
    common = _Common(rows)
    for name, table in rows.tables.items():
        table.values.finish(table.own)
        values = {column: values for column, values in table.values.values.items() if column not in table.own}
        columns = common.columns(table.calls)
        columns |= {own: Column(text_array(table.values.values[own]), Kind.TEXT) for own in table.own}
        columns |= common.context_columns(table.calls) | _present(values)
        yield Chunk(schema=rows.schema, table=name, rows=len(table.calls), columns=columns)
        if name in _ENTITIES and (entities := _entities(name, rows, table)).ids:
            yield _entity_chunk(rows.schema, _ENTITIES[name], table, entities, common)


def _entities(name: str, rows: SourceRows, table: TableRows) -> Entities:
    if name == "groups":
        return latest(table.own["group_id"], table.values, table.own)
    return latest([rows.records[call].user_id for call in table.calls], table.values, table.own)


def _present(values: Mapping[str, Sequence[Any]]) -> dict[str, Column]:
    columns = {name: column_of(column) for name, column in values.items()}
    return {name: column for name, column in columns.items() if column is not None}


class _Common:
    """The columns that every call has, over all calls of a source."""

    def __init__(self, rows: SourceRows) -> None:
        records = rows.records
        self._count = len(records)
        self.received_at = _instants([record.received_at_ms for record in records])
        self._base = {
            "id": (pa.array([record.message_id for record in records], pa.string()), Kind.TEXT),
            "anonymous_id": (pa.array([record.anonymous_id for record in records], pa.string()), Kind.TEXT),
            "user_id": (pa.array([record.user_id for record in records], pa.string()), Kind.TEXT),
            "received_at": (self.received_at, Kind.TIMESTAMP),
            "sent_at": (instants_of(rows.sent_at), Kind.TIMESTAMP),
            "original_timestamp": (instants_of(rows.original_timestamp), Kind.TIMESTAMP),
            "timestamp": (_instants([record.timestamp_ms for record in records]), Kind.TIMESTAMP),
        }
        rows.contexts.finish()
        # Values of several types stay Python's: what a table's own rows hold may be of one type all the same.
        self._context = {
            name: values if (array := array_of(values)) is None else array
            for name, values in rows.contexts.values.items()
        }

    def columns(self, calls: Sequence[int]) -> dict[str, Column]:
        """The columns besides context, for the rows that are `calls`; also those without a value in any."""
        return {name: Column(self._take(values, calls), kind) for name, (values, kind) in self._base.items()}

    def context_columns(self, calls: Sequence[int]) -> dict[str, Column]:
        """The context's columns, for the rows that are `calls`."""
        columns: dict[str, Column] = {}
        for name, values in self._context.items():
            if isinstance(values, pa.Array):
                taken = self._take(values, calls)
                column = None if taken.null_count == len(taken) else Column(taken)
            else:
                column = column_of([values[call] for call in calls])
            if column is not None:
                columns[name] = column
        return columns

    def _take(self, values: pa.Array, calls: Sequence[int]) -> pa.Array:
        return values if len(calls) == self._count else values.take(pa.array(calls, pa.int64()))


def _instants(times_ms: list[int]) -> pa.Array:
    return pa.array(times_ms, pa.timestamp("ms")).cast(INSTANT)


def _entity_chunk(schema: str, name: str, table: TableRows, entities: Entities, common: _Common) -> Chunk:
    """Types come from all calls, not only from those that are the last: a load must not widen less than two would."""
    calls = [table.calls[row] for row in entities.last_rows]
    context = common.context_columns(calls)
    values = _present(entities.values)
    every_context = common.context_columns([table.calls[row] for row in entities.rows])
    every_value = _present(
        {
            name: [column[row] for row in entities.rows]
            for name, column in table.values.values.items()
            if name not in table.own
        }
    )
    columns = {
        "id": Column(pa.array(entities.ids, pa.string()), Kind.TEXT),
        "received_at": Column(common.received_at.take(pa.array(calls, pa.int64())), Kind.TIMESTAMP),
    }
    for column, every in (every_context | every_value).items():
        last = context.get(column) or values.get(column) or Column(pa.nulls(len(calls)), every.kind)
        columns[column] = last.of_kind(every.kind)
    return Chunk(schema=schema, table=name, rows=len(calls), columns=columns, nulled=entities.nulled)
