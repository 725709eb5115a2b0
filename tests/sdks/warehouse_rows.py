"""Which rows an event must have in the warehouse: a small second implementation of contract's rules, slow and plain."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import duckdb

from tests.running import Trackway

Row = dict[str, Any]

_RESERVED = {
    "id", "anonymous_id", "user_id", "received_at", "sent_at", "timestamp", "original_timestamp", "event",
    "event_text", "uuid", "uuid_ts", "loaded_at",
}  # fmt: skip
_RESERVED_HERE = {"groups": {"group_id"}, "accounts": {"group_id"}, "aliases": {"previous_id"}}
_TABLES = {"identify": "identifies", "page": "pages", "screen": "screens", "group": "groups", "alias": "aliases"}
_STANDARD = {"tracks", "users", "accounts", *_TABLES.values()}
_LARGEST_EXACT = (1 << 53) - 1


def check_rows(trackway: Trackway, events: list[dict[str, Any]], everything: list[dict[str, Any]]) -> None:
    """Compare the rows of `events` with the warehouse, column by column in both directions.

    `everything` is all events of the log in its order, for `users` and `accounts`, which hold the latest.
    """
    expected: dict[str, dict[str, Row]] = {}
    for event in events:
        for table, row in rows_of(event).items():
            expected.setdefault(table, {})[row["id"]] = row
    for table, kind, key in (("users", "identify", "userId"), ("accounts", "group", "groupId")):
        ids = {event[key] for event in events if event["type"] == kind and key in event}
        latest = latest_traits(table, kind, key, everything)
        if ids:
            expected[table] = {each: latest[each] for each in ids}
    for table, rows in expected.items():
        found = trackway.table(f'select * from web."{table}"').dicts()
        mine = [row for row in found if row["id"] in rows]
        assert len(mine) == len(rows), f"{table}: {len(mine)} rows for {len(rows)} ids"
        for row in mine:
            check_row(table, row, rows[row["id"]])


def check_row(table: str, found: Row, expected: Row) -> None:
    """Compare one row; `found` has no nulls."""
    written_at = found.pop("uuid_ts")
    assert _instant(written_at) >= _instant(found["received_at"])
    assert sorted(found) == sorted(expected), f"the columns of a row in {table}"
    wrong = {name: (found[name], value) for name, value in expected.items() if not is_same(found[name], value)}
    assert not wrong, f"{table}: found and expected differ in {wrong}"


def rows_of(event: dict[str, Any]) -> dict[str, Row]:
    """Return the rows of an event by table, `users` and `accounts` aside; no column without a value."""
    if event["type"] == "track":
        slug = snake_case(event["event"])
        own = {"event": slug, "event_text": event["event"]}
        table = f"_{slug}" if slug in _STANDARD else _unquoted(slug)
        return {"tracks": _row(event, own, "tracks", {}), table: _row(event, own, table, event["properties"])}
    table = _TABLES[event["type"]]
    fields = {"page": ("name", "category"), "screen": ("name", "category"), "group": ("groupId",)}
    fields["alias"] = ("previousId",)
    own = {snake_case(name): event[name] for name in fields.get(event["type"], ()) if name in event}
    return {table: _row(event, own, table, event.get("traits") or event.get("properties") or {})}


def latest_traits(table: str, kind: str, key: str, events: Iterable[dict[str, Any]]) -> dict[str, Row]:
    """Return the rows of `users` or `accounts`: the latest value of each trait, the context of the last call.

    Latest by the time of the call; of calls at the same time the one that arrived last.
    """
    rows: dict[str, Row] = {}
    for event in sorted(events, key=lambda event: _instant(event["timestamp"])):
        if event["type"] != kind or key not in event:
            continue
        row = rows.setdefault(event[key], {"id": event[key]})
        row["received_at"] = event["receivedAt"]
        for path, value in leaves(event["traits"]):
            row[column(path, table)] = value
        for name in [name for name, value in row.items() if value is None or name.startswith("context_")]:
            del row[name]
        row.update(_context(event))
    return rows


def _row(event: dict[str, Any], own: Row, table: str, values: dict[str, Any]) -> Row:
    row: Row = {
        "id": event["messageId"],
        "anonymous_id": event.get("anonymousId"),
        "user_id": event.get("userId"),
        "received_at": event["receivedAt"],
        "sent_at": event.get("sentAt"),
        "original_timestamp": event["originalTimestamp"],
        "timestamp": event["timestamp"],
        **own,
        **_context(event),
    }
    for path, value in leaves(values):
        name = column(path, table)
        if row.get(name) is None:
            row[name] = value
    return {name: value for name, value in row.items() if value is not None}


def _context(event: dict[str, Any]) -> Row:
    found: Row = {}
    for path, value in leaves(event["context"]):
        if value is not None:
            found.setdefault("_".join(("context", *map(snake_case, path))), value)
    return found


def leaves(value: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what is not an object in nested objects, with the keys that lead to it; an empty object is nothing."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from leaves(item, (*path, key))
        else:
            yield (*path, key), item


def column(path: tuple[str, ...], table: str) -> str:
    """Return the name of a property's or trait's column."""
    name = "_".join(map(snake_case, path))
    taken = name in _RESERVED | _RESERVED_HERE.get(table, set()) or name.startswith("context_")
    return f"_{name}" if taken else _unquoted(name)


def snake_case(name: str) -> str:
    """Segment's rule, as the contract prints it."""
    return b"_".join(re.findall(rb"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+", name.encode())).lower().decode()


def _unquoted(name: str) -> str:
    """`name` such that it can be written without quotes."""
    return f"_{name}" if name[0].isdigit() or name in _words_that_need_quotes() else name


@cache
def _words_that_need_quotes() -> set[str]:
    with duckdb.connect() as connection:
        words = [word for (word,) in connection.execute("select keyword_name from duckdb_keywords()").fetchall()]
        return {word for word in words if not _works_unquoted(connection, word)}


def _works_unquoted(connection: duckdb.DuckDBPyConnection, word: str) -> bool:
    try:
        connection.execute(f"create or replace temp table {word} as select 1 as {word}")
        connection.execute(f"select {word} from {word}")
    except duckdb.Error:
        return False
    return True


def is_same(found: Any, sent: Any) -> bool:
    """Say whether a value of the warehouse, as its JSON answer has it, is the one that was sent."""
    if isinstance(sent, bool) or isinstance(found, bool):
        return found is sent
    if isinstance(sent, list):
        return isinstance(found, str) and json.loads(found) == sent
    if isinstance(sent, int) and abs(sent) > _LARGEST_EXACT:
        return found == str(sent)
    if isinstance(sent, str) and isinstance(found, str):
        return found == sent or (_is_date_time(sent) and _is_date_time(found) and _instant(found) == _instant(sent))
    return type(found) in (int, float) and found == sent


def _is_date_time(text: str) -> bool:
    return re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text) is not None


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
