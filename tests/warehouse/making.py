"""Events and warehouses for the tests of this folder."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from trackway.events.records import EVENTS, EventRecord, Place, encode
from trackway.log.sqlite import SqliteLog
from trackway.warehouse.contract import Warehouse
from trackway.warehouse.duckdb import DuckDBWarehouse

RECEIVED_MS = 1_767_225_600_000
_numbers = itertools.count()
REGISTER = b"""
{"type":"track","messageId":"m1","userId":"u1","anonymousId":"a1","event":"Register",
 "properties":{"plan":"Pro Annual","accountType":"Facebook","meta":{"A/B":{"x1Y":true}},"tags":["a",{"b":1}],
               "none":null,"event":"x"},
 "context":{"library":{"name":"analytics.js"},"traits":{"email":"a@b.c"}},
 "originalTimestamp":"2026-01-01T01:00:00.100+01:00","sentAt":"2026-01-01T00:00:00.140Z"}
"""
"""The body of the contract's example."""


def event(kind: str = "track", message_id: str | None = None, **fields: Any) -> EventRecord:
    """Return a clean event; `fields` are its body's, in the spec's spelling, and `source`."""
    number = next(_numbers)
    source = fields.pop("source", "shop")
    body = {"type": kind, "messageId": message_id or f"m{number:06}", **fields}
    name = fields.get("event", "Clicked") if kind == "track" else fields.get("name", "")
    return EventRecord(
        source=source,
        type=kind,
        message_id=body["messageId"],
        name=name if isinstance(name, str) else "",
        user_id=fields.get("userId"),
        anonymous_id=fields.get("anonymousId"),
        received_at_ms=RECEIVED_MS,
        timestamp_ms=RECEIVED_MS - 40,
        raw=Place(0, number),
        body=msgspec.json.encode(body),
    )


def put(log: SqliteLog, warehouse: Warehouse, *records: EventRecord) -> None:
    """Append to the log, and load it into a warehouse that has all that came before."""
    append(log, *records)
    warehouse.load(records, EVENTS, log.heads(EVENTS))


def append(log: SqliteLog, *records: EventRecord) -> None:
    """Append to the log alone."""
    with log.writer(0) as writer:
        writer.append({EVENTS: [encode(record) for record in records]})


def silent(count: int) -> None:
    """Take no notice of a step."""


class Loading:
    """Loads events one load after the other."""

    def __init__(self, warehouse: DuckDBWarehouse) -> None:
        self.warehouse = warehouse
        self._next = 0

    def __call__(self, *records: EventRecord):
        """Load `records` in one load and return its report."""
        self._next += len(records)
        return self.warehouse.load(records, EVENTS, {0: self._next})


def rows_of(warehouse: DuckDBWarehouse, table: str, *, order: str = "id") -> list[dict[str, Any]]:
    """Return the rows of a table by column, without NULLs and `uuid_ts`."""
    result = warehouse.query(f"SELECT * EXCLUDE uuid_ts FROM {table} ORDER BY {order}", limit=10_000)
    return [
        {name: value for name, value in zip(result.columns, row, strict=True) if value is not None}
        for row in result.rows
    ]


def column_of(warehouse: DuckDBWarehouse, table: str, column: str) -> tuple[str, list[Any]]:
    """Return a column's type and its values in the order of `id`."""
    result = warehouse.query(f"SELECT {column} FROM {table} ORDER BY id", limit=10_000)
    return result.types[0], [row[0] for row in result.rows]


def types_of(warehouse: DuckDBWarehouse, table: str) -> dict[str, str]:
    """Return the columns of a table in their order, with their types."""
    return {row[0]: row[1] for row in warehouse.query(f"DESCRIBE {table}").rows}


def batched(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Yield the numbers, so many at a time."""
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def numbered(records: Sequence[EventRecord]) -> list[EventRecord]:
    """Give the events ids that sort in their order."""
    return [msgspec.structs.replace(record, message_id=f"m{number:06}") for number, record in enumerate(records)]
