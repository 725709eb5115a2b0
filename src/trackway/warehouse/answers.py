"""Values out of a database as what JSON has."""

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

_LARGEST_EXACT = (1 << 53) - 1


def plain(value: Any) -> Any:
    """Return text, a number, a boolean or null, or lists and objects of these; see `QueryResult.rows`."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return plain(int(value))
        near = float(value)
        return near if Decimal(repr(near)) == value else str(value)
    if isinstance(value, dict):
        members = cast("dict[Any, Any]", value)
        return {str(plain(key)): plain(item) for key, item in members.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        precision = "microseconds" if value.microsecond % 1000 else "milliseconds"
        text = value.isoformat(timespec=precision)
        return f"{text}Z" if value.tzinfo is None else text.replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date | time_of_day | timedelta | UUID):
        return str(value)
    return str(value)
