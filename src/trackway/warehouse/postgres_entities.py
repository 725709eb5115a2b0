# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Users and accounts in PostgreSQL: the newer of what is stored and what came, trait by trait.

The moments of the traits stand in `_trackway."<schema>.users"`: a row for each id, with a column for each trait and one
more, whose name has a space, for the last call. What came goes by COPY into a temporary table and is merged from there;
that table stays as long as the session, as making one each time would bloat PostgreSQL's own tables.

Ids are looked up in hash indexes: unique ones refuse ids of more than 2.7 kB, and one loader, which merges before it
inserts, makes one row of each id by itself.
"""

from collections.abc import Iterable

import psycopg
import pyarrow as pa
from psycopg import Connection
from psycopg.rows import TupleRow

from trackway.warehouse.chunks import CONTEXT, REST, Chunk
from trackway.warehouse.columns import Kind
from trackway.warehouse.entities import Latest
from trackway.warehouse.postgres_copy import copy_rows
from trackway.warehouse.postgres_names import fitted, listed, literal, quoted
from trackway.warehouse.postgres_types import TYPES

STATE = "_trackway"
UUID_TS = "uuid_ts"
MOST_COLUMNS = 250
"""Of these tables. A row of them grows with each call, and has to fit PostgreSQL's 8 kB with all its moments."""
LAST_CALL = "last call"
_MOMENT = TYPES[Kind.TIMESTAMP]
_STORED_CALL = quoted("stored call")
_IS_LAST = f"new.{quoted(LAST_CALL)} >= coalesce(new.{_STORED_CALL}, '-infinity')"
# Both are JSON objects. Of a trait the side that wins has the member or has not; any other that both have is the newer
# call's.
_NEWEST_REST = """
    CASE WHEN old._rest IS NOT NULL OR {new} IS NOT NULL THEN
    (SELECT json_object_agg(key, value) FROM (SELECT DISTINCT ON (key) key, value FROM (
        SELECT key, value, CASE WHEN {last} THEN 1 ELSE 3 END AS age FROM json_each({new})
        WHERE (key = ANY({stood})) IS NOT TRUE
        UNION ALL SELECT key, value, 2 FROM json_each(old._rest)
        WHERE (key = ANY({came})) IS NOT TRUE) AS members ORDER BY key, age) AS newest) END
"""


