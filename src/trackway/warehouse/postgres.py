"""A warehouse in a PostgreSQL database.

Beside the schemas of the sources, a schema of our own:

    _trackway.positions (topic, partition, next_offset)    how far the log is loaded; written with the rows
    _trackway.types (table, column, kind)                   types that a person gave: `trackway warehouse retype`
    _trackway."<table id>_<day>"                            partitions, see `postgres_layout`

A load is one transaction of the one session that holds the advisory lock (see `postgres_session`). It also compares the
positions with those it began from: should the lock be worth nothing, as behind a pooler, a second loader still cannot
write the same events twice. What became of a COMMIT whose answer was lost `positions` tells on the next connection.
"""

import contextlib
import time
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, RLock

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from trackway.events.records import EventRecord
from trackway.warehouse.chunks import REST, build
from trackway.warehouse.columns import Kind
from trackway.warehouse.contract import LoadReport, QueryResult, WarehouseError, check_schemas
from trackway.warehouse.history import History, Step, silent
from trackway.warehouse.layout import Layouts
from trackway.warehouse.loading import ClosedByWith, LoadAccount
from trackway.warehouse.naming import RESERVED_COLUMNS, schema_name
from trackway.warehouse.postgres_layout import Layout
from trackway.warehouse.postgres_query import run_query
from trackway.warehouse.postgres_rules import POSTGRES_RULES
from trackway.warehouse.postgres_session import SETTINGS, Session, connect, explain
from trackway.warehouse.postgres_tables import Tables
from trackway.warehouse.postgres_upkeep import Rebuild, recount
from trackway.warehouse.rows import Shapes, room_for
from trackway.warehouse.upkeep import NO_COPY, Rebuilt, TableCount

MOST_COLUMNS = 1200
"""PostgreSQL allows 1,600, those counted that were dropped once."""
_EXPIRE_EVERY_S = 3600.0
_CREATE = """
    CREATE SCHEMA IF NOT EXISTS _trackway;
    CREATE TABLE IF NOT EXISTS _trackway.positions (
        topic text, partition integer, next_offset bigint NOT NULL, PRIMARY KEY (topic, partition));
    CREATE TABLE IF NOT EXISTS _trackway.types (
        "table" text, "column" text, kind text NOT NULL, PRIMARY KEY ("table", "column"));
"""
_POSITIONS = "SELECT partition, next_offset FROM _trackway.positions WHERE topic = %s"
_REMEMBER = """
    INSERT INTO _trackway.positions VALUES (%s, %s, %s)
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
"""
_SCHEMAS = """
    SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
    AND nspname NOT IN ('information_schema', '_trackway') AND has_schema_privilege(oid, 'USAGE') ORDER BY nspname
"""


_NAMES = """
    SELECT table_schema, table_name FROM information_schema.tables
    WHERE table_schema NOT IN ('pg_catalog', 'information_schema', '_trackway') AND table_type = 'BASE TABLE'
"""
_FORGET_TYPE = """DELETE FROM _trackway.types WHERE "table" = %s AND "column" = %s"""
_HAS_COLUMN = """
    SELECT 1 FROM information_schema.columns WHERE table_schema = %s AND table_name = %s AND column_name = %s
"""


