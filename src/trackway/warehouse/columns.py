# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Columns of JSON values: their types, and how a type widens so that no value is lost.

A column's type is the least that holds all its values, so it does not depend on the order in which they came:

    BOOLEAN ───────────────────────────────┐
    INTEGER ──┬── LONG ── DECIMAL ─────────┤
              └── FLOAT ───────────────────┼── TEXT
    DATE ─────── TIMESTAMP ────────────────┘

INTEGER holds what a double holds too (up to 2^53), LONG what 64 bits hold, and databases store both alike; DECIMAL
holds integers of up to 29 digits and 9 decimals. A number is what it is worth, not how it is written: 19.0 is an
INTEGER. TIMESTAMP is text that is an ISO 8601 date-time, kept as the instant that it names. No text becomes a DATE of
itself, as Segment's tables have none; a column is one when a plan or `trackway warehouse retype` makes it so.

A number has one spelling as text, whether it came as text or through a column of numbers: a whole one up to 2^53 is
written as an integer. So is an instant that went through a column of timestamps: UTC, with milliseconds.
"""

import enum
import functools
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from trackway.warehouse.body import encode_json
from trackway.warehouse.instants import DATE_TIME_PATTERN, is_date_time, parse_instant

EXACT = 1 << 53
"""Integers up to here, either side of 0, are doubles too."""
DECIMALS = 9
"""Of a column of decimals, which has 38 digits in all."""
_LARGEST_DECIMAL = 10 ** (38 - DECIMALS)
_UTC = pa.timestamp("us", "UTC")
INSTANT = pa.timestamp("us")
_YEAR_1_US, _YEAR_10000_US = -62_135_596_800_000_000, 253_402_300_800_000_000
_NUMBERS = {pa.int64(), pa.float64()}


class Kind(enum.Enum):
    """The type of a column."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    LONG = "long"
    DECIMAL = "decimal"
    FLOAT = "float"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TEXT = "text"


