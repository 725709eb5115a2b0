import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.events.ids import as_id, new_message_id


@given(st.integers(0, 2**48 - 1))
def test_message_ids_are_uuids_of_version_7_with_the_time_in_front(time_ms: int):
    made = uuid.UUID(new_message_id(time_ms=time_ms))
    assert made.version == 7 and made.variant == uuid.RFC_4122
    assert made.int >> 80 == time_ms


def test_message_ids_differ_and_sort_by_time():
    ids = [new_message_id(time_ms=stamp) for stamp in range(1000)]
    assert ids == sorted(ids)
    assert len({new_message_id(time_ms=7) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("value", "expected"), [("u1", "u1"), (" U 1 ", " U 1 "), (7, "7"), (0, "0"), (10**30, "1" + "0" * 30), ("", None)]
)
def test_ids_are_kept_as_they_are(value, expected):
    assert as_id(value) == expected


@pytest.mark.parametrize("value", [1.5, 1.0, True, [], {}])
def test_other_values_are_no_ids(value):
    with pytest.raises(ValueError, match="id is text"):
        as_id(value)
