# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""The tables of a warehouse of files: `<schema>/<table>/day=<day of receipt>/part-<commit>.parquet`.

All files of a table have the same types, so that every reader takes them together. A column that gets a wider one has
its table's files written anew, in the same commit; where these are many its type stays, and what does not fit goes to
the row's `_rest`. A folder with many small files gets one file instead of them.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct, field

from trackway.warehouse.chunks import Chunk
from trackway.warehouse.columns import ARROW, EXACT, Column, Kind, text_of
from trackway.warehouse.evolution import TableState, settle
from trackway.warehouse.files_commits import Staging
from trackway.warehouse.files_entities import merge
from trackway.warehouse.files_store import Found, Store
from trackway.warehouse.fitting import plain
from trackway.warehouse.layout import Layouts, cutoff

UUID_TS = "uuid_ts"
WIDEN_BYTES = 64 << 20
"""The files of a larger table are not written anew for a wider column."""
COMPACT_FILES = 16
SMALL_BYTES = 8 << 20
"""So many files of at most so many bytes in one folder become one."""
_MOST_FOLDERS = 5_000
_INSTANT = pa.timestamp("us", "UTC")
_ROW_GROUP = 128_000


class Shape(Struct, kw_only=True):
    """A table as it is."""

    columns: dict[str, Kind] = field(default_factory=dict[str, Kind])
    """Without `uuid_ts`."""
    types: dict[str, Kind] = field(default_factory=dict[str, Kind])
    """Types that a person gave; see `trackway warehouse retype`."""


