# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Events as chunks: what one load writes to each table, column by column.

A track call is a row in `tracks` and one in its event's table, which share the columns that every call has. So these
columns, the context's above all, are built once for all calls of a source, ordered by table: each table has a slice of
them, and `tracks` the slice of all its events.
"""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from trackway.events import canary
from trackway.events.records import EventRecord
from trackway.warehouse.body import Body, encode_json, read_body, read_object
from trackway.warehouse.columns import INSTANT, Column, Kind, Values, column_of, instants_of, taken, text_array
from trackway.warehouse.entities import Described, Latest, described, entities_of, joined
from trackway.warehouse.integrations import is_wanted
from trackway.warehouse.joining import join_columns
from trackway.warehouse.naming import Rules
from trackway.warehouse.objects import Objects, distinct
from trackway.warehouse.rows import STANDARD, TRACKS, HasRoom, Shapes, SourceCalls, TableCalls
from trackway.warehouse.waiting import Waiting
from trackway.workspace.model import WarehouseTable

T = TypeVar("T")
CONTEXT = "context_"
REST = "_rest"
"""The column of what has no column, a JSON object; no property's name, as those begin with no `_` unless a word that is
reserved follows."""
_ENTITIES = {"identifies": "users", "groups": "accounts"}
_ALWAYS = ("id", "received_at")
"""Columns that every row has."""
_PART_RECORDS, _PART_BYTES = 20_000, 16 << 20
"""Of the events that are read together."""


TableOptions = Callable[[str, str], WarehouseTable]
"""Returns what trackway.yaml says of a table, by schema and name."""


class Chunk(Struct, kw_only=True):
    """Rows of one table."""

    schema: str
    table: str
    rows: int
    columns: dict[str, Column]
    """Segment's standard columns of the table, and those with a value in any of the rows. No `uuid_ts`: that is the
    database's."""
    latest: Latest | None = None
    """None for rows to append. In `users` and `accounts` a row is merged with the earlier one of its `id`, and this
    says of what moments its values are."""

    @property
    def name(self) -> str:
        """`schema.table`."""
        return f"{self.schema}.{self.table}"


class Batch(Struct, kw_only=True):
    """All that a load writes, and what it does not."""

    chunks: list[Chunk]
    left_out: int
    unreadable: int


def build(
    records: Sequence[EventRecord],
    rules: Rules,
    warehouse: str,
    *,
    shapes: Shapes | None = None,
    has_room: HasRoom = lambda schema, table: True,
    options: TableOptions = lambda schema, table: WarehouseTable(),
    go_on: Callable[[], None] = lambda: None,
) -> Batch:
    """Turn events, in the order they arrived, into chunks for the warehouse of this name.

    `shapes` carries what is learned from one load to the next. An event whose table has no room is a row of `tracks`
    alone, with its properties in `_rest`. What `options` leave out is not there at all. `go_on` is called now and then,
    and may raise to make an end. Events that are `Waiting` are taken from there.
    """
    load = _Load(warehouse, Shapes(rules) if shapes is None else shapes, has_room, options)
    for part in _parts(records):
        go_on()
        load.add(part)
    go_on()
    return load.batch()


def has_table(kind: str) -> bool:
    """Say whether calls of this type are rows of a table."""
    return kind == "track" or kind in STANDARD


def _parts(records: Sequence[EventRecord]) -> Iterator[Sequence[EventRecord]]:
    """Cut a load into parts that can be held in memory as text, objects and columns."""
    if isinstance(records, Waiting):
        yield from records.take(_PART_RECORDS, _PART_BYTES)
        return
    start = 0
    while start < len(records):
        part = records[start : start + _PART_RECORDS]
        if sum(len(record.body) for record in part) > _PART_BYTES:
            ends = itertools.accumulate(len(record.body) for record in part)
            part = part[: sum(1 for end in ends if end <= _PART_BYTES) or 1]
        yield part
        start += len(part)


