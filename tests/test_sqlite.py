"""Which SQLite may hold what several processes write."""

import importlib.util

import pytest

from trackway.sqlite import may_lose_commits, sqlite3


@pytest.mark.parametrize(
    ("version", "may"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 9), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_versions_with_the_wal_reset_bug_are_known(version: tuple[int, int, int], may: bool):
    assert may_lose_commits(version) == may


def test_where_there_is_a_build_of_its_own_it_is_used_and_sound():
    if importlib.util.find_spec("pysqlite3") is None:
        pytest.skip("there is no build of pysqlite3 for this machine; `trackway doctor` says what that means")
    assert sqlite3.__name__.startswith("pysqlite3")
    assert not may_lose_commits()