ARROW: dict[Kind, pa.DataType] = {
    Kind.BOOLEAN: pa.bool_(),
    Kind.INTEGER: pa.int64(),
    Kind.LONG: pa.int64(),
    Kind.DECIMAL: pa.decimal128(38, DECIMALS),
    Kind.FLOAT: pa.float64(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: INSTANT,
    Kind.TEXT: pa.string(),
}
_JOINS = {
    frozenset({Kind.INTEGER, Kind.LONG}): Kind.LONG,
    frozenset({Kind.INTEGER, Kind.DECIMAL}): Kind.DECIMAL,
    frozenset({Kind.LONG, Kind.DECIMAL}): Kind.DECIMAL,
    frozenset({Kind.INTEGER, Kind.FLOAT}): Kind.FLOAT,
    frozenset({Kind.DATE, Kind.TIMESTAMP}): Kind.TIMESTAMP,
}


def join(one: Kind, other: Kind) -> Kind:
    """Return the least type that holds the values of both."""
    return one if one is other else _JOINS.get(frozenset({one, other}), Kind.TEXT)


Values = pa.Array | Sequence[Any]
"""JSON scalars, null where there is none: an Arrow array when all are of one type, else Python's own."""


def taken(values: Values, rows: pa.Array) -> Values:
    """Return these rows of the values."""
    return values.take(rows) if isinstance(values, pa.Array) else [values[row] for row in rows.to_pylist()]


class Column:
    """The values of one column in one load; null where a row has none."""

    __slots__ = ("_instants", "_kind", "_originals", "_values")

    def __init__(self, values: pa.Array, kind: Kind | None = None, originals: Sequence[Any] | None = None) -> None:
        """Take an Arrow array as `array_of` makes it; without a `kind` it must have a value that is not null.

        `originals` are the JSON values themselves, where `values` has them as text or as numbers of another type.
        """
        self._values = values
        self._kind = kind
        self._originals = originals
        self._instants: pa.Array | None = None

    @property
    def kind(self) -> Kind:
        """The least type that holds the values."""
        if self._kind is None:
            self._kind = self._look()
        return self._kind

    @property
    def originals(self) -> Sequence[Any]:
        """The values as JSON has them."""
        return self._values.to_pylist() if self._originals is None else self._originals

    @property
    def present(self) -> pa.Array:
        """Which rows have a value."""
        return self._values.is_valid()

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
            return Kind.INTEGER if _are_whole(self._values) else Kind.FLOAT
        edges = pc.min_max(self._values)
        return Kind.INTEGER if edges["min"].as_py() >= -EXACT and edges["max"].as_py() <= EXACT else Kind.LONG

    def of_kind(self, kind: Kind) -> "Column":
        """Return the column as one of a wider type."""
        return self if kind is self.kind else Column(self.as_kind(kind), kind)

    def as_kind(self, kind: Kind) -> pa.Array:
        """Return the values as `kind`, which `join` says is wide enough for them."""
        values = self._values
        if pa.types.is_null(values.type):
            return values.cast(ARROW[kind])
        if kind is Kind.TEXT:
            return values if pa.types.is_string(values.type) else text_array(values.to_pylist())
        if kind is Kind.TIMESTAMP and pa.types.is_string(values.type):
            return self._instants if self.kind is Kind.TIMESTAMP else values.cast(INSTANT)
        if kind is Kind.DECIMAL and pa.types.is_integer(values.type):
            return values.cast(pa.decimal128(19, 0)).cast(ARROW[kind])
        return values if values.type == ARROW[kind] else values.cast(ARROW[kind])

    def taken(self, rows: pa.Array) -> "Column":
        """Return these rows of the column, of the same type; null for null."""
        originals = self._originals
        if originals is not None:
            originals = [None if row is None else originals[row] for row in rows.to_pylist()]
        taken = Column(self._values.take(rows), self.kind, originals)
        taken._instants = None if self._instants is None else self._instants.take(rows)
        return taken

    @staticmethod
    def stacked(parts: "Sequence[tuple[Column | None, int]]") -> "Column | None":
        """Return columns one after the other, None for so many rows without a value; or None when their types differ.

        Not all can be None.
        """
        columns = [column for column, _ in parts if column is not None]
        types = {column._values.type for column in columns}
        if len(types) > 1 and types <= _NUMBERS and Kind.LONG not in {column.kind for column in columns}:
            types = {pa.float64()}
        if len(types) > 1 or any(column._originals is not None for column in columns):
            return None
        [only] = types
        arrays = [pa.nulls(rows, only) if column is None else _cast(column._values, only) for column, rows in parts]
        stacked = Column(pa.concat_arrays(arrays), functools.reduce(join, {column.kind for column in columns}))
        if stacked.kind is Kind.TIMESTAMP and pa.types.is_string(only):
            instants = [pa.nulls(rows, INSTANT) if one is None else one.as_kind(Kind.TIMESTAMP) for one, rows in parts]
            stacked._instants = pa.concat_arrays(instants)
        return stacked


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    return values if values.type == kind else values.cast(kind)


def _are_whole(values: pa.Array) -> bool:
    first = values[0].as_py()
    if first is not None and (not first.is_integer() or abs(first) > EXACT):
        return False
    edges = pc.min_max(values)
    if edges["min"].as_py() < -EXACT or edges["max"].as_py() > EXACT:
        return False
    return bool(pc.all(pc.equal(pc.trunc(values), values)).as_py())


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


def column_of(values: Values) -> Column | None:
    """Return JSON scalars of any types as a column, or None when all are null."""
    array = values if isinstance(values, pa.Array) else array_of(values)
    if array is None:
        return _mixed(values)
    return None if array.null_count == len(array) else Column(array)


def _mixed(values: Sequence[Any]) -> Column:
    """The column of values that have different types, or integers of more than 64 bits."""
    classes = set(map(type, values)) - {type(None)}
    if classes <= {int, float}:
        whole = [_whole(value) for value in values]
        largest = max((abs(value) for value in whole if isinstance(value, int)), default=0)
        if not any(isinstance(value, float) for value in whole):
            if largest < 1 << 63:
                return Column(pa.array(whole, pa.int64()), originals=values)
            if largest < _LARGEST_DECIMAL:
                return Column(_decimals(whole), Kind.DECIMAL, originals=values)
        elif largest <= EXACT:
            return Column(pa.array(values, pa.float64()), Kind.FLOAT, originals=values)
    return Column(text_array(values), Kind.TEXT, originals=values)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and abs(value) <= EXACT and value.is_integer() else value


def _decimals(values: Sequence[int | None]) -> pa.Array:
    return pa.array([None if value is None else Decimal(value) for value in values], pa.decimal128(29, 0)).cast(
        ARROW[Kind.DECIMAL]
    )


def text_array(values: Values) -> pa.Array:
    """Return JSON values as an array of their texts."""
    array = values if isinstance(values, pa.Array) else array_of(values)
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
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else f"{value:f}".rstrip("0")
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