class _Load:
    """A load, part by part."""

    def __init__(self, warehouse: str, shapes: Shapes, has_room: HasRoom, options: TableOptions) -> None:
        self._warehouse, self._shapes, self._has_room, self._options = warehouse, shapes, has_room, options
        self._chunks: dict[str, list[Chunk]] = {}
        """By `schema.table`: the rows of each part."""
        self._described: dict[tuple[str, str], list[Described]] = {}
        """By schema and table: what each part says of users or accounts."""
        self._left_out = self._unreadable = 0

    def add(self, records: Sequence[EventRecord]) -> None:
        """Take in the next part."""
        for source in self._sort(records):
            for chunk in self._chunks_of(source):
                options = self._options(chunk.schema, chunk.table)
                if options.load:
                    chunk.columns = _without(chunk.columns, options.leave_out)
                    self._chunks.setdefault(chunk.name, []).append(chunk)

    def _sort(self, records: Sequence[EventRecord]) -> Iterable[SourceCalls]:
        """The calls by source and table, without those that are for no table of this warehouse."""
        sources: dict[str, SourceCalls] = {}
        tables: dict[tuple[str, str, str], TableCalls | None] = {}
        bodies = [read_body(record.body) for record in records]
        for record, body in zip(records, bodies, strict=True):
            key = (record.source, record.type, record.name)
            try:
                calls = tables[key]
            except KeyError:
                calls = tables[key] = self._table_of(record, sources)
            if calls is None:
                self._left_out += 1
                continue
            if body is None:
                body, self._unreadable = Body(), self._unreadable + 1
            elif body.integrations and not is_wanted(body.integrations, self._warehouse):
                self._left_out += 1
                continue
            calls.records.append(record)
            calls.bodies.append(body)
        return sources.values()

    def _table_of(self, record: EventRecord, sources: dict[str, SourceCalls]) -> TableCalls | None:
        if record.source == canary.SOURCE or not has_table(record.type):
            return None
        calls = sources.get(record.source)
        if calls is None:
            calls = sources[record.source] = SourceCalls(record.source, self._shapes.rules, self._has_room)
        return calls.table_of(record)

    def _chunks_of(self, source: SourceCalls) -> Iterator[Chunk]:
        common = _Common(source, self._shapes)
        schema = source.schema
        if common.tracks:
            columns = common.columns(0, common.tracks, events=True)
            if (rest := _rest_of_tracks(source)) is not None:
                columns[REST] = rest
            yield Chunk(schema=schema, table=TRACKS, rows=common.tracks, columns=columns)
        start = 0
        for calls in [*source.tracks, *source.others]:
            rows = len(calls.records)
            if calls.name and rows:
                objects = Objects(calls.objects, self._shapes.table(schema, calls.name))
                own = _own_columns(calls, objects.values)
                columns = common.columns(start, rows, events=bool(calls.slug)) | own
                for name, values in objects.values.items():
                    if name not in own and (column := column_of(values)) is not None:
                        columns[name] = column
                yield Chunk(schema=schema, table=calls.name, rows=rows, columns=columns)
                if calls.name in _ENTITIES:
                    self._describe(schema, calls, objects, common.part(start, rows))
            start += rows

    def _describe(self, schema: str, calls: TableCalls, objects: Objects, common: "_Part") -> None:
        """Keep what these calls say of users or accounts."""
        table = _ENTITIES[calls.name]
        options = self._options(schema, table)
        if not options.load:
            return
        ids: list[Any]
        if calls.name == "groups":
            ids = [body.group_id for body in calls.bodies]
        else:
            ids = [record.user_id for record in calls.records]
        every = Described(
            ids=(),
            times_ms=[record.timestamp_ms for record in calls.records],
            received_at=common.received_at,
            context=_without(common.context, options.leave_out),
            traits=_without(objects.values, options.leave_out, calls.own),
            nulls=_without(objects.nulls(), options.leave_out, calls.own),
        )
        if (found := described(ids, every)) is not None:
            self._described.setdefault((schema, table), []).append(found)

    def batch(self) -> Batch:
        """Return what the load writes, and let go of its parts."""
        chunks = [_joined(self._chunks.pop(name)) for name in list(self._chunks)]
        for (schema, table), parts in self._described.items():
            columns, latest = entities_of(joined(parts))
            rows = len(latest.at)
            chunks.append(Chunk(schema=schema, table=table, rows=rows, columns=columns, latest=latest))
        return Batch(chunks=chunks, left_out=self._left_out, unreadable=self._unreadable)