class Tables:
    """What a load makes of the tables: files to stage, and the tables' new shapes."""

    def __init__(
        self,
        store: Store,
        state: bytes | None,
        layouts: Layouts,
        given: Mapping[str, Mapping[str, Kind]],
        most_columns: int,
    ) -> None:
        self._store = store
        self._layouts = layouts
        self._given = given
        self._most_columns = most_columns
        self.shapes: dict[str, Shape] = msgspec.json.decode(state, type=dict[str, Shape]) if state else {}
        """By `schema.table`."""
        self._files: dict[str, list[Found]] = {}
        """By folder: its files, as far as they were looked up."""
        self._fixed: dict[str, dict[str, Kind]] = {}
        self._rewritten: set[str] = set()
        self.start_load()

    def start_load(self) -> None:
        """Begin a new count of what changes."""
        if self._rewritten or len(self._files) > _MOST_FOLDERS:
            self._files = {}
        self._rewritten: set[str] = set()
        self.columns_added: list[str] = []
        self.columns_widened: dict[str, str] = {}
        self.diverted: dict[str, int] = {}
        self._changed = False

    def new_state(self) -> bytes | None:
        """Return the shapes if they changed."""
        return msgspec.json.encode(self.shapes) if self._changed else None

    def has(self, schema: str, table: str) -> bool:
        """Say whether there is this table."""
        return f"{schema}.{table}" in self.shapes

    def tables_of(self, schema: str) -> int:
        """Return how many tables the schema has."""
        return sum(name.startswith(f"{schema}.") for name in self.shapes)

    def given(self, name: str) -> dict[str, Kind]:
        """Return the types that columns of a table must have: the plans', over which a person's word goes."""
        return {**self._given.get(name, {}), **self.shapes.get(name, Shape()).types}

    def files_of(self, name: str) -> list[Found]:
        """Return all files of `schema.table`."""
        return list(self._store.list(folder_of(name)))

    def replaced(self, name: str, shape: Shape) -> None:
        """Take note that a commit to be puts other files in the place of a table's."""
        self.shapes[name] = shape
        self._fixed.pop(name, None)
        self._files = {}
        self._changed = True

    def write(self, chunk: Chunk, uuid_ts: datetime, staging: Staging, number: int) -> None:
        """Stage the files of the chunk's rows."""
        if chunk.latest is not None:
            self._merge(chunk, uuid_ts, staging)
            return
        values = self._settle(chunk, staging, number)
        moment = pa.scalar(uuid_ts, _INSTANT)
        rows = self._as_stored(chunk.name, values | {UUID_TS: pa.repeat(moment, chunk.rows)})
        for day, part in _by_day(rows):
            folder = f"{folder_of(chunk.name)}/day={day}"
            self._compact(chunk.name, folder, staging, number)
            self._add(staging, folder, f"part-{number:012}.parquet", self._sorted(chunk.name, part))

    def _settle(self, chunk: Chunk, staging: Staging, number: int) -> dict[str, pa.Array]:
        shape = self.shapes.get(chunk.name, Shape())
        while True:
            state = TableState(
                kinds=dict(shape.columns),
                given={**self.given(chunk.name), **self._fixed.get(chunk.name, {})},
            )
            change = settle(
                chunk, state, most_columns=self._most_columns, has_long=lambda name: self._has_long(chunk.name, name)
            )
            if not change.widen or self._may_rewrite(chunk.name):
                break
            self._fixed.setdefault(chunk.name, {}).update({name: old for name, (old, _) in change.widen.items()})
        if change.widen:
            self._rewrite(chunk.name, change.widen, staging, number)
        if state.kinds != shape.columns:
            self.shapes[chunk.name] = Shape(columns=state.kinds, types=shape.types)
            self._changed = True
        self.columns_added += [f"{chunk.name}.{name}" for name in change.add]
        self.columns_widened |= {f"{chunk.name}.{name}": kind.value for name, (_, kind) in change.widen.items()}
        self.diverted |= {f"{chunk.name}.{name}": count for name, count in change.diverted.items()}
        return change.values

    def _may_rewrite(self, name: str) -> bool:
        return sum(found.size_bytes for found in self._store.list(folder_of(name))) <= WIDEN_BYTES

    def _rewrite(self, name: str, widen: Mapping[str, tuple[Kind, Kind]], staging: Staging, number: int) -> None:
        """Stage all files of the table anew, with wider columns."""
        self._rewritten.add(name)
        for found in list(self._store.list(folder_of(name))):
            rows = self._read(found.path)
            for column, (stored, kind) in widen.items():
                if column in rows.column_names:
                    wider = _stored(_widened(_naive(rows[column].combine_chunks()), stored, kind))
                    rows = rows.set_column(rows.column_names.index(column), column, wider)
            folder, _, _ = found.path.rpartition("/")
            staging.removed.append(found.path)
            self._add(staging, folder, f"part-{number:012}-{len(staging.moves)}.parquet", rows)

    def _compact(self, name: str, folder: str, staging: Staging, number: int) -> None:
        """Stage one file for the small ones of a folder once they are many."""
        if name in self._rewritten:
            return
        files = self._files_of(folder)
        small = [found for found in files if found.size_bytes <= SMALL_BYTES and found.path not in staging.removed]
        if len(small) < COMPACT_FILES:
            return
        rows = pa.concat_tables([self._read(found.path) for found in small], promote_options="default")
        staging.removed += [found.path for found in small]
        self._files[folder] = [found for found in files if found not in small]
        self._add(staging, folder, f"part-{number:012}-compact.parquet", self._sorted(name, rows))

    def _files_of(self, folder: str) -> list[Found]:
        files = self._files.get(folder)
        if files is None:
            files = self._files[folder] = list(self._store.list(folder))
        return files

    def _add(self, staging: Staging, folder: str, name: str, rows: pa.Table) -> None:
        data = to_parquet(rows)
        staging.add(f"{folder}/{name}", data, rows.num_rows)
        if folder in self._files:
            self._files[folder].append(Found(f"{folder}/{name}", len(data)))

    def _merge(self, chunk: Chunk, uuid_ts: datetime, staging: Staging) -> None:
        places = entity_files(chunk.name)
        stored = [None if (data := self._store.read(place)) is None else from_parquet(data) for place in places]
        given = {chunk.name: self.given(chunk.name)}
        merged = merge(chunk, stored[0], stored[1], uuid_ts, given, self._most_columns)
        for place, rows in zip(places, (merged.rows, merged.moments), strict=True):
            staging.add(place, to_parquet(rows), rows.num_rows)
        shape = self.shapes.get(chunk.name, Shape())
        if shape.columns != merged.columns:
            self.shapes[chunk.name] = Shape(columns=merged.columns, types=shape.types)
            self._changed = True
        self.columns_added += merged.columns_added
        self.columns_widened |= merged.columns_widened
        self.diverted |= merged.diverted

    def expire(self, now: datetime, staging: Staging) -> None:
        """Remove the files of days that are older than their tables keep them."""
        for name in self.shapes:
            schema, _, table = name.partition(".")
            oldest = cutoff(self._layouts.named(schema, table), now)
            if oldest is None:
                continue
            for found in list(self._store.list(folder_of(name))):
                day = _day_in(found.path)
                if day is not None and day < oldest.date():
                    staging.removed.append(found.path)
                    self._files.pop(found.path.rpartition("/")[0], None)

    def _has_long(self, name: str, column: str) -> bool:
        for found in self._store.list(folder_of(name)):
            rows = self._read(found.path)
            if column in rows.column_names:
                edges = pc.min_max(rows[column])
                low, high = edges["min"].as_py(), edges["max"].as_py()
                if low is not None and (low < -EXACT or high > EXACT):
                    return True
        return False

    def _read(self, path: str) -> pa.Table:
        data = self._store.read(path)
        if data is None:
            raise FileNotFoundError(path)
        return from_parquet(data)

    def _as_stored(self, name: str, values: dict[str, pa.Array]) -> pa.Table:
        """The rows with all columns of the table, in the table's order, so that each file tells all types."""
        count = len(values[UUID_TS])
        columns = {
            column: _stored(values[column]) if column in values else _stored(pa.nulls(count, ARROW[kind]))
            for column, kind in self.shapes[name].columns.items()
        }
        return pa.table(columns | {UUID_TS: values[UUID_TS]})

    def _sorted(self, name: str, rows: pa.Table) -> pa.Table:
        schema, _, table = name.partition(".")
        keys = [key for key in self._layouts.named(schema, table).sort if key in rows.column_names]
        return rows.sort_by([(key, "ascending") for key in keys]) if keys else rows


