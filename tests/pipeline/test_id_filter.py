"""The filter before the runs: what it was told it never calls new, and of what is new it says so nearly always."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.pipeline import id_filter
from trackway.pipeline.id_filter import IdFilter

_hashes = st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63, 2**64 - 1]), max_size=60)


@settings(deadline=None)
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
def test_a_full_one_says_perhaps_of_half_a_percent_of_new_ids_at_most(ids: int):
    random = np.random.default_rng(7)
    made = IdFilter(ids)
    made.add(np.sort(random.integers(0, 2**64, made.room, np.uint64)))
    assert not made.should_grow
    assert len(made.perhaps(random.integers(0, 2**64, 100_000, np.uint64))) < 500
    made.add(np.array([5], np.uint64))
    assert made.should_grow


def test_it_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(id_filter, "_MOST_WORDS", 1 << 13)
    made = IdFilter(10**9)
    assert made.room == 4 << 13
    made.add(np.arange(2 * made.room, dtype=np.uint64))
    assert not made.should_grow