def _without(columns: Mapping[str, T], patterns: Sequence[str], own: Collection[str] = ()) -> dict[str, T]:
    """The columns whose names fit none of `patterns`, and are not among `own`."""
    return {
        name: column
        for name, column in columns.items()
        if name not in own and (name in _ALWAYS or not any(fnmatchcase(name, pattern) for pattern in patterns))
    }


def _joined(parts: Sequence[Chunk]) -> Chunk:
    first = parts[0]
    if len(parts) == 1:
        return first
    columns = join_columns([(part.columns, part.rows) for part in parts])
    return Chunk(schema=first.schema, table=first.table, rows=sum(part.rows for part in parts), columns=columns)


def _own_columns(calls: TableCalls, values: Mapping[str, Values]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name in calls.own:
        field = text_array([getattr(body, name) for body in calls.bodies])
        if name in values:
            # A property of the same name counts where the call has no such field.
            column = column_of(values[name])
            texts = text_array(values[name]) if column is None else text_array(column.originals)
            field = pc.coalesce(field, texts)
        columns[name] = Column(field, Kind.TEXT)
    return columns


def _rest_of_tracks(source: SourceCalls) -> Column | None:
    if all(calls.name for calls in source.tracks):
        return None
    rest: list[str | None] = []
    for calls in source.tracks:
        if calls.name:
            rest += [None] * len(calls.records)
        else:
            found = [read_object(body.properties) for body in calls.bodies]
            rest += [encode_json({"properties": properties}).decode() if properties else None for properties in found]
    return Column(pa.array(rest, pa.string()), Kind.TEXT)


class _Part(NamedTuple):
    received_at: pa.Array
    context: dict[str, Values]


class _Common:
    """The columns that every call has, over all calls of a source, those of track calls first."""

    def __init__(self, source: SourceCalls, shapes: Shapes) -> None:
        tables = [*source.tracks, *source.others]
        self.tracks = sum(len(calls.records) for calls in source.tracks)
        records = [record for calls in tables for record in calls.records]
        bodies = [body for calls in tables for body in calls.bodies]
        self.received_at = _instants([record.received_at_ms for record in records])
        self._base = {
            "id": (_texts([record.message_id for record in records]), Kind.TEXT),
            "anonymous_id": (_texts([record.anonymous_id for record in records]), Kind.TEXT),
            "user_id": (_texts([record.user_id for record in records]), Kind.TEXT),
            "received_at": (self.received_at, Kind.TIMESTAMP),
            "sent_at": (instants_of([body.sent_at for body in bodies]), Kind.TIMESTAMP),
            "original_timestamp": (instants_of([body.original_timestamp for body in bodies]), Kind.TIMESTAMP),
            "timestamp": (_instants([record.timestamp_ms for record in records]), Kind.TIMESTAMP),
        }
        slugs = [slug for calls in source.tracks for slug in [calls.slug] * len(calls.records)]
        names = [record.name for record in records[: self.tracks]]
        self._events = {"event": _texts(slugs), "event_text": _texts(names)}
        # All events of a page view have one context, and all of a server.
        texts, places = distinct([body.context for body in bodies])
        self.context = Objects(texts, shapes.context(source.schema)).values
        if places is not None:
            self.context = {name: taken(values, places) for name, values in self.context.items()}

    def part(self, start: int, rows: int) -> _Part:
        """What users and accounts have of so many calls."""
        context = {
            name: values.slice(start, rows) if isinstance(values, pa.Array) else values[start : start + rows]
            for name, values in self.context.items()
        }
        return _Part(self.received_at.slice(start, rows), context)

    def columns(self, start: int, rows: int, *, events: bool) -> dict[str, Column]:
        """The columns for so many rows: those of all tables, also without a value in any row, then the context's."""
        columns = {name: Column(values.slice(start, rows), kind) for name, (values, kind) in self._base.items()}
        if events:
            columns |= {name: Column(texts.slice(start, rows), Kind.TEXT) for name, texts in self._events.items()}
        for name, part in self.part(start, rows).context.items():
            if (column := column_of(part)) is not None:
                columns[name] = column
        return columns


def _texts(values: list[Any]) -> pa.Array:
    return pa.array(values, pa.string())


def _instants(times_ms: list[int]) -> pa.Array:
    return pa.array(times_ms, pa.timestamp("ms")).cast(INSTANT)
