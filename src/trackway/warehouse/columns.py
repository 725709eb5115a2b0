# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Columns of JSON values: their types, and how a type widens so that no value is lost.

A column's type is the least that holds all its values, so it does not depend on the order in which they came:

    BOOLEAN ─────────────────────┐
    INTEGER ──┬── LONG ──────────┤
              └── FLOAT ─────────┼── TEXT
    TIMESTAMP ───────────────────┘

INTEGER holds what a double holds too (up to 2^53), LONG what 64 bits hold, and databases store both alike. An integer
of more than 64 bits is TEXT. TIMESTAMP is text that is an ISO 8601 date-time, kept as the instant that it names.

A number has one spelling as text, whether it came as text or through a column of numbers: a whole one up to 2^53 is
written as an integer. So is an instant that went through a column of timestamps: UTC, with milliseconds.
"""

import enum
from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from trackway.warehouse.body import encode_json
from trackway.warehouse.instants import DATE_TIME_PATTERN, is_date_time, parse_instant

EXACT = 1 << 53
"""Integers up to here, either side of 0, are doubles too."""
_UTC = pa.timestamp("us", "UTC")
INSTANT = pa.timestamp("us")
_YEAR_1_US, _YEAR_10000_US = -62_135_596_800_000_000, 253_402_300_800_000_000


class Kind(enum.Enum):
    """The type of a column."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    LONG = "long"
    FLOAT = "float"
    TIMESTAMP = "timestamp"
    TEXT = "text"


_ARROW = {
    Kind.BOOLEAN: pa.bool_(),
    Kind.INTEGER: pa.int64(),
    Kind.LONG: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.TIMESTAMP: INSTANT,
    Kind.TEXT: pa.string(),
}
_JOINS = {
    frozenset({Kind.INTEGER, Kind.LONG}): Kind.LONG,
    frozenset({Kind.INTEGER, Kind.FLOAT}): Kind.FLOAT,
}


def join(one: Kind, other: Kind) -> Kind:
    """Return the least type that holds the values of both."""
    return one if one is other else _JOINS.get(frozenset({one, other}), Kind.TEXT)


class Column:
    """The values of one column in one load; null where a row has none."""

    __slots__ = ("_instants", "_kind", "_values")

    def __init__(self, values: pa.Array, kind: Kind | None = None) -> None:
        """Take an Arrow array as `array_of` makes it; without a `kind` it must have a value that is not null."""
        self._values = values
        self._kind = kind
        self._instants: pa.Array | None = None

    @property
    def kind(self) -> Kind:
        """The least type that holds the values."""
        if self._kind is None:
            self._kind = self._look()
        return self._kind

    def _look(self) -> Kind:
        kind = self._values.type
        if pa.types.is_string(kind):
            self._instants = _instants_in(self._values)
            return Kind.TEXT if self._instants is None else Kind.TIMESTAMP
        if pa.types.is_boolean(kind):
            return Kind.BOOLEAN
        if pa.types.is_timestamp(kind):
            return Kind.TIMESTAMP
        if pa.types.is_floating(kind):
            return Kind.FLOAT
        edges = pc.min_max(self._values)
        return Kind.INTEGER if edges["min"].as_py() >= -EXACT and edges["max"].as_py() <= EXACT else Kind.LONG

    def of_kind(self, kind: Kind) -> "Column":
        """Return the column as one of a wider type."""
        return self if kind is self.kind else Column(self.as_kind(kind), kind)

    def as_kind(self, kind: Kind) -> pa.Array:
        """Return the values as `kind`, which `join` says is wide enough for them."""
        values = self._values
        if pa.types.is_null(values.type):
            return values.cast(_ARROW[kind])
        if kind is Kind.TEXT:
            return values if pa.types.is_string(values.type) else text_array(values.to_pylist())
        if kind is Kind.TIMESTAMP:
            return values if self._instants is None else self._instants
        if kind is Kind.FLOAT and not pa.types.is_floating(values.type):
            return values.cast(pa.float64())
        return values


def array_of(values: Sequence[Any]) -> pa.Array | None:
    """Return JSON scalars as an Arrow array of text, booleans, integers or doubles; None when their types differ.

    Nulls are allowed; without anything else the array is of Arrow's null type.
    """
    classes = set(map(type, values))
    classes.discard(type(None))
    if len(classes) > 1:
        return None
    if not classes:
        return pa.nulls(len(values))
    only = classes.pop()
    if only is str:
        return pa.array(values, pa.string())
    if only is float:
        return pa.array(values, pa.float64())
    if only is bool:
        return pa.array(values, pa.bool_())
    try:
        return pa.array(values, pa.int64())
    except (OverflowError, pa.ArrowInvalid):
        return None


def column_of(values: Sequence[Any]) -> Column | None:
    """Return JSON scalars of any types as a column, or None when all are null."""
    array = array_of(values)
    if array is None:
        return _mixed(values)
    return None if array.null_count == len(array) else Column(array)


def _mixed(values: Sequence[Any]) -> Column:
    """The column of values that have different types, or integers of more than 64 bits."""
    numbers = all(
        value is None or type(value) is float or (type(value) is int and abs(value) <= EXACT) for value in values
    )
    if numbers:
        return Column(pa.array(values, pa.float64()), Kind.FLOAT)
    return Column(text_array(values), Kind.TEXT)


def text_array(values: Sequence[Any]) -> pa.Array:
    """Return JSON values as an array of their texts."""
    array = array_of(values)
    if array is not None and pa.types.is_string(array.type):
        return array
    return pa.array([None if value is None else text_of(value) for value in values], pa.string())


def text_of(value: Any) -> str:
    """Return the one spelling of a JSON value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return encode_json(value).decode()
    if isinstance(value, float) and abs(value) <= EXACT and value.is_integer():
        return str(int(value))
    return str(value)


def instants_of(texts: Sequence[Any]) -> pa.Array:
    """Return ISO 8601 dates and date-times of any form as timestamps in UTC, null where a text is none."""
    if set(map(type, texts)) <= {str, type(None)}:
        instants = _cast_to_instants(pa.array(texts, pa.string()))
        if instants is not None:
            return instants
    return pa.array(map(parse_instant, texts), INSTANT)


def _instants_in(texts: pa.Array) -> pa.Array | None:
    """`texts` as timestamps in UTC when each is a date-time, else None."""
    if (
        not is_date_time(pc.first(texts).as_py())
        or not pc.all(pc.match_substring_regex(texts, DATE_TIME_PATTERN)).as_py()
    ):
        return None
    instants = _cast_to_instants(texts)
    if instants is not None:
        return instants
    moments = cast("list[str | None]", texts.to_pylist())
    if not all(text is None or is_date_time(text) for text in moments):
        return None
    return pa.array(map(parse_instant, moments), INSTANT)


def _cast_to_instants(texts: pa.Array) -> pa.Array | None:
    """What Arrow makes of `texts`, or None when it cannot read one: another form, no zone, no such day or year."""
    try:
        instants = texts.cast(_UTC).cast(INSTANT)
    except pa.ArrowInvalid:
        return None
    edges = pc.min_max(instants.cast(pa.int64()))
    low, high = edges["min"].as_py(), edges["max"].as_py()
    return instants if low is None or (low >= _YEAR_1_US and high < _YEAR_10000_US) else None
