"""Hashes in order, compiled and interpreted, against lists: where one stands, which run has it, and runs made one."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services import find_compiled
from trackway.pipeline import id_columns

LARGEST = 2**64 - 1
_hash = st.integers(0, 5) | st.integers(0, LARGEST) | st.sampled_from([2**63, LARGEST - 1, LARGEST])
_column = st.lists(_hash, max_size=40).map(sorted)
_times = st.sampled_from([1, 1, 1, 300])
"""How often each hash is there: also more often than a block has room for."""


@pytest.fixture(scope="module", params=["compiled", "interpreted"])
def module(request: pytest.FixtureRequest) -> ModuleType:
    return find_compiled("trackway.pipeline.compiled_ids") if request.param == "compiled" else id_columns


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    made = os.open(tmp_path_factory.mktemp("columns") / "hashes", os.O_RDWR | os.O_CREAT)
    yield made
    os.close(made)


def u64(numbers: Sequence[Any]) -> Any:
    return np.array(numbers, np.uint64)


def in_file(module: ModuleType, file: int, hashes: Sequence[int], block: int) -> Any:
    os.ftruncate(file, 0)
    os.pwrite(file, u64(hashes).tobytes() + b"rows", 0)
    return module.FileColumn(file, len(hashes), u64(hashes[::block]), block)


@settings(deadline=None)
@given(_column, _times, _hash, st.sampled_from([1, 2, 7, 256]))
def test_a_hash_is_found_where_it_stands(
    module: ModuleType, file: int, some: list[int], times: int, other: int, block: int
):
    hashes = [one for one in some for _ in range(times)]
    for column in (module.MemoryColumn(u64(hashes)), in_file(module, file, hashes, block)):
        for one in [*some, other]:
            smaller, same = sum(each < one for each in hashes), hashes.count(one)
            assert column.below(one) == smaller
            assert column.places(one) == ((smaller, smaller + same) if same else None)


@settings(deadline=None)
@given(st.lists(_column, max_size=9), _hash, st.integers(0, 8))
def test_the_newest_column_that_has_a_hash_is_told(
    module: ModuleType, file: int, some: list[list[int]], asked: int, in_a_file: int
):
    columns = [
        in_file(module, file, hashes, 2) if number == in_a_file else module.MemoryColumn(u64(hashes))
        for number, hashes in enumerate(some)
    ]
    for one in [asked, *some[0]] if some else [asked]:
        assert module.newest_with(columns, one) == max((n for n, each in enumerate(some) if one in each), default=-1)


@settings(deadline=None)
@given(st.lists(_column, min_size=1, max_size=20))
def test_of_runs_made_one_all_rows_are_in_order_and_equals_as_they_came(module: ModuleType, some: list[list[int]]):
    ids = [(one, run, place) for run, hashes in enumerate(some) for place, one in enumerate(hashes)]
    rows = [
        u64([(one, run, place) for place, one in enumerate(hashes)]).reshape(-1, 3) for run, hashes in enumerate(some)
    ]
    hashes, merged = module.merge_columns([u64(one) for one in some], rows)
    assert hashes.tolist() == [one for one, _, _ in sorted(ids)]
    assert [tuple(row) for row in merged.tolist()] == sorted(ids)


def test_a_file_that_became_shorter_or_is_closed_raises(module: ModuleType, tmp_path: Path):
    file = os.open(tmp_path / "hashes", os.O_RDWR | os.O_CREAT)
    column = in_file(module, file, range(1000), 256)
    os.ftruncate(file, 512 * 8)
    assert column.below(300) == 300
    with pytest.raises(OSError, match="became shorter"):
        column.places(600)
    with pytest.raises(OSError, match="became shorter"):
        module.newest_with([column], 600)
    os.close(file)
    for ask in (column.below, column.places, lambda one: module.newest_with([column], one)):
        with pytest.raises(OSError, match="Bad file descriptor"):
            ask(600)


def test_the_compiled_module_takes_only_what_it_can_read():
    module: Any = find_compiled("trackway.pipeline.compiled_ids")
    with pytest.raises(ValueError, match="three words"):
        module.merge_columns([u64([1, 2])], [u64([1, 2]).reshape(-1, 1)])
    with pytest.raises(ValueError, match="three words"):
        module.merge_columns([u64([1, 2])], [u64([1, 2, 3]).reshape(-1, 3)])
    with pytest.raises(TypeError):
        module.newest_with([object()], 1)
    with pytest.raises(ValueError, match="blocks"):
        module.perhaps_set(np.zeros((3, 8), np.uint64), u64([1]))
    with pytest.raises(ValueError, match="blocks"):
        module.set_bits(np.zeros((4, 7), np.uint64), u64([1]))
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        module.merge_columns([u64([1, 2]), u64([3])], [u64([0] * 6).reshape(-1, 3)])


@pytest.mark.parametrize(("count", "hashes", "block"), [
    (600, 2, 256), (600, 4, 256), (0, 1, 256), (-1, 0, 256), (600, 3, 0), (600, 3, -256), (2**61, 2**13, 2**48),
    (2**63 - 1, 1, 2**63 - 1)])  # fmt: skip
def test_a_fence_that_is_not_of_the_file_is_refused(count: int, hashes: int, block: int):
    module: Any = find_compiled("trackway.pipeline.compiled_ids")
    with pytest.raises(ValueError, match="first hash of each block"):
        module.FileColumn(0, count, np.zeros(hashes, np.uint64), block)
    with pytest.raises(OSError, match="Bad file descriptor"):
        module.FileColumn(-1, 600, np.zeros(3, np.uint64), 256).below(1)


def test_what_is_searched_or_merged_is_kept_until_the_end(module: ModuleType):
    class Made(Sequence[Any]):
        """Keeps nothing that it gives."""

        def __init__(self, make: Callable[[int], Any]) -> None:
            self._make = make

        def __len__(self) -> int:
            return 5

        def __getitem__(self, number: Any) -> Any:
            if not 0 <= number < 5:
                raise IndexError
            return self._make(number)

    columns = Made(lambda number: module.MemoryColumn(np.full(500, number, np.uint64)))
    assert [module.newest_with(columns, number) for number in range(6)] == [0, 1, 2, 3, 4, -1]
    hashes, rows = module.merge_columns(
        Made(lambda number: np.full(500, number, np.uint64)), Made(lambda number: np.full((500, 3), number, np.uint64))
    )
    wanted = np.arange(5, dtype=np.uint64).repeat(500)
    assert np.array_equal(hashes, wanted)
    assert np.array_equal(rows[:, 2], wanted)
