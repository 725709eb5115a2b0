"""Columns read by Arrow are what the slow way through Python says, for any objects."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from trackway.warehouse import objects as objects_module
from trackway.warehouse.body import encode_json, read_object
from trackway.warehouse.columns import EXACT, Kind, Values, column_of
from trackway.warehouse.duckdb_rules import duckdb_rules
from trackway.warehouse.flatten import Columns
from trackway.warehouse.naming import column_name
from trackway.warehouse.objects import Objects, Shape

RULES = duckdb_rules("w")
KEYS = st.sampled_from(["a", "b", "A", "a_b", "c d", "é", "a/b", "", "Order"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(1 << 70), 1 << 70),
    st.sampled_from([EXACT, EXACT + 1, -EXACT - 1, (1 << 63) - 1, 1 << 63, 2.0, -0.0, 1e16, 1e300, 0.1]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00", "2026-01-01T00:00:00.5Z", "null"]),
    st.text(max_size=3),
)  # fmt: skip
VALUES = st.recursive(SCALARS, lambda below: st.lists(below, max_size=2) | st.dictionaries(KEYS, below, max_size=3))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
SAME = st.sampled_from(["one", "other"])
"""Most objects of one kind have values of one type; those take the short way."""
TIDY = st.fixed_dictionaries(
    {"name": SAME, "price": st.floats(0, 100), "count": st.integers(0, 9)},
    optional={"page": st.fixed_dictionaries({"url": SAME, "n": st.integers(0, 5)}), "gift": st.booleans()},
)


@cache
def name_of(path: Sequence[str]) -> str:
    return column_name(path, RULES)


def slowly(texts: Sequence[Raw]) -> Columns:
    columns = Columns(name_of)
    for text in texts:
        columns.add(read_object(text))
    columns.finish()
    return columns


def told(values: Values) -> tuple[Kind, list[Any]] | None:
    column = column_of(values)
    if column is None:
        return None
    return column.kind, column.as_kind(column.kind).to_pylist()


def same(texts: Sequence[bytes], shape: Shape) -> None:
    raws = [Raw(text) for text in texts]
    found, expected = Objects(raws, shape), slowly(raws)
    wanted = {name: told(values) for name, values in expected.values.items()}
    assert {name: told(values) for name, values in found.values.items()} == wanted
    nulls = {name: sorted(rows) for name, rows in found.nulls().items()}
    assert nulls == {name: sorted(rows) for name, rows in expected.nulls.items()}
    # Every part of the rows is of the type of its own values.
    for name, values in found.values.items():
        for half in (slice(0, len(raws) // 2), slice(len(raws) // 2, None)):
            part = (
                values[half]
                if not isinstance(values, pa.Array)
                else values.slice(half.start, (half.stop or len(raws)) - half.start)
            )
            assert told(part) == told(expected.values[name][half])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(OBJECTS, min_size=4, max_size=8), min_size=1, max_size=3))
@example([[{"a": 1}] * 4, [{"a": "2026-01-01"}] * 4, [{"a": "2026-01-01T00:00:00Z"}] * 4])
@example([[{"a": {"b": None}}, {"a": {"b": {}}}, {"a": None}, {}, {"a": {"b": [None]}}]])
@example([[{"a": EXACT + 1}, {"a": 0.5}, {"a": 1}, {"a": None}]])
def test_any_objects_give_the_columns_of_the_slow_way(loads: list[list[dict[str, Any]]]):
    shape = Shape(name_of)
    for objects in loads:
        same([encode_json(one) for one in objects], shape)


@settings(max_examples=40, deadline=None)
@given(st.lists(OBJECTS, min_size=4, max_size=8))
@example([{"a": {"b": 1}, "a_b": 2}, {"a_b": 2, "a": {"b": 1}}, {"A": None, "a": "x"}, {"a": 1.5}])
def test_few_of_many_keys_do_too(objects: list[dict[str, Any]]):
    shape = Shape(name_of)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects_module, "_WIDE", -1)
        patch.setattr(objects_module, "_SPARSE", -1)
        same([encode_json(one) for one in objects], shape)
    assert not shape.aside, "Arrow was not asked"


@settings(max_examples=30, deadline=None)
@given(st.lists(TIDY, min_size=4, max_size=30))
def test_usual_objects_do_too(objects: list[dict[str, Any]]):
    shape = Shape(name_of)
    same([encode_json(one) for one in objects], shape)
    assert not shape.aside


@pytest.mark.parametrize(
    "odd",
    [
        b"null", b"[1]", b"7", b'"text"', b"true", b'{"a":\n{\n"b": 1}}', b'{"a":"\\ud83d"}', b'{"a":1e400}',
        b'{"a":"\xff"}', b'{"a":1,"a":"x"}', b'{"a":' + b"9" * 5000 + b"}", b'{"a":' * 120 + b"1" + b"}" * 120,
        b'{"a\\n":1}', b'{"a":"x\\u0000"}', b'  {"a": 1 }  ',
    ],
)  # fmt: skip
@pytest.mark.parametrize("usual", [b'{"a":"x"}', b'{"a":2}', b'{"b":true}'])
def test_an_odd_object_costs_the_others_nothing(odd: bytes, usual: bytes):
    shape = Shape(name_of)
    for texts in ([usual] * 4 + [odd], [odd] + [usual] * 4, [odd] * 5, [odd] * 2):
        same(texts, shape)


def test_keys_of_several_types_are_remembered():
    shape = Shape(name_of)
    texts = [json.dumps({"v": value, "w": 1}).encode() for value in (1, "x", [1], {"y": 2}, True, None, 2.5)]
    same(texts, shape)
    assert shape.aside == {"v"}
    same([msgspec.json.encode({"v": 1, "w": 2})] * 5, shape)
