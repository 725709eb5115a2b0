"""What can be done with a warehouse besides loading and asking: recount it, rebuild its tables, copy it."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from trackway.warehouse.columns import Kind
from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.history import History, Step

TYPES = {
    "boolean": Kind.BOOLEAN,
    "integer": Kind.INTEGER,
    "decimal": Kind.DECIMAL,
    "float": Kind.FLOAT,
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMP,
    "text": Kind.TEXT,
}
"""What `trackway warehouse retype` takes; besides, `auto` gives a column back to its values."""


class TableCount(Struct, frozen=True, kw_only=True):
    """A table against the log."""

    table: str
    """`schema.table`."""
    log: int
    """Rows that the log says it must have."""
    rows: int
    """Rows that it has of those that the log can say anything about."""
    missing: int
    """Rows of the log that it has not."""
    surplus: int
    """Rows that it has, or has once more, and the log has not."""

    @property
    def differences(self) -> int:
        """0 when all is well."""
        return self.missing + self.surplus


class Rebuilt(Struct, frozen=True, kw_only=True):
    """What a rebuild did."""

    table: str
    rows: int
    carried: int
    """Rows whose events the log has no more: they were taken over from the table as it was."""
    diverted: int
    """Values that did not fit and stand in `_rest`."""


@runtime_checkable
class Maintained(Protocol):
    """A warehouse with upkeep. Each method may be called from any thread, also while loads go on."""

    def recount(self, history: History, step: Step) -> list[TableCount]:
        """Count each table against the events that were loaded."""
        ...

    def rebuild(self, table: str, history: History, step: Step) -> Rebuilt:
        """Make a table anew from the log and put it in the old one's place at once.

        Loads and questions go on meanwhile. Raises WarehouseError when there is no such table.
        """
        ...

    def retype(self, table: str, column: str, kind: Kind | None, history: History, step: Step) -> Rebuilt:
        """Give a column a type, None its values', and rebuild the table."""
        ...

    def snapshot(self, path: Path, *, begin: Step = ..., step: Step = ...) -> None:
        """Copy all that is committed to a database file of its own, which replaces the one at `path` at once.

        `begin` hears of the bytes that there are, `step` of those that are copied. Raises WarehouseError where other
        programs read the warehouse itself; `NO_COPY` says why.
        """
        ...


NO_COPY = {
    "postgres": "is a PostgreSQL database: connect to it, or copy it with pg_dump",
    "files": "is a warehouse of files, which any tool may read where they are",
}
"""Why the other types of warehouses need no copy for other tools."""


def kind_of(name: str) -> Kind | None:
    """Return the type of this name, None for `auto`.

    Raises:
        WarehouseError: there is none.
    """
    if name != "auto" and name not in TYPES:
        raise WarehouseError(f"{name} is no type of a column; there are: {', '.join([*TYPES, 'auto'])}")
    return TYPES.get(name)
