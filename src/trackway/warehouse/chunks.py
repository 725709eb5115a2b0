# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Events as chunks: what one load writes to each table, column by column.

A track call is a row in `tracks` and one in its event's table, which share the columns that every call has. So these
columns, the context's above all, are built once for all calls of a source, ordered by table: each table has a slice of
them, and `tracks` the slice of all its events.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from trackway.events import canary
from trackway.events.records import EventRecord
from trackway.warehouse.body import Body, encode_json, read_body, read_object
from trackway.warehouse.columns import INSTANT, Column, Kind, Values, column_of, instants_of, text_array, text_of
from trackway.warehouse.entities import Latest, Owners, latest
from trackway.warehouse.integrations import is_wanted
from trackway.warehouse.naming import Rules
from trackway.warehouse.objects import Objects
from trackway.warehouse.rows import STANDARD, TRACKS, HasRoom, Shapes, SourceCalls, TableCalls

CONTEXT = "context_"
REST = "_rest"
"""The column of what has no column, a JSON object; no property's name, as those begin with no `_` unless a word that is
reserved follows."""
_ENTITIES = {"identifies": "users", "groups": "accounts"}


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
    records: Iterable[EventRecord],
    rules: Rules,
    warehouse: str,
    *,
    shapes: Shapes | None = None,
    has_room: HasRoom = lambda schema, table: True,
) -> Batch:
    """Turn events, in the order they arrived, into chunks for the warehouse of this name.

    `shapes` carries what is learned from one load to the next. An event whose table has no room is a row of `tracks`
    alone, with its properties in `_rest`.
    """
    shapes = Shapes(rules) if shapes is None else shapes
    sources: dict[str, SourceCalls] = {}
    left_out = unreadable = 0
    for record in records:
        if record.source == canary.SOURCE:
            left_out += 1
            continue
        body = read_body(record.body)
        if body is None:
            body, unreadable = Body(), unreadable + 1
        if (body.integrations and not is_wanted(body.integrations, warehouse)) or not has_table(record.type):
            left_out += 1
            continue
        calls = sources.get(record.source)
        if calls is None:
            calls = sources[record.source] = SourceCalls(record.source, rules, has_room)
        calls.add(record, body)
    chunks = [chunk for calls in sources.values() for chunk in _chunks(calls, shapes)]
    return Batch(chunks=chunks, left_out=left_out, unreadable=unreadable)


def has_table(kind: str) -> bool:
    """Say whether calls of this type are rows of a table."""
    return kind == "track" or kind in STANDARD


def _chunks(source: SourceCalls, shapes: Shapes) -> Iterator[Chunk]:
    common = _Common(source, shapes)
    schema = source.schema
    if source.tracks:
        columns = common.columns(0, common.tracks, events=True)
        if (rest := _rest_of_tracks(source)) is not None:
            columns[REST] = rest
        yield Chunk(schema=schema, table=TRACKS, rows=common.tracks, columns=columns)
    start = 0
    for calls in [*source.tracks, *source.others]:
        rows = len(calls.records)
        if calls.name:
            objects = Objects(calls.objects, shapes.table(schema, calls.name))
            own = _own_columns(calls, objects.values)
            present = {
                name: column
                for name, values in objects.values.items()
                if name not in own and (column := column_of(values)) is not None
            }
            columns = common.columns(start, rows, events=bool(calls.slug)) | own | present
            yield Chunk(schema=schema, table=calls.name, rows=rows, columns=columns)
            if calls.name in _ENTITIES and (entities := _entities(schema, calls, objects, common.part(start, rows))):
                yield entities
        start += rows


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
        self.context = Objects([body.context for body in bodies], shapes.context(source.schema)).values

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


def _entities(schema: str, calls: TableCalls, objects: Objects, common: _Part) -> Chunk | None:
    """The users or accounts that these calls are about; None when there are none."""
    ids: list[Any]
    if calls.name == "groups":
        ids = [body.group_id for body in calls.bodies]
    else:
        ids = [record.user_id for record in calls.records]
    rows = [row for row, owner in enumerate(ids) if owner is not None and owner != ""]
    if not rows:
        return None
    owners = Owners([text_of(ids[row]) for row in rows], [calls.records[row].timestamp_ms for row in rows])
    last = pa.array(rows, pa.int64()).take(owners.last_rows)
    values, times = latest(owners, *_traits(calls, objects, rows))
    columns = {
        "id": Column(pa.array(owners.ids, pa.string()), Kind.TEXT),
        "received_at": Column(common.received_at.take(last), Kind.TIMESTAMP),
    }
    for name, every in common.context.items():
        if (column := column_of(_take(every, rows))) is not None:
            columns[name] = column.taken(owners.last_rows)
    return Chunk(
        schema=schema,
        table=_ENTITIES[calls.name],
        rows=len(owners.ids),
        columns=columns | values,
        latest=Latest(at=owners.moments.take(owners.last_rows), times=times),
    )


def _traits(calls: TableCalls, objects: Objects, rows: list[int]) -> tuple[dict[str, Values], dict[str, list[int]]]:
    """The traits of these rows, and which of these have null."""
    values = {name: _take(every, rows) for name, every in objects.values.items() if name not in calls.own}
    nulls = {name: places for name, places in objects.nulls().items() if name not in calls.own}
    if len(rows) < len(calls.records):
        place = {row: number for number, row in enumerate(rows)}
        nulls = {name: [place[row] for row in places if row in place] for name, places in nulls.items()}
    return values, nulls


def _take(values: Values, rows: list[int]) -> Values:
    if len(rows) == len(values):
        return values
    return values.take(pa.array(rows, pa.int64())) if isinstance(values, pa.Array) else [values[row] for row in rows]
