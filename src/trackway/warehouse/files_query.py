"""Questions to a warehouse of files, answered by DuckDB in memory.

Each table is a view on its Parquet files. Making one reads the files' ends, so only the tables that a question names
get theirs; the others are there as empty tables, for DESCRIBE and information_schema.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, cast

import duckdb
from duckdb import DuckDBPyConnection

from trackway.warehouse.contract import QueryError, QueryResult, WarehouseError
from trackway.warehouse.duckdb_rules import duckdb_rules
from trackway.warehouse.duckdb_tables import TYPES, quote
from trackway.warehouse.files_store import Store, s3_config
from trackway.warehouse.files_tables import UUID_TS, Shape, folder_of
from trackway.warehouse.naming import schema_name
from trackway.warehouse.query import run_query
from trackway.workspace.model import WarehouseS3

FILES_RULES = duckdb_rules("memory")
"""What holds for names: they are DuckDB's, as that answers questions, and Spark's and Athena's are within them."""
_TRIES = 3
_GONE = ("No files found", "Cannot open file")
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "1GB", "python_enable_replacements": False}


class Questions(NamedTuple):
    """Answers questions about files."""

    place: Path | str
    store: Store
    s3: WarehouseS3
    shapes: Mapping[str, Shape]
    """What tables there are."""
    sources: Sequence[str]

    def ask(self, sql: str, *, limit: int, timeout_s: float, stop: Event | None = None) -> QueryResult:
        """Answer one reading statement.

        Raises:
            QueryRefused, QueryTimeout, QueryError: see `Reader.query`.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                return self._try(sql, limit=limit, timeout_s=timeout_s, stop=stop)
            except (QueryError, duckdb.Error) as error:
                # A file that was listed may be gone when it is read: several became one meanwhile.
                if attempt < _TRIES and any(words in str(error) for words in _GONE):
                    continue
                if isinstance(error, QueryError):
                    raise
                raise WarehouseError(f"the files at {self.place} cannot be read: {error}") from error
        raise AssertionError

    def _try(self, sql: str, *, limit: int, timeout_s: float, stop: Event | None = None) -> QueryResult:
        with duckdb.connect(":memory:", config=_CONFIG) as connection:
            named = set(_tables_in(connection, sql))
            root = reach(connection, self.place, self.s3)
            present = sorted({name.partition(".")[0] for name in self.shapes})
            for schema in present:
                connection.execute(f"CREATE SCHEMA {quote(schema)}")
            for name, shape in self.shapes.items():
                self._define(connection, root, name, shape, filled=name.partition(".")[2] in named)
            _lock(connection, self.place)
            listed = [schema for one in self.sources if (schema := schema_name(one, FILES_RULES)) in present]
            schemas = [*listed, *(schema for schema in present if schema not in listed)]
            return run_query(connection, sql, schemas=schemas, limit=limit, timeout_s=timeout_s, stop=stop)

    def _define(self, connection: DuckDBPyConnection, root: str, name: str, shape: Shape, *, filled: bool) -> None:
        schema, _, table = name.partition(".")
        files = [found.path for found in self.store.list(folder_of(name))] if filled else []
        if files:
            paths = ", ".join("'" + f"{root}/{path}".replace("'", "''") + "'" for path in files)
            select = f"FROM read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"
            connection.execute(f"CREATE VIEW {quote(schema, table)} AS {select}")
            return
        types = {column: TYPES[kind] for column, kind in shape.columns.items()} | {UUID_TS: "TIMESTAMP"}
        columns = ", ".join(f"{quote(column)} {kind}" for column, kind in types.items())
        connection.execute(f"CREATE TABLE {quote(schema, table)} ({columns})")


def reach(connection: DuckDBPyConnection, place: Path | str, s3: WarehouseS3) -> str:
    """Let DuckDB read what is at `place`, and return how it names that."""
    if isinstance(place, Path):
        return place.as_posix()
    from obstore.fsspec import FsspecStore

    options: Any = {"config": s3_config(s3), "client_options": {"allow_http": s3.allow_http}}
    # DuckDB's own S3 is an extension that it would have to fetch.
    connection.register_filesystem(cast("Any", FsspecStore("s3", **options)))
    return place.rstrip("/")


def _lock(connection: DuckDBPyConnection, place: Path | str) -> None:
    """Let nothing in a question reach beyond the files, or change a setting."""
    connection.execute("SET TimeZone = 'UTC'")
    allowed = f"{place.as_posix()}/" if isinstance(place, Path) else f"{place.rstrip('/')}/"
    connection.execute(f"SET allowed_directories = ['{allowed.replace(chr(39), chr(39) * 2)}']")
    connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")


def _tables_in(connection: DuckDBPyConnection, sql: str) -> Iterator[str]:
    """The names of all tables in a SELECT; too many do no harm."""
    row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree: Any = json.loads(row[0]) if row else {}
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            members = cast("dict[str, Any]", node)
            if isinstance(members.get("table_name"), str):
                yield members["table_name"].lower()
            waiting.extend(members.values())
        elif isinstance(node, list):
            waiting.extend(cast("list[Any]", node))