class Entities:
    """Merges into the tables of users and accounts, in the caller's transaction."""

    def __init__(self, connection: Connection[TupleRow]) -> None:
        self._connection = connection
        self._staging: dict[str, tuple[str, ...]] = {}
        """By temporary table of this session: its columns."""
        self._moments: dict[str, set[str]] = {}
        """By quoted name of a table of moments: its columns."""

    def merge(self, chunk: Chunk, latest: Latest, rows: pa.Table, types: dict[str, str]) -> None:
        """Merge `rows` into the chunk's table, whose columns have these `types`."""
        moments = self._moments_table(chunk, latest.times)
        traits = [name for name in latest.times if name in self._moments[moments]]
        source = rows.append_column(LAST_CALL, latest.at)
        for number, name in enumerate(traits):
            source = source.append_column(_time(number), latest.times[name])
        incoming = self._stage(chunk, source, types)
        copy_rows(self._connection, incoming, source)
        self._update(chunk, rows.column_names, traits, incoming, moments, types)
        self._insert(quoted(chunk.schema, chunk.table), {name: name for name in rows.column_names}, incoming)
        self._merge_moments(moments, traits, incoming)

    def _update(
        self, chunk: Chunk, columns: list[str], traits: list[str], incoming: str, moments: str, types: dict[str, str]
    ) -> None:
        wins = {name: quoted(f"{number} wins") for number, name in enumerate(traits)}
        newer = "".join(
            f", coalesce({quoted(_time(number))} >= coalesce(stored.{quoted(name)}, '-infinity'), false) AS {win}"
            for number, (name, win) in enumerate(wins.items())
        )
        updates: dict[str, str] = {}
        for name in types:
            new, old = (f"new.{quoted(name)}" if name in columns else "NULL"), f"old.{quoted(name)}"
            if name in wins:
                updates[name] = f"CASE WHEN new.{wins[name]} THEN {new} ELSE {old} END"
            elif name == REST:
                came, stood = _traits_where("", wins), _traits_where("NOT ", wins)
                new = f"{new}::json" if name not in columns else new
                updates[name] = _NEWEST_REST.format(new=new, last=_IS_LAST, came=came, stood=stood)
            elif name.startswith(CONTEXT) or name == "received_at":
                updates[name] = f"CASE WHEN {_IS_LAST} THEN {new} ELSE {old} END"
            elif name == UUID_TS:
                updates[name] = new
        self._run(
            f"UPDATE {quoted(chunk.schema, chunk.table)} AS old "  # noqa: S608
            f"SET {listed(f'{quoted(name)} = {value}' for name, value in updates.items())} FROM "
            f"(SELECT incoming.*, stored.{quoted(LAST_CALL)} AS {_STORED_CALL}{newer} FROM {incoming} AS incoming "
            f"LEFT JOIN {moments} AS stored ON stored.id = incoming.id) AS new WHERE old.id = new.id"
        )

    def _merge_moments(self, moments: str, traits: list[str], incoming: str) -> None:
        times = {name: _time(number) for number, name in enumerate(traits)} | {LAST_CALL: LAST_CALL}
        updates = listed(
            f"{quoted(name)} = greatest(old.{quoted(name)}, new.{quoted(new)})" for name, new in times.items()
        )
        self._run(f"UPDATE {moments} AS old SET {updates} FROM {incoming} AS new WHERE old.id = new.id")  # noqa: S608
        self._insert(moments, {"id": "id"} | times, incoming)

    def _insert(self, table: str, columns: dict[str, str], incoming: str) -> None:
        """Add the rows of `incoming` whose ids `table` does not have; `columns` are its own to the incoming ones."""
        self._run(
            f"INSERT INTO {table} ({listed(map(quoted, columns))}) "  # noqa: S608
            f"SELECT {listed(f'new.{quoted(name)}' for name in columns.values())} FROM {incoming} AS new "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table} AS old WHERE old.id = new.id)"
        )

    def _moments_table(self, chunk: Chunk, traits: Iterable[str]) -> str:
        """Make the table of moments such that it has these traits, and return its name."""
        table = quoted(STATE, fitted(chunk.name))
        known = self._moments.get(table)
        if known is None:
            found = self._connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
                [table],
            )
            known = self._moments[table] = {row[0] for row in found}
        if not known:
            self._run(f"CREATE TABLE {table} (id text, {quoted(LAST_CALL)} {_MOMENT}) WITH (fillfactor = 80)")
            self._run(f"CREATE INDEX ON {table} USING hash (id)")
            known |= {"id", LAST_CALL}
        # Also of traits that were only ever sent as null: that too is newer than what comes late.
        if new := [name for name in traits if name not in known][: max(0, MOST_COLUMNS - len(known))]:
            self._run(f"ALTER TABLE {table} {listed(f'ADD COLUMN {quoted(name)} {_MOMENT}' for name in new)}")
            known |= set(new)
        return table

    def _stage(self, chunk: Chunk, rows: pa.Table, types: dict[str, str]) -> str:
        """Return a temporary table of the session that has the columns of `rows` and is empty."""
        name = quoted(fitted(f"incoming {chunk.name}"))
        columns = tuple(f"{quoted(one)} {types.get(one, _MOMENT)}" for one in rows.column_names)
        if self._staging.get(name) != columns:
            self._run(f"DROP TABLE IF EXISTS pg_temp.{name}")
            self._run(f"CREATE TEMPORARY TABLE {name} ({listed(columns)}) ON COMMIT DELETE ROWS")
            self._staging[name] = columns
        return f"pg_temp.{name}"

    def _run(self, statement: str) -> psycopg.Cursor[TupleRow]:
        return self._connection.execute(statement.encode())


def _traits_where(truth: str, wins: dict[str, str]) -> str:
    """Return an array of the traits of which what came wins, or does not."""
    return (
        f"ARRAY[{listed(f'CASE WHEN {truth}new.{win} THEN {literal(name)} END' for name, win in wins.items())}]::text[]"
    )


def _time(number: int) -> str:
    # The space keeps it apart from every column's name; a trait's own name might be too long with more behind it.
    return f"{number} time"
