# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Values for a column whose type is given: those that fit it without loss, and those that do not.

A type is given by a tracking plan or by `trackway warehouse retype`. A value fits when nothing of what it says is lost:
5, 5.0 and "5" are all the integer 5, but 5.5, "05" and true are none.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, NamedTuple

import pyarrow as pa

from trackway.warehouse.body import encode_json
from trackway.warehouse.columns import ARROW, DECIMALS, EXACT, Column, Kind, join, text_of
from trackway.warehouse.instants import is_date_time, parse_instant

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACTLY = Context(prec=1000)
_LARGEST_DECIMAL = Decimal(10) ** (38 - DECIMALS)


class Fit(NamedTuple):
    """A column's values as one type."""

    values: pa.Array
    """Null where a row has no value, or one that does not fit."""
    misfits: dict[int, Any]
    """By row: the values that do not fit, as JSON has them."""


def fit(column: Column, kind: Kind) -> Fit:
    """Return `column` as `kind`, and what does not fit it."""
    if kind is Kind.INTEGER:
        kind = Kind.LONG
    if kind is Kind.TEXT or join(column.kind, kind) is kind:
        return Fit(column.as_kind(kind), {})
    fitted: list[Any] = []
    misfits: dict[int, Any] = {}
    for row, value in enumerate(column.originals):
        new = None if value is None else fit_value(value, kind)
        if new is None and value is not None:
            misfits[row] = plain(value)
        fitted.append(new)
    return Fit(pa.array(fitted, ARROW[kind]), misfits)


def fit_value(value: Any, kind: Kind) -> Any:
    """Return a JSON scalar as what Arrow takes for `kind`, or None when it does not fit."""
    if isinstance(value, datetime | date):
        value = plain(value)
    match kind:
        case Kind.BOOLEAN:
            return _boolean(value)
        case Kind.INTEGER | Kind.LONG:
            number = _number(value)
            fits = number is not None and _decimals(number) == 0 and -(1 << 63) <= number < 1 << 63
            return int(number) if number is not None and fits else None
        case Kind.DECIMAL:
            return _decimal(_number(value))
        case Kind.FLOAT:
            return value if isinstance(value, float) else _float(_number(value))
        case Kind.DATE:
            return _date(value)
        case Kind.TIMESTAMP:
            return _instant(value)
        case Kind.TEXT:
            return text_of(value)


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    return Decimal(value) if isinstance(value, str) and len(value) < 400 and _NUMBER.match(value) else None


def _decimals(number: Decimal) -> int:
    exponent = number.normalize(_EXACTLY).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _decimal(number: Decimal | None) -> Decimal | None:
    fits = number is not None and abs(number) < _LARGEST_DECIMAL and _decimals(number) <= DECIMALS
    return number if fits else None


def _float(number: Decimal | None) -> float | None:
    if number is None or (abs(number) > EXACT and _decimals(number) == 0):
        return None
    near = float(number)
    return near if Decimal(repr(near)) == number else None


def _date(value: Any) -> date | None:
    if not isinstance(value, str) or not _DATE.match(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str) or not (is_date_time(value) or _date(value)):
        return None
    micros = parse_instant(value)
    return None if micros is None else (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=None)


def plain(value: Any) -> Any:
    """A value as JSON has it, also out of a column of instants."""
    if isinstance(value, datetime):
        places = "microseconds" if value.microsecond % 1000 else "milliseconds"
        return f"{value.isoformat(timespec=places)}Z"
    return value.isoformat() if isinstance(value, date) else value


def rest_of(misfits: Sequence[tuple[str, dict[int, Any]]], rows: int) -> pa.Array:
    """Return the column `_rest`: by row the JSON object of what did not fit, null where all did."""
    objects: list[dict[str, Any] | None] = [None] * rows
    for name, values in misfits:
        for row, value in values.items():
            found = objects[row]
            if found is None:
                found = objects[row] = {}
            found[name] = value
    return pa.array([None if one is None else encode_json(one).decode() for one in objects], pa.string())
