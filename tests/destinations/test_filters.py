import copy
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations.filters import DestinationFilters, share_of
from trackway.workspace.governance import DestinationFilter
from trackway.workspace.load import convert

EVENT: dict[str, Any] = {
    "type": "track",
    "messageId": "m-1",
    "userId": "u-1",
    "event": "Order Completed",
    "context": {"ip": "192.0.2.1", "device": {"id": "d", "advertisingId": "a"}},
    "properties": {"total": 20, "card": "4111", "products": [{"sku": "s", "price": 1}, {"sku": "t", "price": 2}, "x"]},
}


def filters(*written: dict[str, Any], trigger: str = "all") -> DestinationFilters:
    return DestinationFilters([convert(one, DestinationFilter, where="") for one in written], trigger)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"if": "event = 'Order Completed'", "drop": True}, "FILTERED_BY_RULES"),
        ({"if": "event = 'Order Refunded'", "drop": True}, None),
        ({"if": "event = 'Order Completed'", "drop": True, "enabled": False}, None),
        ({"if": "!(properties.total > 10)", "drop": True}, None),
        ({"sample": {"percent": 0}}, "FILTERED_BY_RULES"),
        ({"sample": {"percent": 1}}, None),
        ({"if": "type = 'page'", "sample": {"percent": 0}}, None),
        ({"drop_properties": {"properties": ["card"]}}, None),
    ],
)
def test_which_events_are_left_out(written: dict[str, Any], reason: str | None):
    assert filters(written).reason(EVENT) == reason


def test_the_trigger_comes_last():
    assert filters(trigger="type = 'page'").reason(EVENT) == "NO_MATCHING_MAPPING"
    assert filters(trigger="properties.total > 10").reason(EVENT) is None
    assert filters({"drop": True}, trigger="type = 'page'").reason(EVENT) == "FILTERED_BY_RULES"


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        (
            # Segment's own example.
            {"drop_properties": {"": ["userId"], "context.device": ["advertisingId"]}},
            {"userId": None, "context": {"ip": "192.0.2.1", "device": {"id": "d"}}},
        ),
        (
            {"drop_properties": {"properties.products": ["price"], "no.such": ["a"], "event": ["b"]}},
            {"properties": {"total": 20, "card": "4111", "products": [{"sku": "s"}, {"sku": "t"}, "x"]}},
        ),
        ({"allow_properties": {"properties": ["total"]}}, {"properties": {"total": 20}}),
        (
            {"allow_properties": {"properties": ["products"], "properties.products": ["sku"]}},
            {"properties": {"products": [{"sku": "s"}, {"sku": "t"}, "x"]}},
        ),
        (
            {"allow_properties": {"": ["event"]}},
            {"userId": None, "context": None, "properties": None},
        ),
        ({"if": "type = 'page'", "drop_properties": {"": ["userId"]}}, {}),
    ],
)
def test_what_is_taken_out(written: dict[str, Any], changed: dict[str, Any]):
    before = copy.deepcopy(EVENT)
    expected = {key: value for key, value in {**EVENT, **changed}.items() if value is not None}
    assert filters(written).changed(before) == expected
    assert before == EVENT


def test_conditions_are_asked_of_the_event_as_it_came():
    both = filters(
        {"drop_properties": {"": ["userId"]}},
        {"if": "userId = 'u-1'", "allow_properties": {"properties": ["total"]}},
    )
    assert both.changed(EVENT)["properties"] == {"total": 20}


def test_the_share_is_the_md5_of_the_json_text():
    digest = hashlib.md5(b'"u-1"').digest()
    assert share_of("u-1") == pytest.approx(int.from_bytes(digest[:8], "big") / 2**64, abs=1e-15)
    assert share_of(1.0) == share_of(1) != share_of("1")


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1))
def test_a_sample_passes_its_share_and_the_same_users_for_every_event(percent: float):
    one = filters({"sample": {"percent": percent, "path": "userId"}})
    users = [f"user-{number}" for number in range(2000)]
    passed = {user for user in users if one.reason({"type": "track", "userId": user}) is None}
    assert abs(len(passed) / len(users) - percent) < 0.06
    assert passed == {user for user in users if one.reason({"type": "page", "userId": user, "name": "x"}) is None}


_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), _VALUES),
    st.sampled_from(["", "a", "a.b", "b.c.a"]),
    st.lists(st.sampled_from("abc"), max_size=2),
)
def test_dropping_and_allowing_divide_an_event_between_them(event: dict[str, Any], parent: str, names: list[str]):
    dropped = filters({"drop_properties": {parent: names}}).changed(event)
    allowed = filters({"allow_properties": {parent: names}}).changed(event)
    assert filters({"drop_properties": {parent: names}}).changed(dropped) == dropped
    for before, without, only in zip(*(_objects(one, parent) for one in (event, dropped, allowed)), strict=True):
        assert {**without, **only} == before
        assert not without.keys() & only.keys()


def _objects(value: Any, parent: str) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for one in value for found in _objects(one, parent)]
    if not isinstance(value, dict):
        return []
    if not parent:
        return [value]
    first, _, rest = parent.partition(".")
    return _objects(value[first], rest) if first in value else []


def test_the_fields_a_verdict_needs_are_known():
    found = filters(
        {"if": "type = 'track' and contains(event, 'x')", "drop": True},
        {"if": "properties.a = 1", "drop_properties": {"": ["a"]}},
        {"sample": {"percent": 0.5, "path": "userId"}},
    )
    assert found.fields == {"type", "event", "userId"}
    assert json.dumps(sorted(filters(trigger="context.ip = null").fields)) == '["context"]'
