"""The rows of an event in the warehouse."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from trackway.errors import TrackwayError
from trackway.events.clock_skew import format_ms
from trackway.events.records import EventRecord
from trackway.warehouse.contract import QueryResult
from trackway.warehouse.naming import event_name, schema_name
from trackway.warehouse.opening import rules_of
from trackway.workspace.model import Warehouse

Ask = Callable[[str, int], QueryResult]
"""Answer a statement with at most so many rows."""

_TABLES = {
    "identify": "identifies",
    "page": "pages",
    "screen": "screens",
    "group": "groups",
    "alias": "aliases",
}


class RowStory(Struct, kw_only=True):
    """One row of an event."""

    table: str
    """`schema.table`."""
    values: dict[str, Any]
    """By column; what is NULL is left out."""


def rows_of(ask: Ask, settings: Warehouse, event: EventRecord) -> list[RowStory]:
    """Return the rows that the warehouse has of `event`; none when it has no such table, or does not answer."""
    rules = rules_of(settings)
    schema = schema_name(event.source, rules)
    tables = [_TABLES[event.type]] if event.type in _TABLES else ["tracks", event_name(event.name, rules).table]
    found: list[RowStory] = []
    for table in tables:
        # Rows lie by time of receipt, so that this reads a few blocks of the table, not its ids from end to end.
        sql = (
            f'SELECT * FROM "{schema}"."{table}" WHERE received_at = '  # noqa: S608 - names are [a-z0-9_]
            f"TIMESTAMPTZ '{format_ms(event.received_at_ms)}' AND id = {_quoted(event.message_id)}"
        )
        try:
            result = ask(sql, 10)
        except TrackwayError:
            continue
        for row in result.rows:
            values = {name: value for name, value in zip(result.columns, row, strict=True) if value is not None}
            found.append(RowStory(table=f"{schema}.{table}", values=values))
    return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
