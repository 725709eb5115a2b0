# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""How a table changes so that it holds a chunk, for any database: columns that appear, types that widen, `_rest`.

A column without a given type widens until it holds everything. One whose type is given (by a tracking plan, or by
`trackway warehouse retype`) keeps it, and a value that does not fit goes to the row's `_rest`: a JSON object by column
name. So do the values of columns that a full table does not take. Nothing is cut or dropped, and no load fails of it.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from msgspec import Struct, field

from trackway.warehouse.chunks import REST, Chunk
from trackway.warehouse.columns import Column, Kind, join
from trackway.warehouse.fitting import fit, plain, rest_of
from trackway.warehouse.naming import RESERVED_COLUMNS


class TableState(Struct, kw_only=True):
    """A table as it is."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    """Its columns, without those of the database's own. Empty: there is no table yet."""
    given: dict[str, Kind] = field(default_factory=dict)
    """Types that a plan or a person gave; also of columns that are not there yet."""


class Change(Struct, kw_only=True):
    """What to do to a table, in this order, and the values to write then."""

    create: dict[str, Kind]
    """The columns of a table to make; empty when it is there."""
    add: dict[str, Kind]
    widen: dict[str, tuple[Kind, Kind]]
    """From what to what."""
    values: dict[str, pa.Array]
    """In the table's types; also `_rest` when the chunk needs it."""
    diverted: dict[str, int]
    """By column: how many values went to `_rest`."""


def settle(chunk: Chunk, table: TableState, *, most_columns: int, has_long: Callable[[str], bool]) -> Change:
    """Say how `table` has to change to hold `chunk`. `table` is as after the change when this returns.

    `has_long` says whether a stored integer column holds any beyond 2^53, which no double does.
    """
    is_new = not table.kinds
    change = Change(create={}, add={}, widen={}, values={}, diverted={})
    misfits: list[tuple[str, dict[int, Any]]] = []
    for name, column in chunk.columns.items():
        kind = _kind_for(name, column, table, change, most_columns, has_long)
        if kind is None:
            rest = {row: plain(value) for row, value in enumerate(column.originals) if value is not None}
        elif name in table.given:
            change.values[name], rest = fit(column, kind)
        else:
            change.values[name], rest = column.as_kind(kind), {}
        if rest:
            misfits.append((name, rest))
            change.diverted[name] = len(rest)
    if misfits:
        _add_rest(change, misfits, table, chunk.rows)
    if is_new:
        change.create, change.add = dict(table.kinds), {}
    return change


def _kind_for(
    name: str,
    column: Column,
    table: TableState,
    change: Change,
    most_columns: int,
    has_long: Callable[[str], bool],
) -> Kind | None:
    """The type of the column after the change; None when the table has no room for it."""
    stored, given = table.kinds.get(name), table.given.get(name)
    if stored is None:
        if len(table.kinds) >= most_columns and name not in RESERVED_COLUMNS and name != REST:
            return None
        kind = table.kinds[name] = change.add[name] = given or column.kind
        return kind
    if stored is Kind.TEXT:
        return stored
    wanted = column.kind if given is None else given
    old = Kind.LONG if stored is Kind.INTEGER and wanted is Kind.FLOAT and has_long(name) else stored
    kind = join(old, wanted)
    if given is not None and kind is not given:
        return stored
    if kind is not stored:
        table.kinds[name] = kind
        if not {kind, stored} <= {Kind.INTEGER, Kind.LONG}:
            change.widen[name] = (stored, kind)
    return kind


def _add_rest(change: Change, misfits: list[tuple[str, dict[int, Any]]], table: TableState, rows: int) -> None:
    given = change.values.get(REST)
    change.values[REST] = merged(rest_of(misfits, rows), given)
    if REST not in table.kinds:
        table.kinds[REST] = change.add[REST] = Kind.TEXT


def merged(rest: pa.Array, given: pa.Array | None) -> pa.Array:
    """Return `rest` with what there is for the column `_rest` already."""
    if given is None:
        return rest
    # Both are JSON objects with different members.
    pairs = zip(rest.to_pylist(), given.to_pylist(), strict=True)
    return pa.array([f"{two[:-1]},{one[1:]}" if one and two else one or two for one, two in pairs], pa.string())
