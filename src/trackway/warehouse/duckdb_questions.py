"""Questions to a DuckDB file: each on a connection of its own, with a time limit and without a way out of the file."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Event, Lock

import duckdb
from duckdb import DuckDBPyConnection

from trackway.warehouse.contract import QueryResult, WarehouseError
from trackway.warehouse.duckdb_rules import duckdb_rules
from trackway.warehouse.loading import ClosedByWith
from trackway.warehouse.naming import Rules, schema_name
from trackway.warehouse.query import run_query

_Config = dict[str, str | bool | int | float | list[str]]
_SETTINGS: _Config = {
    # What a SELECT may do must not depend on what its text says: see query.py.
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    # A checkpoint writes the last rows of each table once more, so it is not done for every few loads.
    "wal_autocheckpoint": "16MB",
}


def connect(path: Path, *, read_only: bool, memory_bytes: int, threads: int) -> DuckDBPyConnection:
    """Return the database at `path`, which reaches nothing outside of itself.

    Raises:
        WarehouseError: another process has it, or it is no DuckDB database.
    """
    config: _Config = {**_SETTINGS, "memory_limit": f"{memory_bytes}B", "threads": threads}
    try:
        connection = duckdb.connect(path, read_only=read_only, config=config)
        connection.execute("SET GLOBAL TimeZone = 'UTC'; SET enable_progress_bar = false")
        return connection
    except duckdb.Error as error:
        if "lock" in str(error) or isinstance(error, duckdb.ConnectionException):
            raise WarehouseError(
                f"{path} is open in another place, and DuckDB lets one process have it: stop that one, or ask the "
                f"running server ({error})"
            ) from error
        raise WarehouseError(f"{path} cannot be opened: {error}") from error


class Questions:
    """Gives every question a connection of its own; any thread may ask."""

    def __init__(self, connection: DuckDBPyConnection, sources: Iterable[str], rules: Rules) -> None:
        self._connection = connection
        self._schemas = [schema_name(source, rules) for source in sources]
        self._lock = Lock()

    def ask(self, sql: str, *, limit: int, timeout_s: float, stop: Event | None = None) -> QueryResult:
        """Answer one reading statement; see `Reader.query`. `stop` cancels it from another thread."""
        try:
            with self._lock:
                connection = self._connection.cursor()
                # Where Python runs without a script, as by `python -c`, DuckDB takes the output for a person's.
                connection.execute("SET enable_progress_bar = false")
            try:
                schemas = self._existing(connection)
                return run_query(connection, sql, schemas=schemas, limit=limit, timeout_s=timeout_s, stop=stop)
            finally:
                connection.close()
        except duckdb.Error as error:  # not the question's fault: closed, or waiting to be opened anew
            raise WarehouseError(f"the warehouse does not answer now: {error}") from error

    def _existing(self, connection: DuckDBPyConnection) -> list[str]:
        """The sources' schemas in the order of the workspace, then all others but ours."""
        found = connection.execute(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() "
            "AND schema_name NOT IN ('_trackway', 'information_schema', 'pg_catalog') ORDER BY schema_name"
        ).fetchall()
        names = [row[0] for row in found]
        listed = [schema for schema in self._schemas if schema in names]
        return [*listed, *(name for name in names if name not in listed)]

    def close(self) -> None:
        """Answer no more."""
        self._connection.close()


class ReadOnlyDuckDB(ClosedByWith):
    """A warehouse file that is only asked; see `open_readonly`."""

    def __init__(self, connection: DuckDBPyConnection, sources: Sequence[str], rules: Rules) -> None:
        self._questions = Questions(connection, sources, rules)

    def query(self, sql: str, *, limit: int = 1000, timeout_s: float = 30.0, stop: Event | None = None) -> QueryResult:
        """Answer one reading statement; see `Warehouse.query`."""
        return self._questions.ask(sql, limit=limit, timeout_s=timeout_s, stop=stop)

    def close(self) -> None:
        """Free the file for other processes."""
        self._questions.close()


def open_readonly(
    path: Path, sources: Sequence[str] = (), *, memory_bytes: int = 1_000_000_000, threads: int = 2
) -> ReadOnlyDuckDB:
    """Return the warehouse file at `path` for asking only, while no server has it; `sources` as in `DuckDBWarehouse`.

    Raises:
        WarehouseError: it is not there, another process writes to it, or it is no DuckDB database.
    """
    if not path.exists():
        raise WarehouseError(f"there is no warehouse at {path} yet; it is made when `trackway up` first runs")
    connection = connect(path, read_only=True, memory_bytes=memory_bytes, threads=threads)
    return ReadOnlyDuckDB(connection, sources, duckdb_rules(path.stem))
