"""What a warehouse knows of people and groups: their traits, and who has an e-mail address."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from trackway.errors import TrackwayError
from trackway.warehouse.contract import QueryResult

Ask = Callable[[str, int], QueryResult]
"""Answers one reading statement with so many rows at the most."""
_SCHEMAS = "select table_schema from information_schema.tables where table_name = '{}' order by table_schema"
_NO_TRAITS = frozenset({"id", "received_at", "uuid_ts"})
_MOST_IDS = 100
_MOST_ROWS = 1000
_MOST_FOUND = 20


class SourceTraits(Struct, frozen=True, kw_only=True):
    """What one source said last of a user or a group."""

    source: str
    """The schema of its tables."""
    id: str
    received_at: Any
    """Of the newest call."""
    traits: dict[str, Any]
    """By the names of the table's columns; those without a value are not there."""


class Profiles:
    """Reads the tables `users` and `accounts` of all sources. Its methods may block."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def traits(self, user_ids: Sequence[str]) -> list[SourceTraits]:
        """Return what is known of these users, the oldest first; nothing where no warehouse can be asked."""
        return self._traits("users", user_ids)

    def group_traits(self, group_id: str) -> list[SourceTraits]:
        """Return what is known of a group, the oldest first; nothing where no warehouse can be asked."""
        return self._traits("accounts", [group_id])

    def users_of(self, email: str) -> list[str]:
        """Return the ids of the users who have this e-mail address, in any case of its letters."""
        rows = self._of_each_source("users", "id", f"lower(email) = lower({_text(email)})")
        return list(dict.fromkeys(str(row["id"]) for _, row in rows))[:_MOST_FOUND]

    def _traits(self, table: str, ids: Sequence[str]) -> list[SourceTraits]:
        if not ids:
            return []
        wanted = ", ".join(map(_text, ids[:_MOST_IDS]))
        found = [
            SourceTraits(
                source=schema,
                id=str(row.get("id")),
                received_at=row.get("received_at"),
                traits={name: value for name, value in row.items() if value is not None and _is_trait(name)},
            )
            for schema, row in self._of_each_source(table, "*", f"id in ({wanted})")
        ]
        return sorted(found, key=lambda one: str(one.received_at))

    def _of_each_source(self, table: str, columns: str, condition: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield rows of each source's table with its schema; one that has no such column has none."""
        for schema in self._schemas(table):
            try:
                # Values in it are quoted by `_text`, the name by `_name`; the table is one of two.
                answer = self._ask(f"select {columns} from {_name(schema)}.{table} where {condition}", _MOST_ROWS)  # noqa: S608
            except TrackwayError:
                continue
            yield from ((schema, dict(zip(answer.columns, row, strict=True))) for row in answer.rows)

    def _schemas(self, table: str) -> list[str]:
        try:
            return [str(row[0]) for row in self._ask(_SCHEMAS.format(table), _MOST_ROWS).rows]
        except TrackwayError:
            return []


def _is_trait(column: str) -> bool:
    return column not in _NO_TRAITS and not column.startswith(("context_", "_"))


def _text(value: str) -> str:
    return "'" + value.replace("\x00", "").replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
