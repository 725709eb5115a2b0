"""A warehouse in a DuckDB file.

DuckDB lets one process have the file, so the process that loads also answers queries, each on a connection of its own:
a query sees the loads committed before it began and delays none. `open_readonly` is for when nobody loads.

On disk, beside the schemas of the sources:

    _trackway.positions (topic, partition, next_offset)    how far the log is loaded; written with the rows
    _trackway.types (table, column, type)                  types that `trackway warehouse retype` gave
    _trackway."<schema>.users", "<schema>.accounts"        when each trait was last said

After a crash DuckDB plays its write-ahead log: a load is there with its position, or neither is.
"""

import contextlib
import logging
import time
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, RLock

import duckdb
from duckdb import DuckDBPyConnection

from trackway.events.records import EventRecord
from trackway.warehouse.chunks import REST, build
from trackway.warehouse.columns import Kind
from trackway.warehouse.contract import LoadReport, QueryResult, WarehouseError, check_schemas
from trackway.warehouse.duckdb_memory import Allowance, checkpoint
from trackway.warehouse.duckdb_questions import Questions, connect
from trackway.warehouse.duckdb_rules import duckdb_rules
from trackway.warehouse.duckdb_tables import INTERNAL, Tables, quote
from trackway.warehouse.duckdb_upkeep import ENTITIES, Rebuild, drop_leftovers, recount
from trackway.warehouse.history import History, Step, silent
from trackway.warehouse.layout import Layouts, cutoff
from trackway.warehouse.loading import ClosedByWith, LoadAccount
from trackway.warehouse.naming import RESERVED_COLUMNS, schema_name
from trackway.warehouse.rows import Shapes, room_for
from trackway.warehouse.upkeep import Rebuilt, TableCount

_log = logging.getLogger(__name__)
_PURGE_EVERY_S = 600.0
_COPIED_BYTES = 8 << 20
_CREATE = """
    CREATE SCHEMA IF NOT EXISTS _trackway;
    CREATE TABLE IF NOT EXISTS _trackway.positions (
        topic VARCHAR, partition INTEGER, next_offset BIGINT NOT NULL, PRIMARY KEY (topic, partition));
    CREATE TABLE IF NOT EXISTS _trackway.types (
        "table" VARCHAR, "column" VARCHAR, type VARCHAR NOT NULL, PRIMARY KEY ("table", "column"));
"""


