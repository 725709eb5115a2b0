"""The calls of one source, sorted into the rows of its tables.

Plain Python lists; `chunks.py` makes Arrow columns of them.
"""

from functools import partial
from typing import Any

from trackway.events.records import EventRecord
from trackway.warehouse.body import Body
from trackway.warehouse.flatten import Columns, as_object
from trackway.warehouse.naming import (
    RESERVED_COLUMNS,
    EventName,
    Rules,
    column_name,
    context_column_name,
    event_name,
    schema_name,
)

TRACKS = "tracks"
STANDARD = {"identify": "identifies", "page": "pages", "screen": "screens", "group": "groups", "alias": "aliases"}
"""The table of each call but track."""
_OWN = {
    "identifies": (),
    "pages": ("name", "category"),
    "screens": ("name", "category"),
    "groups": ("group_id",),
    "aliases": ("previous_id",),
}
_OF_TRACKS = ("event", "event_text")
# `name` and `category` of a page are the properties of those names too, so these are not kept apart.
_RESERVED = {"groups": RESERVED_COLUMNS | {"group_id"}, "aliases": RESERVED_COLUMNS | {"previous_id"}}


class TableRows:
    """The rows of one table: which calls they are, and what they hold besides the columns that every call has."""

    __slots__ = ("calls", "own", "values")

    def __init__(self, name: str, own: tuple[str, ...], rules: Rules) -> None:
        reserved = _RESERVED.get(name, RESERVED_COLUMNS)
        self.calls: list[int] = []
        self.own: dict[str, list[Any]] = {column: [] for column in own}
        """Columns that hold a field of the call itself; always text."""
        self.values = Columns(partial(column_name, rules=rules, reserved=reserved))
        """Properties or traits; of no rows at all in `tracks`."""


class SourceRows:
    """All calls of one source in a load."""

    def __init__(self, source: str, rules: Rules) -> None:
        self.schema = schema_name(source, rules)
        self.records: list[EventRecord] = []
        self.sent_at: list[Any] = []
        self.original_timestamp: list[Any] = []
        self.contexts = Columns(partial(context_column_name, rules=rules))
        self.tables: dict[str, TableRows] = {}
        self._rules = rules
        self._events: dict[str, tuple[EventName, TableRows]] = {}

    def add(self, record: EventRecord, body: Body) -> None:
        """Add a call; its row appears in the table of its type, and a track call's in that of its event too."""
        call = len(self.records)
        self.records.append(record)
        self.sent_at.append(body.sent_at)
        self.original_timestamp.append(body.original_timestamp)
        self.contexts.add(as_object(body.context))
        if record.type == "track":
            self._add_track(call, record.name, as_object(body.properties))
        else:
            self._add_standard(call, record.type, body)

    def _add_track(self, call: int, event: str, properties: dict[str, Any]) -> None:
        found = self._events.get(event)
        if found is None:
            name = event_name(event, self._rules)
            found = self._events[event] = (name, self._table(name.table, _OF_TRACKS))
        name, table = found
        table.values.add(properties)
        for rows in (table, self._table(TRACKS, _OF_TRACKS)):
            rows.calls.append(call)
            rows.own["event"].append(name.slug)
            rows.own["event_text"].append(event)

    def _add_standard(self, call: int, kind: str, body: Body) -> None:
        name = STANDARD[kind]
        table = self._table(name, _OWN[name])
        table.calls.append(call)
        for field in table.own:
            table.own[field].append(getattr(body, field))
        table.values.add(as_object(body.properties if kind in ("page", "screen") else body.traits))

    def _table(self, name: str, own: tuple[str, ...]) -> TableRows:
        table = self.tables.get(name)
        if table is None:
            table = self.tables[name] = TableRows(name, own, self._rules)
        return table
