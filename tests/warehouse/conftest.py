from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouse.making import Loading
from trackway.warehouse.duckdb import DuckDBWarehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDBWarehouse]:
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb", ["shop", "app"]) as warehouse:
        yield warehouse


@pytest.fixture
def load(warehouse: DuckDBWarehouse) -> Loading:
    return Loading(warehouse)
