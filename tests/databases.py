"""Fixtures: PostgreSQL databases for tests."""

from collections.abc import Iterator

import pytest

from tests import postgres


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server that tests share, each with a database of its own."""
    with postgres.running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def empty_databases() -> list[str]:
    """Names of databases that were used and are empty again."""
    return []


@pytest.fixture
def database(cluster: postgres.Cluster, empty_databases: list[str]) -> Iterator[str]:
    """The address of an empty database."""
    name = empty_databases.pop() if empty_databases else cluster.new_database()
    yield cluster.dsn(name)
    cluster.empty_database(name)
    empty_databases.append(name)
