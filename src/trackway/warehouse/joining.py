# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Columns of the parts of a load as columns of the whole load.

A load that has much to do is read part by part, so that not all its events are in memory as text and as objects at
once. What is kept of a part are its columns; each table is written once, with the rows of all parts.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import Any, cast

import pyarrow as pa

from trackway.warehouse.columns import Column, Values, column_of


def join_values(parts: Sequence[tuple[Values | None, int]]) -> Values:
    """Return values one after the other; None stands for so many rows without any."""
    present = [values for values, _ in parts if values is not None]
    if not all(isinstance(values, pa.Array) and values.type == present[0].type for values in present):
        return list(chain.from_iterable(_listed(values, rows) for values, rows in parts))
    kind = present[0].type
    return pa.concat_arrays([pa.nulls(rows, kind) if values is None else values for values, rows in parts])


def _listed(values: Values | None, rows: int) -> Sequence[Any]:
    if values is None:
        return list(repeat(None, rows))
    return values.to_pylist() if isinstance(values, pa.Array) else values


def join_columns(parts: Sequence[tuple[Mapping[str, Column], int]]) -> dict[str, Column]:
    """Return the columns that any of the parts has, each part given with its number of rows."""
    names = dict.fromkeys(name for columns, _ in parts for name in columns)
    return {name: _joined([(columns.get(name), rows) for columns, rows in parts]) for name in names}


def _joined(parts: Sequence[tuple[Column | None, int]]) -> Column:
    if (column := Column.stacked(parts)) is not None:
        return column
    originals = (_listed(None if column is None else column.originals, rows) for column, rows in parts)
    return cast("Column", column_of(list(chain.from_iterable(originals))))  # what has several types has values
