"""The latest traits of users and accounts, out of the calls of one load."""

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct

from trackway.warehouse.columns import text_of
from trackway.warehouse.flatten import Columns


class Entities(Struct, frozen=True, kw_only=True):
    """One row for each id, in the order of first appearance."""

    ids: list[str]
    rows: list[int]
    """All rows that have an id."""
    last_rows: list[int]
    """The row of each id's last call."""
    values: dict[str, list[Any]]
    """By trait column: the last value that was sent; None when none was, or null after it."""
    nulled: dict[str, list[bool]]
    """By trait column: True where null was sent and no value after it. Columns where that never happened are absent."""


def latest(ids: Sequence[Any], traits: Columns, without: Collection[str]) -> Entities:
    """Fold calls in the order of arrival; `ids` says whose each row of `traits` is, None or empty is nobody's.

    Columns in `without` are left out.

    A trait that was not sent keeps its value, one sent as null loses it. Null for an object is null for a column of its
    own name, not for those of its members.
    """
    place: dict[str, int] = {}
    rows: list[int] = []
    places: list[int] = []
    for row, owner in enumerate(ids):
        if owner is not None and owner != "":
            rows.append(row)
            places.append(place.setdefault(text_of(owner), len(place)))
    last_rows = [0] * len(place)
    for row, at in zip(rows, places, strict=True):
        last_rows[at] = row
    values: dict[str, list[Any]] = {}
    nulled: dict[str, list[bool]] = {}
    for name in [*traits.values, *(name for name in traits.nulls if name not in traits.values)]:
        if name in without:
            continue
        column = traits.values.get(name)
        nulls = set(traits.nulls.get(name, ()))
        values[name], flags = _fold(column, nulls, rows, places, len(place))
        if any(flags):
            nulled[name] = flags
    return Entities(ids=list(place), rows=rows, last_rows=last_rows, values=values, nulled=nulled)


def _fold(
    column: Sequence[Any] | None, nulls: set[int], rows: list[int], places: list[int], count: int
) -> tuple[list[Any], list[bool]]:
    kept: list[Any] = [None] * count
    nulled = [False] * count
    for row, at in zip(rows, places, strict=True):
        value = None if column is None else column[row]
        if value is not None:
            kept[at], nulled[at] = value, False
        elif row in nulls:
            kept[at], nulled[at] = None, True
    return kept, nulled