def entity_files(name: str) -> tuple[str, str]:
    """Return the file of a table of users or accounts, and that of the moments of what they say."""
    schema, _, table = name.partition(".")
    return f"{folder_of(name)}/{table}.parquet", f"_trackway/moments/{schema}/{table}.parquet"


def folder_of(name: str) -> str:
    """Return the folder of `schema.table`."""
    return name.replace(".", "/", 1)


def to_parquet(rows: pa.Table) -> bytes:
    """Return rows as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", row_group_size=_ROW_GROUP, write_page_index=True)
    return sink.getvalue().to_pybytes()


def from_parquet(data: bytes) -> pa.Table:
    """Return the rows of a Parquet file."""
    return pq.read_table(pa.BufferReader(data))


def _by_day(rows: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    days = rows["received_at"].cast(pa.date32())
    found: list[Any] = pc.unique(days).to_pylist()
    for day in sorted(found):
        yield day, rows if len(found) == 1 else rows.filter(pc.equal(days, pa.scalar(day, pa.date32())))


def _day_in(path: str) -> date | None:
    part = path.split("/")[-2]
    return date.fromisoformat(part.removeprefix("day=")) if part.startswith("day=") else None


def _widened(values: pa.Array, stored: Kind, kind: Kind) -> pa.Array:
    if kind is Kind.TEXT:
        texts = [None if value is None else text_of(plain(value)) for value in values.to_pylist()]
        return pa.array(texts, pa.string())
    return Column(values, stored).as_kind(kind)


def as_stored(rows: pa.Table) -> pa.Table:
    """Return rows whose instants say that they are UTC."""
    fields = [pa.field(one.name, _INSTANT if pa.types.is_timestamp(one.type) else one.type) for one in rows.schema]
    return rows.cast(pa.schema(fields))


def _stored(values: pa.Array) -> pa.Array:
    """Instants say in the file that they are UTC."""
    return values.cast(_INSTANT) if pa.types.is_timestamp(values.type) else values


def _naive(values: pa.Array) -> pa.Array:
    return values.cast(pa.timestamp("us")) if pa.types.is_timestamp(values.type) else values
