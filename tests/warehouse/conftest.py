import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest
from duckdb import DuckDBPyConnection

from tests.warehouse.backends import Backend
from tests.warehouse.making import Loading
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.files import FilesWarehouse
from trackway.warehouse.postgres import PostgresWarehouse

SOURCES = ["shop", "app"]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDBWarehouse]:
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb", SOURCES) as warehouse:
        yield warehouse


@pytest.fixture
def load(warehouse: DuckDBWarehouse) -> Loading:
    return Loading(warehouse)


@pytest.fixture(scope="module")
def in_memory() -> Iterator[DuckDBPyConnection]:
    """A DuckDB to ask things of, for all tests of a file."""
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


@pytest.fixture(params=["duckdb", "files", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "duckdb":
        path = tmp_path / "backend.duckdb"
        return Backend(
            "duckdb",
            lambda **more: DuckDBWarehouse(path, SOURCES, **more),
            lambda: [file.unlink() for file in tmp_path.glob("backend.duckdb*") if file.is_file()],
        )
    if request.param == "files":
        # Nothing here loses power, and a sync for each file of each tiny load takes long.
        request.getfixturevalue("monkeypatch").setattr(os, "fsync", lambda _: None)
        place = tmp_path / "lake"
        return Backend(
            "files",
            lambda **more: FilesWarehouse(place, SOURCES, **more),
            lambda: shutil.rmtree(place, ignore_errors=True),
        )
    dsn = request.getfixturevalue("database")
    return Backend("postgres", lambda **more: PostgresWarehouse(dsn, SOURCES, **more), lambda: _drop_schemas(dsn))


def _drop_schemas(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET client_min_messages = 'warning'")
        connection.execute("DROP SCHEMA IF EXISTS shop, app, _trackway CASCADE")
