"""The warehouses that the contract is tried on, and what a test needs to know of each."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from trackway.warehouse.columns import text_of
from trackway.warehouse.contract import QueryError, Warehouse
from trackway.warehouse.instants import is_date_time, parse_instant


class Backend(NamedTuple):
    """One kind of warehouse, with a place of its own."""

    name: str
    open: Callable[..., Warehouse]
    """Open what is there, or make it; keywords as the warehouse's own."""
    clear: Callable[[], None]
    """Make the place empty again; no warehouse is open."""


def rows_of(warehouse: Warehouse, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table in the order of `id`, without NULLs and `uuid_ts`; `_rest` as an object."""
    try:
        result = warehouse.query(f"SELECT * FROM {table} ORDER BY id", limit=10_000)
    except QueryError as error:
        if "does not exist" in str(error):
            return []
        raise
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    for row in rows:
        if isinstance(row.get("_rest"), str):
            row["_rest"] = json.loads(row["_rest"])
    return [{name: value for name, value in row.items() if value is not None and name != "uuid_ts"} for row in rows]


def value_of(row: Mapping[str, Any], name: str) -> Any:
    """Return a row's value: of its column, or of `_rest`, which has what does not fit there."""
    rest = row.get("_rest", {})
    if name not in rest:
        return row.get(name)
    # PostgreSQL has a text with NUL in it as the JSON text that says so.
    value = rest[name]
    return json.loads(value["json"]) if isinstance(value, dict) and value.keys() == {"json"} else value


def meaning(value: Any) -> Any:
    """Return what a value says, however it is written: numbers and instants have several spellings."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return parse_instant(value) if is_date_time(value) else value
        return str(int(value)) if value.lstrip("-").isdigit() else repr(number)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= 1 << 53 else repr(value)
    return text_of(value)
