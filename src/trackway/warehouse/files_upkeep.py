# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Recounting and rebuilding tables of a warehouse of files, by way of a DuckDB database in a temporary folder.

A table that is rebuilt grows in that database as one of a DuckDB warehouse does. Then, while no load can come between,
it takes in what was loaded meanwhile, becomes files, and one commit puts these in the place of the old ones.
"""

import contextlib
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from trackway.events.records import EVENTS
from trackway.warehouse.chunks import TableOptions
from trackway.warehouse.columns import Kind
from trackway.warehouse.duckdb_tables import INTERNAL, KINDS, UUID_TS, quote
from trackway.warehouse.duckdb_upkeep import ENTITIES, EXPECTED, SUFFIX, Rebuild, compare, expect, expected_rows
from trackway.warehouse.files_commits import Commits, Staging
from trackway.warehouse.files_query import FILES_RULES, reach
from trackway.warehouse.files_tables import Shape, Tables, as_stored, entity_files, folder_of, to_parquet
from trackway.warehouse.history import History, Step
from trackway.warehouse.upkeep import Rebuilt, TableCount
from trackway.workspace.model import WarehouseS3

_MEMORY = "512MB"
_FILE_ROWS = 250_000


@contextlib.contextmanager
def scratch(place: Path | str, s3: WarehouseS3) -> Generator[tuple[DuckDBPyConnection, str]]:
    """Give an empty database that can read the files, and how it names the place where they are."""
    with tempfile.TemporaryDirectory(prefix="trackway") as folder:
        config: dict[str, str | bool | int | float | list[str]] = {"memory_limit": _MEMORY, "threads": 1}
        with duckdb.connect(Path(folder) / "scratch.duckdb", config=config) as connection:
            connection.execute("SET GLOBAL TimeZone = 'UTC'; SET enable_progress_bar = false")
            yield connection, reach(connection, place, s3)


class Recount:
    """Counts tables against the log."""

    def __init__(self, connection: DuckDBPyConnection, root: str, history: History, warehouse: str) -> None:
        """Work in a database from `scratch`."""
        self._connection, self._root = connection, root
        self._history, self._warehouse = history, warehouse
        self._read: dict[int, int] = {}
        connection.execute(EXPECTED)

    def read(self, until: Mapping[int, int], step: Step) -> None:
        """Note what rows the events before these positions have."""
        for records in self._history.read(until, self._read, step=step):
            expect(self._connection, expected_rows(records, FILES_RULES, self._warehouse))
        self._read = dict(until)

    def compare(self, tables: Tables, cutoffs: Mapping[str, datetime]) -> list[TableCount]:
        """Count the tables as they are, of which exactly the events that were read are loaded."""
        found: set[str] = set()
        for name in tables.shapes:
            if files := [file.path for file in tables.files_of(name)]:
                found.add(name)
                self._show(name, files)
        return compare(self._connection, found, self._history.is_whole, cutoffs)

    def _show(self, name: str, files: Sequence[str]) -> None:
        schema, _, table = name.partition(".")
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        select = f"SELECT id, received_at::TIMESTAMP AS received_at FROM {_files(self._root, files)}"  # noqa: S608
        self._connection.execute(f"CREATE VIEW {quote(schema, table)} AS {select}")


def _files(root: str, paths: Iterable[str]) -> str:
    listed = ", ".join("'" + f"{root}/{path}".replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


class FilesRebuild(Rebuild):
    """A table of files that is made anew."""

    def __init__(
        self,
        connection: DuckDBPyConnection,
        root: str,
        table: str,
        *,
        warehouse: str,
        options: TableOptions,
        parts: Callable[[], tuple[Commits, Tables]],
        types: Mapping[str, Kind],
        given: Mapping[str, Kind],
        most_columns: int,
        sort: Sequence[str],
    ) -> None:
        """Work in a database from `scratch`.

        `parts` gives the warehouse's as they are; `types` are those that a person gave, `given` these and the plans'.
        """
        schema = table.rpartition(".")[0]
        connection.execute(f"CREATE SCHEMA {quote(schema)}; CREATE SCHEMA {quote(INTERNAL)}")
        super().__init__(
            connection,
            table,
            rules=FILES_RULES,
            warehouse=warehouse,
            options=options,
            given={table: given},
            most_columns=most_columns,
        )
        self._root, self._parts, self._types, self._sort = root, parts, dict(types), sort

    def _is_there(self) -> bool:
        return self._table in self._parts()[1].shapes

    def _loaded(self) -> dict[int, int]:
        return dict(self._parts()[0].head.positions.get(EVENTS, {}))

    def _swap(self, history: History) -> Rebuilt:
        commits, tables = self._parts()
        old = [file.path for file in tables.files_of(self._table)]
        if not history.is_whole and old:
            self._fetch_old(old)
        carried, rows = self._complete(history)
        staging = commits.stage()
        staging.removed += old
        kinds = self._kinds()
        if self._name in ENTITIES:
            self._stage_entities(staging)
            staging.removed.clear()  # the new files have the names of the old ones
        else:
            self._stage_days(staging, commits.head.number + 1, [*kinds, UUID_TS])
        tables.start_load()
        tables.replaced(self._table, Shape(columns=kinds, types=self._types))
        commits.commit(staging, commits.head.positions, tables.new_state())
        return Rebuilt(table=self._table, rows=rows, carried=carried, diverted=self._diverted)

    def _fetch_old(self, files: Sequence[str]) -> None:
        """Make a table of the rows as they are, for those whose events the log has no more."""
        tables = [(quote(self._schema, self._name), files)]
        if self._name in ENTITIES:
            tables.append((quote(INTERNAL, self._table), [entity_files(self._table)[1]]))
        for name, paths in tables:
            source = _files(self._root, paths)
            described = self._connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
            columns = ", ".join(
                f"{quote(column)}::TIMESTAMP AS {quote(column)}" if kind.startswith("TIMESTAMP") else quote(column)
                for column, kind, *_ in described
            )
            self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT {columns} FROM {source}")  # noqa: S608

    def _kinds(self) -> dict[str, Kind]:
        rows = self._connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "ORDER BY column_index",
            [self._schema, self._shadow],
        ).fetchall()
        return {name: KINDS.get(kind, Kind.TEXT) for name, kind in rows if name != UUID_TS}

    def _stage_days(self, staging: Staging, number: int, columns: Sequence[str]) -> None:
        shadow = quote(self._schema, self._shadow)
        days = self._connection.execute(f"SELECT DISTINCT received_at::DATE FROM {shadow} ORDER BY 1").fetchall()  # noqa: S608
        listed = ", ".join(map(quote, columns))
        order = ", ".join(quote(key) for key in self._sort if key in columns) or "received_at"
        for [day] in days:
            rows = self._connection.sql(
                f"SELECT {listed} FROM {shadow} WHERE received_at::DATE = DATE '{day}' ORDER BY {order}"  # noqa: S608
            )
            for batch in rows.to_arrow_reader(_FILE_ROWS):
                path = f"{folder_of(self._table)}/day={day}/part-{number:012}-rebuilt-{len(staging.moves)}.parquet"
                staging.add(path, to_parquet(as_stored(pa.Table.from_batches([batch]))), batch.num_rows)

    def _stage_entities(self, staging: Staging) -> None:
        names = ((self._schema, self._shadow), (INTERNAL, self._table + SUFFIX))
        for place, (schema, name) in zip(entity_files(self._table), names, strict=True):
            rows = self._connection.sql(f"SELECT * FROM {quote(schema, name)} ORDER BY id").to_arrow_table()  # noqa: S608
            staging.add(place, to_parquet(as_stored(rows)), rows.num_rows)