class DuckDBWarehouse(ClosedByWith):
    """A `Warehouse` in the DuckDB file at `path`, made when it is not there."""

    def __init__(
        self,
        path: Path,
        sources: Sequence[str] = (),
        *,
        name: str = "duckdb",
        memory_bytes: int = 128_000_000,
        threads: int = 1,
        given: Mapping[str, Mapping[str, Kind]] | None = None,
        most_columns: int = 5000,
        most_tables: int = 5000,
        layouts: Layouts | None = None,
    ) -> None:
        """Open the file.

        `sources` are the workspace's, in its order: a query looks in their schemas for a table without one. `name` is
        what an event's `integrations` call this warehouse. `memory_bytes` bounds DuckDB's own memory; what does not
        fit spills to a folder beside the file. After a load that cannot do with it, it is doubled, up to 2 GB. `given`
        are types that columns must have, by `schema.table` and column. What a table has no room for (`most_columns`),
        or a schema (`most_tables`), goes to `_rest`. `layouts` say how long rows stay.

        Raises:
            WarehouseError: another process has it, it is no DuckDB database, or two sources would share a schema.
        """
        self._name = name
        self._path = path
        self._sources = sources
        self._memory = Allowance(name, memory_bytes)
        self._threads = threads
        self._planned = given or {}
        self._layouts = layouts or Layouts()
        self._next_purge = 0.0
        self._lock = RLock()
        """Held by a load, and by what no load may come between."""
        self._most_columns, self._most_tables = most_columns, most_tables
        self._rules = duckdb_rules(path.stem)
        self._shapes = Shapes(self._rules)
        self._interrupted = Event()
        self._failed = False
        check_schemas(sources, self._rules)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        is_new = not self._path.exists()
        self._connection = connect(
            self._path, read_only=False, memory_bytes=self._memory.size_bytes, threads=self._threads
        )
        self._questions = Questions(self._connection.cursor(), self._sources, self._rules)
        self._connection.execute(_CREATE)
        if not is_new:
            drop_leftovers(self._connection)
        self._given = self._read_types()
        self._tables = Tables(self._connection, self._given, self._most_columns)
        if not is_new:  # else it takes DuckDB longer to make its own views than all the rest here
            self._tables.read()

    def _read_types(self) -> dict[str, dict[str, Kind]]:
        """The types that columns must have: the plans', over which a person's word goes."""
        given = {table: dict(types) for table, types in self._planned.items()}
        for table, column, kind in self._connection.execute("FROM _trackway.types").fetchall():
            given.setdefault(table, {})[column] = Kind(kind)
        return given

    def _recover(self) -> None:
        """Make good what a failed load left behind."""
        if not self._failed:
            return
        try:
            self._memory.make_good(self._connection)
            self._tables.read()
            checkpoint(self._connection)
        except duckdb.Error:
            # A disk that is full at the wrong moment makes DuckDB refuse all further work until the file is reopened.
            self.close()
            self._open()
        self._failed = False

    def positions(self, topic: str) -> dict[int, int]:
        """Return the next offset to load, by partition; see the contract."""
        with self._lock:  # of a load under way it would tell what may be taken back, and be refused by DuckDB
            try:
                self._recover()
                rows = self._connection.execute(
                    "SELECT partition, next_offset FROM _trackway.positions WHERE topic = ?", [topic]
                ).fetchall()
            except duckdb.Error as error:
                self._failed = True
                raise WarehouseError(f"the warehouse {self._name} does not tell its position: {error}") from error
        return dict(rows)

    def load(self, records: Sequence[EventRecord], topic: str, positions: Mapping[int, int]) -> LoadReport:
        """Write the rows of `records` and remember `positions` in one transaction; see the contract."""
        with self._lock:
            report = self._load(records, topic, positions)
            if self._layouts.any_kept and time.monotonic() >= self._next_purge:
                self._purge()
                self._next_purge = time.monotonic() + _PURGE_EVERY_S
            return report

    def _purge(self) -> None:
        """Delete the rows that are older than trackway.yaml lets them become."""
        try:
            for name, moment in self._cutoffs().items():
                self._connection.execute(f"DELETE FROM {_quoted(name)} WHERE received_at < ?", [moment])  # noqa: S608
        except duckdb.Error as error:
            self._failed = True
            _log.warning("old rows stay in the warehouse %s for now: %s", self._name, error)

    def _cutoffs(self) -> dict[str, datetime]:
        """By table, the time of receipt before which rows go."""
        found: dict[str, datetime] = {}
        for name in self._tables.names():
            schema, _, table = name.rpartition(".")
            moment = cutoff(self._layouts.named(schema, table), datetime.now(UTC))
            if moment is not None and schema != INTERNAL and table not in ENTITIES:
                found[name] = moment.replace(tzinfo=None)
        return found

    def _load(self, records: Sequence[EventRecord], topic: str, positions: Mapping[int, int]) -> LoadReport:
        self._interrupted.clear()
        account = LoadAccount(len(records))
        batch = build(
            records,
            self._rules,
            self._name,
            shapes=self._shapes,
            has_room=room_for(self._tables, self._most_tables),
            options=self._layouts.named,
            go_on=self._stop_if_interrupted,
        )
        self._tables.start_load()
        with self._transaction():
            self._memory.provide_for(batch, self._connection)
            for chunk in batch.chunks:
                self._stop_if_interrupted()
                self._tables.write(chunk, account.at)
                account.count(chunk)
            self._connection.executemany(
                "INSERT OR REPLACE INTO _trackway.positions VALUES (?, ?, ?)",
                [[topic, partition, offset] for partition, offset in positions.items()],
            )
        try:
            self._failed = self._memory.relieve(self._connection)
        except duckdb.Error:
            self._failed = True  # what is committed stays so; `_recover` sees to the rest
        return account.report(batch, self._tables)

    def _stop_if_interrupted(self) -> None:
        if self._interrupted.is_set():
            raise WarehouseError(f"the load into {self._name} was interrupted")

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        try:
            self._recover()
            self._connection.execute("BEGIN TRANSACTION")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._failed = True
            self._memory.note(error)
            with contextlib.suppress(duckdb.Error):  # the transaction may be gone already
                self._connection.execute("ROLLBACK")
            if isinstance(error, duckdb.Error):
                raise WarehouseError(f"the warehouse {self._name} did not take this load: {error}") from error
            raise

    def recount(self, history: History, step: Step) -> list[TableCount]:
        """Count each table against the events that were loaded; see `upkeep.Maintained`."""
        with self._beside() as connection:
            found = recount(connection, history, self._rules, self._name, step, cutoffs=self._cutoffs())
            return self._layouts.counted(found)

    def rebuild(self, table: str, history: History, step: Step) -> Rebuilt:
        """Make a table anew from the log; see `upkeep.Maintained`."""
        with self._beside() as connection:
            name = self._full_name(table)
            self._layouts.must_load(name)
            rebuild = Rebuild(
                connection,
                name,
                rules=self._rules,
                warehouse=self._name,
                options=self._layouts.named,
                given=self._given,
                most_columns=self._most_columns,
            )
            return rebuild.run(history, self._pause_loads, step)

    def retype(self, table: str, column: str, kind: Kind | None, history: History, step: Step) -> Rebuilt:
        """Give a column a type, None its values', and rebuild the table; see `upkeep.Maintained`."""
        name = self._full_name(table)
        if column in RESERVED_COLUMNS or column == REST:
            raise WarehouseError(f"{column} is a column of Trackway's own: its type cannot be changed")
        with self._beside() as connection:
            known = connection.execute(
                "SELECT 1 FROM duckdb_columns() WHERE schema_name || '.' || table_name = ? AND column_name = ?",
                [name, column],
            ).fetchone()
            if known is None:
                raise WarehouseError(f"{name} has no column {column}; DESCRIBE {name} lists them")
        before = self._set_type(name, column, kind)
        try:
            return self.rebuild(name, history, step)
        except BaseException:
            self._set_type(name, column, before)
            raise

    def _set_type(self, table: str, column: str, kind: Kind | None) -> Kind | None:
        """Note the type that a person gave, and return the one before."""
        here = """FROM _trackway.types WHERE "table" = ? AND "column" = ?"""
        with self._beside() as connection, self._pause_loads():
            before = connection.execute(f"SELECT type {here}", [table, column]).fetchone()
            # One statement, so that a crash leaves one type or the other.
            if kind is None:
                connection.execute(f"DELETE {here}", [table, column])
            else:
                given = [table, column, kind.value]
                connection.execute("INSERT OR REPLACE INTO _trackway.types VALUES (?, ?, ?)", given)
        return Kind(before[0]) if before else None

    def snapshot(self, path: Path, *, begin: Step = silent, step: Step = silent) -> None:
        """Copy all that is committed to a file of its own; see `upkeep.Maintained`."""
        fresh = path.with_name(f"{path.name}.new")
        with self._lock:
            try:
                self._connection.execute("CHECKPOINT")
            except duckdb.Error as error:
                raise WarehouseError(f"no copy can be made while a question is being answered: {error}") from error
            # Nobody writes while the lock is held, and after a checkpoint the file has everything.
            begin(self._path.stat().st_size)
            try:
                with self._path.open("rb") as source, fresh.open("wb") as target:
                    while part := source.read(_COPIED_BYTES):
                        target.write(part)
                        step(len(part))
                fresh.replace(path)
            except BaseException:
                fresh.unlink(missing_ok=True)
                raise

    def _full_name(self, table: str) -> str:
        """`table` with its schema: the first, in the workspace's order, that has one of that name."""
        if "." in table:
            return table
        for source in self._sources:
            schema = schema_name(source, self._rules)
            if self._tables.has(schema, table):
                return f"{schema}.{table}"
        raise WarehouseError(f"there is no table {table}; SHOW ALL TABLES lists what there is")

    @contextlib.contextmanager
    def _beside(self) -> Generator[DuckDBPyConnection]:
        """A connection of one's own beside the loader's."""
        connection = self._connection.cursor()
        try:
            yield connection
        except duckdb.Error as error:
            raise WarehouseError(f"the warehouse {self._name} says: {error}") from error
        finally:
            connection.close()

    @contextlib.contextmanager
    def _pause_loads(self) -> Generator[None]:
        """Keep loads out, and have them look again at what tables there are."""
        with self._lock:
            try:
                yield
            finally:
                self._given = self._read_types()
                self._tables = Tables(self._connection, self._given, self._most_columns)
                self._tables.read()

    def query(self, sql: str, *, limit: int = 1000, timeout_s: float = 30.0, stop: Event | None = None) -> QueryResult:
        """Answer one reading statement; see the contract. `stop` cancels it from another thread."""
        return self._questions.ask(sql, limit=limit, timeout_s=timeout_s, stop=stop)

    def interrupt(self) -> None:
        """Make a running `load` fail; see the contract."""
        self._interrupted.set()
        self._connection.interrupt()

    def close(self) -> None:
        """Free the file for other processes."""
        self._questions.close()
        self._connection.close()


def _quoted(name: str) -> str:
    schema, _, table = name.rpartition(".")
    return quote(schema, table)
