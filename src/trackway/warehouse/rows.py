"""The calls of one source, sorted by the tables that they become rows of."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from msgspec import Raw

from trackway.events.records import EventRecord
from trackway.warehouse.body import Body
from trackway.warehouse.naming import (
    RESERVED_COLUMNS,
    Rules,
    column_name,
    context_column_name,
    event_name,
    schema_name,
)
from trackway.warehouse.objects import Shape

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
# `name` and `category` of a page are the properties of those names too, so these are not kept apart.
_RESERVED = {"groups": RESERVED_COLUMNS | {"group_id"}, "aliases": RESERVED_COLUMNS | {"previous_id"}}

HasRoom = Callable[[str, str], bool]
"""Say whether an event's table, by schema and name, is there or can be made."""


class HasTables(Protocol):
    """Tables that are in a database."""

    def has(self, schema: str, table: str) -> bool:
        """Say whether there is this table."""
        ...

    def tables_of(self, schema: str) -> int:
        """Return how many tables the schema has."""
        ...


def room_for(tables: HasTables, most_tables: int) -> HasRoom:
    """Return what says, during one load, whether a schema of at most so many tables has room for one more."""
    made: dict[str, set[str]] = {}

    def has_room(schema: str, table: str) -> bool:
        new = made.setdefault(schema, set())
        if table in new or tables.has(schema, table):
            return True
        if tables.tables_of(schema) + len(new) >= most_tables:
            return False
        new.add(table)
        return True

    return has_room


class Shapes:
    """What a warehouse learned of the objects that come, by schema and table: see `objects.Shape`."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._shapes: dict[tuple[str, str], Shape] = {}

    def context(self, schema: str) -> Shape:
        """Of the context of all calls of a source."""
        return self._get(schema, "")

    def table(self, schema: str, table: str) -> Shape:
        """Of the properties or traits of the calls in a table."""
        return self._get(schema, table)

    def _get(self, schema: str, table: str) -> Shape:
        shape = self._shapes.get((schema, table))
        if shape is None:
            if table:
                reserved = _RESERVED.get(table, RESERVED_COLUMNS)
                shape = Shape(partial(column_name, rules=self.rules, reserved=reserved))
            else:
                shape = Shape(partial(context_column_name, rules=self.rules))
            self._shapes[schema, table] = shape
        return shape


class TableCalls:
    """The calls that are rows of one table, in the order of the log."""

    __slots__ = ("bodies", "name", "own", "records", "slug")

    def __init__(self, name: str, slug: str = "", own: tuple[str, ...] = ()) -> None:
        self.name = name
        """Empty: of events that have no table of their own, for want of room."""
        self.slug = slug
        """Of the event; empty for other calls than track."""
        self.own = own
        """Columns that hold a field of the call itself; always text."""
        self.records: list[EventRecord] = []
        self.bodies: list[Body] = []

    @property
    def objects(self) -> list[Raw]:
        """The properties or the traits of each call."""
        if self.slug or self.name in ("pages", "screens"):
            return [body.properties for body in self.bodies]
        return [body.traits for body in self.bodies]


class SourceCalls:
    """All calls of one source in a load."""

    def __init__(self, source: str, rules: Rules, has_room: HasRoom) -> None:
        self.schema = schema_name(source, rules)
        self._events: dict[str, TableCalls] = {}
        """By table."""
        self._standard: dict[str, TableCalls] = {}
        self._rules = rules
        self._has_room = has_room

    @property
    def tracks(self) -> list[TableCalls]:
        """The track calls by their event's table."""
        return list(self._events.values())

    @property
    def others(self) -> list[TableCalls]:
        """All other calls by their table."""
        return list(self._standard.values())

    def table_of(self, record: EventRecord) -> TableCalls:
        """Return where a call of a type that has a table belongs."""
        return self._event(record.name) if record.type == "track" else self._call(record.type)

    def _event(self, event: str) -> TableCalls:
        name = event_name(event, self._rules)
        calls = self._events.get(name.table)
        if calls is None:
            table = name.table if self._has_room(self.schema, name.table) else ""
            calls = self._events[name.table] = TableCalls(table, name.slug)
        return calls

    def _call(self, kind: str) -> TableCalls:
        name = STANDARD[kind]
        calls = self._standard.get(name)
        if calls is None:
            calls = self._standard[name] = TableCalls(name, own=_OWN[name])
        return calls