class PostgresWarehouse(ClosedByWith):
    """A `Warehouse` in a PostgreSQL database; it is reached when it is first needed."""

    def __init__(
        self,
        conninfo: str,
        sources: Sequence[str] = (),
        *,
        name: str = "postgres",
        layouts: Layouts | None = None,
        given: Mapping[str, Mapping[str, Kind]] | None = None,
        most_columns: int = MOST_COLUMNS,
        most_tables: int = 5000,
    ) -> None:
        """Take an address as libpq has it: a URI or `key=value` pairs.

        `sources` are the workspace's, in its order: a query looks in their schemas for a table without one. `name` is
        what an event's `integrations` call this warehouse, and what messages do. `given` are types that columns must
        have, by `schema.table` and column. What a table has no room for (`most_columns`), or a schema (`most_tables`),
        goes to `_rest`.

        Raises:
            WarehouseError: two sources would share a schema.
        """
        check_schemas(sources, POSTGRES_RULES)
        self._name = name
        self._conninfo = conninfo
        self._sources = sources
        self._layouts = layouts or Layouts()
        self._layout = Layout(self._layouts)
        self._shapes = Shapes(POSTGRES_RULES)
        self._given = given or {}
        self._most_columns, self._most_tables = min(most_columns, MOST_COLUMNS), most_tables
        self._keeps_all = not (layouts or Layouts()).any_kept
        self._session = Session(conninfo, name)
        self._questions = PostgresReader(conninfo, sources, name=name)
        self._tables: Tables | None = None
        self._positions: dict[str, dict[int, int]] = {}
        """By topic: as this process last saw them committed."""
        self._lock = RLock()
        """Held by a load, and by what no load may come between."""
        self._interrupted = Event()
        self._expired_at = -_EXPIRE_EVERY_S

    def positions(self, topic: str) -> dict[int, int]:
        """Return the next offset to load, by partition; see the contract."""
        # Of a load under way it would tell what may be taken back.
        with self._lock, self._explained("does not tell its position"):
            connection = self._session.connection()
            row = connection.execute("SELECT to_regclass('_trackway.types') IS NULL").fetchone()
            if row is None or row[0]:
                connection.execute(_CREATE)
            self._positions[topic] = _read_positions(connection, topic)
            return dict(self._positions[topic])

    def load(self, records: Sequence[EventRecord], topic: str, positions: Mapping[int, int]) -> LoadReport:
        """Write the rows of `records` and remember `positions` in one transaction; see the contract."""
        with self._lock:
            return self._load(records, topic, positions)

    def _load(self, records: Sequence[EventRecord], topic: str, positions: Mapping[int, int]) -> LoadReport:
        self._interrupted.clear()
        account = LoadAccount(len(records))
        if topic not in self._positions:
            self.positions(topic)
        with self._explained("did not take this load"):
            tables = self._prepared()
            tables.start_load()
            room = room_for(tables, self._most_tables)
            batch = build(
                records,
                POSTGRES_RULES,
                self._name,
                shapes=self._shapes,
                has_room=room,
                options=self._layouts.named,
                go_on=self._stop_if_interrupted,
            )
            connection = self._session.connection()
            with connection.transaction():
                self._check_positions(connection, topic)
                for chunk in batch.chunks:
                    self._stop_if_interrupted()
                    tables.write(chunk, account.at)
                    account.count(chunk)
                for partition, offset in positions.items():
                    connection.execute(_REMEMBER, [topic, partition, offset])
                self._stop_if_interrupted()
            self._positions[topic] = self._positions[topic] | dict(positions)
        report = account.report(batch, tables)
        self._expire(tables)
        return report

    def _prepared(self) -> Tables:
        """Return the tables as they are, looked up again after a failure or on a new connection."""
        connection = self._session.connection()
        if self._tables is None or not self._tables.are_of(connection):
            self._layout.read(connection)
            self._tables = Tables(connection, self._layout, self._read_types(connection), self._most_columns)
        return self._tables

    def _read_types(self, connection: Connection[TupleRow]) -> dict[str, dict[str, Kind]]:
        """The types that columns must have: the plans', over which a person's word goes."""
        given = {table: dict(types) for table, types in self._given.items()}
        for table, column, kind in connection.execute("""SELECT "table", "column", kind FROM _trackway.types"""):
            given.setdefault(table, {})[column] = Kind(kind)
        return given

    def _check_positions(self, connection: Connection[TupleRow], topic: str) -> None:
        found = _read_positions(connection, topic)
        if found != self._positions[topic]:
            raise WarehouseError(
                f"another Trackway has loaded into the database of warehouse {self._name} meanwhile: one at a time "
                "can. Stop it, or give this one a database of its own"
            )

    def _stop_if_interrupted(self) -> None:
        if self._interrupted.is_set():
            raise WarehouseError(f"the load into {self._name} was interrupted")

    def _expire(self, tables: Tables) -> None:
        """Remove old rows now and then; the load that is committed stays so whatever comes of it."""
        if self._keeps_all or time.monotonic() - self._expired_at < _EXPIRE_EVERY_S:
            return
        with contextlib.suppress(WarehouseError), self._explained("does not remove old rows"):
            with self._session.connection().transaction():
                self._layout.expire(self._session.connection(), tables.names, datetime.now(UTC))
            self._expired_at = time.monotonic()

    @contextlib.contextmanager
    def _explained(self, what: str) -> Generator[None]:
        try:
            yield
        except BaseException as error:
            self._tables = None
            self._positions = {}
            if isinstance(error, psycopg.Error):
                said = explain(error, self._name, self._conninfo)
                raise WarehouseError(f"the warehouse {self._name} {what}: {said}") from error
            raise

    def recount(self, history: History, step: Step) -> list[TableCount]:
        """Count each table against the events that were loaded; see `upkeep.Maintained`."""
        with self._beside() as connection:
            names = {f"{schema}.{table}" for schema, table in connection.execute(_NAMES)}
            now = datetime.now(UTC)
            cutoffs = {name: self._layout.oldest(name, now) for name in names}
            known = {name: moment for name, moment in cutoffs.items() if moment is not None}
            return self._layouts.counted(recount(connection, history, self._name, step, cutoffs=known))

    def rebuild(self, table: str, history: History, step: Step) -> Rebuilt:
        """Make a table anew from the log; see `upkeep.Maintained`."""
        with self._beside() as connection:
            name = self._full_name(connection, table)
            self._layouts.must_load(name)
            rebuild = Rebuild(
                connection,
                name,
                warehouse=self._name,
                layouts=self._layouts,
                given=self._read_types(connection),
                most_columns=self._most_columns,
            )
            return rebuild.run(history, self._pause_loads, step)

    def retype(self, table: str, column: str, kind: Kind | None, history: History, step: Step) -> Rebuilt:
        """Give a column a type, None its values', and rebuild the table; see `upkeep.Maintained`."""
        if column in RESERVED_COLUMNS or column == REST:
            raise WarehouseError(f"{column} is a column of Trackway's own: its type cannot be changed")
        with self._beside() as connection:
            name = self._full_name(connection, table)
            schema, _, own = name.partition(".")
            found = connection.execute(_HAS_COLUMN, [schema, own, column]).fetchone()
            if found is None:
                raise WarehouseError(f"{name} has no column {column}")
            before = self._set_type(connection, name, column, kind)
        try:
            return self.rebuild(name, history, step)
        except BaseException:
            with self._beside() as connection:
                self._set_type(connection, name, column, before)
            raise

    def _set_type(self, connection: Connection[TupleRow], table: str, column: str, kind: Kind | None) -> Kind | None:
        """Note the type that a person gave, and return the one before."""
        here = """WHERE "table" = %s AND "column" = %s"""
        with self._pause_loads(), connection.transaction():
            before = connection.execute(f"SELECT kind FROM _trackway.types {here}", [table, column]).fetchone()  # noqa: S608
            connection.execute(f"DELETE FROM _trackway.types {here}", [table, column])  # noqa: S608
            if kind is not None:
                connection.execute("INSERT INTO _trackway.types VALUES (%s, %s, %s)", [table, column, kind.value])
        return Kind(before[0]) if before else None

    def snapshot(self, path: Path, *, begin: Step = silent, step: Step = silent) -> None:
        """Refuse: other programs read PostgreSQL itself.

        Raises:
            WarehouseError: always.
        """
        raise WarehouseError(f"{self._name} {NO_COPY['postgres']}")

    def _full_name(self, connection: Connection[TupleRow], table: str) -> str:
        """`table` with its schema: the first, in the workspace's order, that has one of that name."""
        if "." in table:
            return table
        having = {schema for schema, name in connection.execute(_NAMES) if name == table}
        for source in self._sources:
            if (schema := schema_name(source, POSTGRES_RULES)) in having:
                return f"{schema}.{table}"
        raise WarehouseError(f"there is no table {table} of Trackway's")

    @contextlib.contextmanager
    def _beside(self) -> Generator[Connection[TupleRow]]:
        """A connection of one's own beside the loader's."""
        connection = connect(self._conninfo, self._name)
        try:
            connection.execute(SETTINGS)
            yield connection
        except psycopg.Error as error:
            raise WarehouseError(explain(error, self._name, self._conninfo)) from error
        finally:
            connection.close()

    @contextlib.contextmanager
    def _pause_loads(self) -> Generator[None]:
        """Keep loads out, and have them look again at what tables there are."""
        with self._lock:
            try:
                yield
            finally:
                self._tables = None

    def query(self, sql: str, *, limit: int = 1000, timeout_s: float = 30.0, stop: Event | None = None) -> QueryResult:
        """Answer one reading statement; see the contract. `stop` cancels it from another thread."""
        return self._questions.query(sql, limit=limit, timeout_s=timeout_s, stop=stop)

    def interrupt(self) -> None:
        """Make a running `load` fail; see the contract."""
        self._interrupted.set()
        self._session.cancel()

    def close(self) -> None:
        """Let the next loader in."""
        self._session.close()
        self._questions.close()


