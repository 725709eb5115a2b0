"""Objects as columns: golden cases, and an independent flattener that must agree on any object."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.warehouse.flatten import DEEPEST, Columns

KEYS = st.sampled_from(["a", "b", "c", "A", "a_b", "d"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def flatten(*objects: dict[str, Any], given: dict[str, list[Any]] | None = None) -> Columns:
    columns = Columns(lambda path: "_".join(path).lower())
    for one in objects:
        columns.add(one)
    columns.finish(given)
    return columns


def test_the_contracts_examples():
    columns = flatten(
        {
            "address": {"street": "6th St"},
            "product_id": {"sku": "P1"},
            "tags": ["a", {"b": 1}],
            "none": None,
            "empty": {},
        }
    )
    assert columns.values == {"address_street": ["6th St"], "product_id_sku": ["P1"], "tags": ['["a",{"b":1}]']}


def test_rows_with_different_keys_stand_side_by_side():
    columns = flatten({"a": 1}, {"b": 2}, {}, {"a": 3, "b": 4})
    assert columns.values == {"a": [1, None, None, 3], "b": [None, 2, None, 4]}


def test_a_key_may_be_a_scalar_here_and_an_object_there():
    columns = flatten({"a": 1}, {"a": {"b": 2}}, {"a": [3]}, {"a": {}})
    assert columns.values == {"a": [1, None, "[3]", None], "a_b": [None, 2, None, None]}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ({"userName": 1, "username": 2}, 1),
        ({"username": None, "userName": 2}, 2),
        ({"user": {"name": 1}, "user_name": 2}, 1),
        ({"user_name": 2, "user": {"name": 1}}, 2),
    ],
)
def test_the_first_value_that_is_not_null_wins(one: dict[str, Any], expected: int):
    columns = flatten(one)
    assert list(columns.values.values()) == [[expected]]


def test_columns_that_are_given_come_first():
    columns = flatten({"name": "b"}, {"name": "c"}, given={"name": ["a", None]})
    assert columns.values == {"name": ["a", "c"]}


def test_nulls_are_told_apart_from_absence():
    columns = flatten({"a": None}, {"a": 1}, {}, {"a": {"b": None}})
    assert columns.values == {"a": [None, 1, None, None]}
    assert columns.nulls == {"a": [0], "a_b": [3]}


def test_nesting_beyond_the_limit_stays_text():
    value: Any = 1
    for _ in range(DEEPEST + 5):
        value = {"k": value}
    [(name, [text])] = flatten(value).values.items()
    assert name.count("k") == DEEPEST
    assert text == '{"k":{"k":{"k":{"k":{"k":1}}}}}'


@given(st.lists(OBJECTS, max_size=8))
def test_it_agrees_with_flattening_one_object_after_the_other(objects: list[dict[str, Any]]):
    columns = flatten(*objects)
    rows = [dict(_leaves(one)) for one in map(_reversed_leaves, objects)]
    found = [
        {name: values[row] for name, values in columns.values.items() if values[row] is not None}
        for row in range(len(objects))
    ]
    assert found == rows
    assert all(len(values) == len(objects) for values in columns.values.values())


def _reversed_leaves(value: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(reversed(list(_walk((), value))))


def _leaves(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    # Reversed, so that in a dict the first one stays.
    return [(name, value) for name, value in pairs if value is not None]


def _walk(path: tuple[str, ...], value: Any):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk((*path, key), item)
    elif isinstance(value, list):
        yield "_".join(path).lower(), json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    else:
        yield "_".join(path).lower(), value
