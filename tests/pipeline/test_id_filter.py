"""The filter before the runs: what it was told it never calls new, and of what is new it says so nearly always."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services import find_compiled
from trackway.pipeline import id_filter
from trackway.pipeline.id_filter import IdFilter

pytestmark = pytest.mark.usefixtures("way")
_hashes = st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63, 2**64 - 1]), max_size=60)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_hashes, max_size=5), _hashes)
def test_what_it_was_told_is_perhaps_known(told: list[list[int]], asked: list[int]):
    made = IdFilter(0)
    for part in told:
        made.add(np.array(sorted(part), np.uint64))
    known = {one for part in told for one in part}
    places = made.perhaps(np.array([*known, *asked], np.uint64))
    assert set(range(len(known))) <= set(places)
    assert made.count == sum(map(len, told))


def test_an_empty_one_knows_nothing():
    assert IdFilter(0).perhaps(np.arange(1000, dtype=np.uint64)) == []


@pytest.mark.parametrize("ids", [10_000, 1_000_000])
def test_a_full_one_says_perhaps_of_one_new_id_in_three_thousand_at_most(ids: int):
    random = np.random.default_rng(7)
    made = IdFilter(ids)
    made.add(np.sort(random.integers(0, 2**64, made.room, np.uint64)))
    assert not made.should_grow
    assert len(made.perhaps(random.integers(0, 2**64, 200_000, np.uint64))) < 66
    made.add(np.array([5], np.uint64))
    assert made.should_grow


@pytest.mark.parametrize("ids", [0, 100_000, 2_000_000])
def test_no_block_lies_in_two_lines_of_the_cache(ids: int):
    assert IdFilter(ids)._blocks.ctypes.data % 64 == 0


def test_it_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(id_filter, "_MOST_BLOCKS", 1 << 11)
    made = IdFilter(10**9)
    assert made.room == 24 << 11
    made.add(np.arange(2 * made.room, dtype=np.uint64))
    assert not made.should_grow


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_hashes, _hashes)
def test_both_ways_set_the_same_bits_and_read_them(told: list[int], asked: list[int]):
    compiled: Any = find_compiled("trackway.pipeline.compiled_ids")
    hashes, others = np.array(sorted(told), np.uint64), np.array([*told, *asked], np.uint64)
    made = IdFilter(0)
    made.add(hashes)
    blocks = np.zeros((1 << 9, 8), np.uint64)
    compiled.set_bits(blocks, hashes)
    assert np.array_equal(made._blocks, blocks)
    assert compiled.perhaps_set(blocks, others) == made.perhaps(others)
