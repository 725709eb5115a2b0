"""Values become what a field asks for, or are refused in words."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations.kit import values
from trackway.destinations.kit.values import Unfit

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", None),
        (None, None),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (5.0, "5"),
        (5.25, "5.25"),
        (["a"], "a"),
        (-0.5, "-0.5"),
        (1e22, "1e+22"),
    ],
)
def test_text(value: Any, text: str | None) -> None:
    assert values.as_text(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), (5.5, 5.5), ("5", 5), ("-5.25", -5.25), ("1e3", 1000), ("", None), (None, None), (True, 1), ([7], 7)],
)
def test_number(value: Any, number: float | None) -> None:
    assert values.as_number(value) == number


@pytest.mark.parametrize("value", ["$1,249.50", "five", " ", "nan", "inf", {}, [1, 2]])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(Unfit, match="must be a number"):
        values.as_number(value)


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert values.as_whole("4.0") == 4
    with pytest.raises(Unfit, match="whole"):
        values.as_whole(4.5)


@pytest.mark.parametrize(
    ("value", "flag"), [(True, True), ("true", True), (1, True), (0, False), ("false", False), ("", None)]
)
def test_flag(value: Any, flag: bool | None) -> None:
    assert values.as_flag(value) is flag


@pytest.mark.parametrize("value", ["yes", 2, {}, [True, False]])
def test_what_is_neither_true_nor_false_is_refused(value: Any) -> None:
    with pytest.raises(Unfit, match="true or false"):
        values.as_flag(value)


@pytest.mark.parametrize("turn", [values.as_text, values.as_number, values.as_whole, values.as_flag, values.as_object])
@settings(max_examples=50)
@given(value=JSON)
def test_a_value_fits_or_is_refused_and_nothing_else(turn: Any, value: Any) -> None:
    try:
        found = turn(value)
    except Unfit:
        return
    assert found is None or turn(found) == found


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        ("2026-11-20T10:00:00.250Z", 1_795_168_800_250),
        ("2026-11-20T11:00:00.250+01:00", 1_795_168_800_250),
        ("2026-11-20T10:00:00", 1_795_168_800_000),
        ("2026-11-20", 1_795_132_800_000),
        (1_795_168_800_250, 1_795_168_800_250),
        ("1795168800250", 1_795_168_800_250),
        (1_795_168_800, 1_795_168_800_000),
        ("soon", None),
        ("", None),
        (None, None),
        (True, None),
        (math.inf, None),
        (10**18, None),
        ({}, None),
    ],
)
def test_points_in_time(value: Any, ms: int | None) -> None:
    assert values.epoch_ms(value) == ms
    assert values.epoch_s(value) == (None if ms is None else ms // 1000)


@settings(max_examples=50)
@given(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_times_come_back_to_the_millisecond(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert values.epoch_ms(values.iso(moment.isoformat())) == round(moment.timestamp() * 1000)


@settings(max_examples=50)
@given(st.integers() | st.floats() | st.text() | st.datetimes().map(lambda moment: moment.isoformat()))
def test_any_value_is_a_time_or_none(value: Any) -> None:
    assert (values.iso(value) is None) == (values.epoch_ms(value) is None)


def test_flatten_and_its_lists() -> None:
    nested = {"a": {"b": 1, "c": [2, {"d": 3}]}, "e": None}
    assert values.flatten(nested) == {"a.b": 1, "a.c.0": 2, "a.c.1.d": 3, "e": None}
    assert values.flatten(nested, "_", lists=False) == {"a_b": 1, "a_c": [2, {"d": 3}], "e": None}


@settings(max_examples=50)
@given(st.dictionaries(st.text("ab", max_size=3), JSON, max_size=5))
def test_a_flat_object_has_no_object_in_it(value: dict[str, Any]) -> None:
    flat = values.flatten(value)
    assert flat is not None and not any(isinstance(one, dict | list) for one in flat.values())


def test_without_leaves_the_object_itself_alone() -> None:
    whole = {"a": 1, "b": 2}
    assert values.without(whole, frozenset({"a"})) == {"b": 2}
    assert values.without(whole, frozenset({"c"})) is whole
    assert whole == {"a": 1, "b": 2}
