"""Durations and sizes: written as people write them, and read back as the same."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trackway.workspace.units import Duration, Size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (0.05, "50ms"), (1, "1s"), (90, "90s"), (300, "5 min"), (86400, "24h"), (604800, "7 days")],
)
def test_a_duration_is_written_in_its_largest_whole_unit(seconds: float, text: str):
    assert Duration(seconds).written() == text


@pytest.mark.parametrize(("size", "text"), [(0, "0"), (1000, "1000"), (32768, "32 KiB"), (20 << 30, "20 GiB")])
def test_a_size_is_written_in_its_largest_whole_unit(size: int, text: str):
    assert Size(size).written() == text


@given(st.integers(0, 10**9))
def test_what_is_written_is_read_as_the_same(number: int):
    assert Size.decode(yaml.safe_load(Size(number).written())) == number
    assert Duration.decode(yaml.safe_load(Duration(number).written())) == number