class PostgresReader(ClosedByWith):
    """Asks a database that somebody else may be loading; every question has a connection of its own."""

    def __init__(self, conninfo: str, sources: Sequence[str] = (), *, name: str = "postgres") -> None:
        self._conninfo = make_conninfo(conninfo, application_name="trackway sql")
        self._schemas = [schema_name(source, POSTGRES_RULES) for source in sources]
        self._name = name

    def query(self, sql: str, *, limit: int = 1000, timeout_s: float = 30.0, stop: Event | None = None) -> QueryResult:
        """Answer one reading statement; see `Warehouse.query`. `stop` cancels it from another thread."""
        connection = connect(self._conninfo, self._name)
        try:
            found = [row[0] for row in connection.execute(_SCHEMAS)]
            listed = [schema for schema in self._schemas if schema in found]
            others = [schema for schema in found if schema not in listed]
            schemas = [*listed, *others]
            return run_query(connection, sql, schemas=schemas, limit=limit, timeout_s=timeout_s, stop=stop)
        except psycopg.Error as error:
            raise WarehouseError(explain(error, self._name, self._conninfo)) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing is kept open between questions."""


def _read_positions(connection: Connection[TupleRow], topic: str) -> dict[int, int]:
    return {int(partition): int(offset) for partition, offset in connection.execute(_POSITIONS, [topic])}
