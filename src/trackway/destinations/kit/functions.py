"""Expressions made of a function and values: texts, numbers, times, money, objects."""

from itertools import islice
from typing import Any, cast

from trackway.destinations.kit import values
from trackway.destinations.kit.amounts import as_minor_units, as_money, product_of, total_of
from trackway.destinations.kit.expressions import Like, call


def text(value: Like) -> call:
    """Return a value as text; see `values.as_text`."""
    return call(values.as_text, value)


def number(value: Like) -> call:
    """Return a value as a number."""
    return call(values.as_number, value)


def money(value: Like) -> call:
    """Return an amount of money as a number: `"$1,249.50"` is 1249.5."""
    return call(as_money, value)


def minor_units(amount: Like, currency: Like = None) -> call:
    """Return an amount in the currency's smallest unit: 19.99 EUR is 1999."""
    return call(as_minor_units, amount, currency)


def times(price: Like, quantity: Like) -> call:
    """Return price × quantity; no quantity is 1."""
    return call(product_of, price, quantity)


def order_value(products: Like) -> call:
    """Return the sum of price × quantity over a list of products."""
    return call(total_of, products)


def epoch_ms(value: Like) -> call:
    """Return a point in time in milliseconds since 1970."""
    return call(values.epoch_ms, value)


def epoch_s(value: Like) -> call:
    """Return a point in time in seconds since 1970."""
    return call(values.epoch_s, value)


def iso(value: Like) -> call:
    """Return a point in time as `2026-11-20T10:00:00.250Z`."""
    return call(values.iso, value)


def iso_day(value: Like) -> call:
    """Return the day of a point in time as `2026-11-20`."""
    return call(values.iso_day, value)


def cut(value: Like, *, chars: int | None = None, size_bytes: int | None = None) -> call:
    """Return the beginning of a text: `chars` characters, or `size_bytes` bytes of UTF-8, at the most."""
    return call(_cut, value, chars, size_bytes)


def at_most(value: Like, count: int) -> call:
    """Return the first `count` items of a list, or members of an object."""
    return call(_at_most, value, count)


def lower(value: Like) -> call:
    """Return a text in lower case."""
    return call(_lower, value)


def upper(value: Like) -> call:
    """Return a text in upper case."""
    return call(_upper, value)


def without(value: Like, *names: str) -> call:
    """Return an object without some members."""
    return call(values.without, value, frozenset(names))


def only(value: Like, *names: str) -> call:
    """Return an object with some members only."""
    return call(values.only, value, names)


def flatten(value: Like, separator: str = ".", *, lists: bool = True) -> call:
    """Return an object with no object within it."""
    return call(values.flatten, value, separator, lists=lists)


def json_text(value: Like) -> call:
    """Return a value as JSON text."""
    return call(_json_text, value)


def _cut(value: Any, chars: int | None, size_bytes: int | None) -> Any:
    if not isinstance(value, str):
        return value
    whole = value[:chars]
    return whole if size_bytes is None else whole.encode("utf-8", "replace")[:size_bytes].decode("utf-8", "ignore")


def _at_most(value: Any, count: int) -> Any:
    if isinstance(value, dict):
        return dict(islice(cast("dict[str, Any]", value).items(), count))
    return cast("list[Any]", value)[:count] if isinstance(value, list) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _json_text(value: Any) -> str:
    return values.spoken(value) if isinstance(value, dict | list) else values.encode_json(value)
