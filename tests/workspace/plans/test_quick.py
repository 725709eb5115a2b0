"""The quick tables of plans, held to jsonschema-rs: whatever a table takes is valid."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.events.tables import Tables
from trackway.events.members import Members
from trackway.workspace.plans.quick import members_of, shape_of, validator_of

_TEXTS = [
    "a",
    "b",
    "ab",
    "ABC",
    "2026-11-20T10:00:00Z",
    "2026-11-20",
    "2026-11-20 10:00:00Z",
    "2026-11-20T10:00:00+0100",
]
_NUMBERS = st.sampled_from([0, 1, -1, 2, 1.0, 1.5, -0.5, 2**53, 2**53 + 1, 2**64, 10**30, True])
_types = st.sampled_from(["string", "number", "integer", "boolean", "array", "object", "null"])


def _with_members(inner: Any) -> Any:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": _types | st.lists(_types, min_size=1, max_size=3, unique=True),
            "properties": st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
            "required": st.lists(st.sampled_from("xyz"), max_size=2, unique=True),
            "additionalProperties": st.booleans(),
            "items": inner,
        },
    )


schemas = st.recursive(
    st.booleans()
    | st.fixed_dictionaries(
        {},
        optional={
            "type": _types | st.lists(_types, min_size=1, max_size=3, unique=True),
            "enum": st.lists(st.sampled_from([*_TEXTS, None, 1, True, 1.5]), min_size=1, max_size=4),
            "minimum": _NUMBERS.filter(lambda one: one is not True),
            "maximum": _NUMBERS.filter(lambda one: one is not True),
            "pattern": st.sampled_from(["^a", "b$", "[A-Z]{3}"]),
            "format": st.sampled_from(["date-time", "date", "email"]),
            "maxLength": st.integers(0, 3),
            "description": st.just("about it"),
        },
    ),
    _with_members,
    max_leaves=6,
)
values = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.sampled_from(_TEXTS) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(schemas, values)
def test_what_a_shape_takes_is_valid(schema: Any, value: Any):
    text = msgspec.json.encode({"v": value})
    if Tables(Members({"v": shape_of(schema)})).any_fits(text):
        assert validator_of(schema).is_valid(msgspec.json.decode(text)["v"])


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(_with_members(schemas), st.dictionaries(st.sampled_from("xyz"), values, max_size=3))
def test_what_a_table_takes_is_valid(schema: Any, value: dict[str, Any]):
    members, text = members_of(schema), msgspec.json.encode(value)
    if members is not None and Tables(members).any_fits(text):
        assert validator_of(schema).is_valid(msgspec.json.decode(text))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (True, {"a": 1}),
        ({"type": "string"}, "x"),
        ({"type": ["string", "null"], "pattern": "^x"}, "xy"),
        ({"type": "number", "minimum": 0, "maximum": 5}, 5),
        ({"type": "integer", "minimum": 0.5}, 1),
        ({"type": "string", "enum": ["a", "b"]}, "b"),
        ({"enum": ["a", None]}, None),
        ({"type": "string", "format": "date-time"}, "2026-11-20T10:00:00.5+01:00"),
        ({"type": "array", "items": {"type": "object", "properties": {"x": {"type": "number"}}}}, [{"x": 1, "y": 2}]),
        ({"type": "array", "items": {"type": "string", "maxLength": 2}}, ["ab"]),
        ({"type": "object", "required": ["x"], "additionalProperties": False, "properties": {"x": {}}}, {"x": [1]}),
    ],
)
def test_a_usual_schema_is_said_by_a_table(schema: Any, value: Any):
    table = Tables(Members({"v": shape_of(schema)}))
    assert table.all_fit(msgspec.json.encode({"v": value}))
    wrong = {"of": {"another": ["kind"]}}
    valid = validator_of(schema).is_valid(wrong)
    assert (
        table.any_fits(msgspec.json.encode({"v": wrong})) == table.all_fit(msgspec.json.encode({"v": wrong})) == valid
    )


def test_what_a_table_cannot_say():
    assert members_of({"additionalProperties": {"type": "string"}}) is None
    assert members_of({"minProperties": 1}) is None
    assert members_of({"type": ["object", "null"]}) is None
