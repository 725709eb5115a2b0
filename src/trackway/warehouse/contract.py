"""What a warehouse promises to its loader and to those who query it. `duckdb.py` is the one at hand.

Rows and the position in the log are committed together: whoever opens the warehouse after a crash reads on from the
position that stands in it, and every event has its rows exactly once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import Any, Protocol

from msgspec import Struct

from trackway.errors import TrackwayError
from trackway.events.records import EventRecord
from trackway.warehouse.naming import Rules, schema_name


class WarehouseError(TrackwayError):
    """A warehouse cannot do what was asked; the message says why and what to do."""


class QueryError(WarehouseError):
    """A query failed; `position` is where in its text (characters from 0), when the database tells."""

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class QueryRefused(QueryError):
    """The statement is not a single question: only reading is allowed here."""


class QueryTimeout(QueryError):
    """The query took longer than it was given and was stopped."""


class QueryCancelled(QueryError):
    """Whoever asked no longer wants the answer, and the query was stopped."""


class LoadReport(Struct, frozen=True, kw_only=True):
    """What one load did."""

    at: datetime
    """When it was committed, aware UTC; the rows' `uuid_ts` is the moment it began."""
    duration_s: float
    events: int
    """Events taken from the log, also those that became no row."""
    rows: dict[str, int]
    """Rows written, by `schema.table`; for `users` and `accounts` the people and groups touched."""
    left_out: int = 0
    """Events whose `integrations` keep them from this warehouse."""
    unreadable: int = 0
    """Events whose body is no JSON object: they have a row, with the columns that the log itself knows."""
    columns_added: list[str] = []
    """`schema.table.column`, columns of new tables not counted."""
    columns_widened: dict[str, str] = {}
    """`schema.table.column` to its new type."""
    diverted: dict[str, int] = {}
    """`schema.table.column` to how many of its values did not fit and stand in the rows' `_rest`."""


class QueryResult(Struct, frozen=True, kw_only=True):
    """A table of answers that any JSON encoder takes."""

    columns: list[str]
    types: list[str]
    """The database's own type names, one a column."""
    rows: list[list[Any]]
    """Text, numbers, booleans and null; lists and objects of these. An integer beyond 2^53 is text."""
    truncated: bool
    """True when there were more rows than `limit`."""
    duration_s: float


class Reader(Protocol):
    """A database that is asked. Any thread may ask."""

    def query(self, sql: str, *, limit: int = 1000, timeout_s: float = 30.0, stop: Event | None = None) -> QueryResult:
        """Answer one reading statement with at most `limit` rows; setting `stop` cancels it, from another thread.

        Raises:
            QueryRefused: it is not one reading statement.
            QueryTimeout: it took longer than `timeout_s`.
            QueryCancelled: `stop` was set before the end.
            QueryError: the database says what is wrong with it.
        """
        ...

    def close(self) -> None:
        """Free the database for other processes."""
        ...


class Warehouse(Reader, Protocol):
    """A database that events are loaded into. One thread loads; any thread may query."""

    def positions(self, topic: str) -> dict[int, int]:
        """Return the next offset to load, by partition, as last committed; empty before the first load."""
        ...

    def load(self, records: Sequence[EventRecord], topic: str, positions: Mapping[int, int]) -> LoadReport:
        """Write the rows of `records` and remember `positions`, all in one transaction.

        On return both survive a crash of this process and of the machine. After an error `positions` tells whether
        all of it was written, or nothing, as is usual.

        Raises:
            WarehouseError: with what the database said.
        """
        ...

    def interrupt(self) -> None:
        """Make a running `load` fail at its next statement. Safe from any thread."""
        ...


def check_schemas(sources: Sequence[str], rules: Rules) -> None:
    """Raise WarehouseError when two sources would share a schema."""
    owner: dict[str, str] = {}
    for source in sources:
        schema = schema_name(source, rules)
        if schema in owner:
            raise WarehouseError(
                f"the sources {owner[schema]} and {source} would share the schema {schema}; rename one of them"
            )
        owner[schema] = source
