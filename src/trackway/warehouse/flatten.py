"""Nested JSON objects as flat columns.

Objects of one kind mostly have the same keys. So their values are gathered by their keys, and the values of all that
are alike become columns at once: what is done for each single value is done in C, and the objects are not kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any, cast

from trackway.warehouse.body import encode_json

DEEPEST = 100
"""Levels of nesting that become columns; an object below stays one column of JSON text."""
_NOTHING = type(None)


class _Alike:
    """The values of objects with the same keys, one object after the other, and the rows they belong to."""

    __slots__ = ("rows", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.rows: list[int] = []


_Groups = dict[tuple[str, ...], _Alike]


class Columns:
    """Rows of columns, each row filled from one JSON object; `name_of` gives the column of a key path.

    First `add` all objects, then `finish`.
    """

    __slots__ = ("_groups", "_name_of", "count", "nulls", "values")

    def __init__(self, name_of: Callable[[Sequence[str]], str]) -> None:
        self.count = 0
        self.values: dict[str, Sequence[Any]] = {}
        """The rows' values by column, None where a row has none; a column appears with its first value. Arrays are
        compact JSON text. Where key paths of one object share a name, its first value that is not null counts."""
        self.nulls: dict[str, list[int]] = {}
        """The rows whose objects have null for a column, in no order."""
        self._name_of = name_of
        self._groups: _Groups = {}

    def add(self, row: dict[str, Any]) -> None:
        """Add a row."""
        _gather(self._groups, row, self.count)
        self.count += 1

    def finish(self, given: Mapping[str, Sequence[Any]] | None = None) -> None:
        """Make `values` and `nulls`, beginning with the columns `given`, whose values come first."""
        self.values = {name: list(column) for name, column in (given or {}).items()}
        self._spread((), self._groups)
        self._groups = {}

    def _spread(self, path: tuple[str, ...], groups: _Groups) -> None:
        for keys, alike in groups.items():
            for place, key in enumerate(keys):
                self._place((*path, key), alike.values[place :: len(keys)], alike.rows)

    def _place(self, path: tuple[str, ...], values: list[Any], rows: list[int]) -> None:
        kinds = set(map(type, values))
        if dict in kinds and len(path) < DEEPEST:
            self._place_objects(path, values, rows)
            return
        if list in kinds or dict in kinds:
            values = [encode_json(value).decode() if isinstance(value, list | dict) else value for value in values]
        if _NOTHING in kinds:
            nulls = [row for row, value in zip(rows, values, strict=True) if value is None]
            self.nulls.setdefault(self._name_of(path), []).extend(nulls)
            if len(kinds) == 1:
                return
        name = self._name_of(path)
        column = self.values.get(name)
        if column is None and len(rows) == self.count:
            self.values[name] = values
            return
        if column is None:
            column = self.values[name] = [None] * self.count
        _merge(cast("list[Any]", column), values, rows)

    def _place_objects(self, path: tuple[str, ...], values: list[Any], rows: list[int]) -> None:
        groups: _Groups = {}
        are_objects = [type(value) is dict for value in values]
        for value, row in zip(compress(values, are_objects), compress(rows, are_objects), strict=True):
            _gather(groups, value, row)
        self._spread(path, groups)
        if not all(are_objects):
            others = [not flag for flag in are_objects]
            self._place(path, list(compress(values, others)), list(compress(rows, others)))


class SparseColumns:
    """As `Columns`, for objects that each have few of very many keys: only values that there are take time and room."""

    __slots__ = ("_name_of", "columns", "count")

    def __init__(self, name_of: Callable[[Sequence[str]], str]) -> None:
        self.count = 0
        self.columns: dict[str, tuple[list[int], list[Any]]] = {}
        """By column: the rows that have a value, in their order, and the values; see `Columns.values`."""
        self._name_of = name_of

    def add(self, row: dict[str, Any]) -> None:
        """Add a row."""
        self._walk((), row)
        self.count += 1

    def _walk(self, path: tuple[str, ...], row: dict[str, Any]) -> None:
        for key, value in row.items():
            if value is None:
                continue
            below = (*path, key)
            if type(value) is dict and len(below) < DEEPEST:
                self._walk(below, cast("dict[str, Any]", value))
                continue
            name = self._name_of(below)
            column = self.columns.get(name)
            if column is None:
                column = self.columns[name] = ([], [])
            rows, values = column
            if not rows or rows[-1] != self.count:
                rows.append(self.count)
                values.append(encode_json(value).decode() if isinstance(value, list | dict) else value)


def _gather(groups: _Groups, value: dict[str, Any], row: int) -> None:
    keys = tuple(value)
    alike = groups.get(keys)
    if alike is None:
        alike = groups[keys] = _Alike()
    alike.values += value.values()
    alike.rows.append(row)


def _merge(column: list[Any], values: Iterable[Any], rows: Iterable[int]) -> None:
    """Put `values` into the rows that have none yet."""
    for row, value in zip(rows, values, strict=True):
        if column[row] is None:
            column[row] = value


def as_object(value: Any) -> dict[str, Any]:
    """Return `value` if it is an object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
