"""Types of columns: what each value is, how types join, and how values are spelled as text."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackway.warehouse.body import read_body, read_object
from trackway.warehouse.columns import EXACT, Kind, column_of, instants_of, join, text_of
from trackway.warehouse.instants import is_date_time, parse_instant

DATE_TIMES = st.datetimes(timezones=st.sampled_from([None, UTC])).map(datetime.isoformat)
SCALARS = st.one_of(
    st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), DATE_TIMES, st.text(max_size=4)
)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None, False], Kind.BOOLEAN),
        ([1, -EXACT, None], Kind.INTEGER),
        ([1, EXACT + 1], Kind.LONG),
        ([1, 1 << 63], Kind.DECIMAL),
        ([1 << 63, -(10**29) + 1], Kind.DECIMAL),
        ([10**29], Kind.TEXT),
        ([1 << 63, 0.5], Kind.TEXT),
        ([2.0, None], Kind.INTEGER),
        ([2.0, 3], Kind.INTEGER),
        ([EXACT + 1, 2.0], Kind.LONG),
        ([-(1 << 63)], Kind.LONG),
        ([1, 0.5], Kind.FLOAT),
        ([EXACT + 1, 0.5], Kind.TEXT),
        ([1.5], Kind.FLOAT),
        ([True, 1], Kind.TEXT),
        (["a", 1], Kind.TEXT),
        (["2026-01-01T00:00:00.123Z"], Kind.TIMESTAMP),
        (["2026-01-01T00:00:00+02:00", "2026-01-01T00:00"], Kind.TIMESTAMP),
        (["0001-01-01T00:00:00Z"], Kind.TIMESTAMP),
        (["2026-01-01T00:00:00Z", ""], Kind.TEXT),
        (["2026-01-01"], Kind.TEXT),
        (["2026-02-30T00:00:00Z"], Kind.TEXT),
        (["2026-01-01T00:00:00.1234567Z"], Kind.TEXT),
        (["2026-01-01T00:00:00Z\n"], Kind.TEXT),
        (["0001-01-01T00:00:00+05:00"], Kind.TEXT),
        (["9999-12-31T23:59:59-05:00"], Kind.TEXT),
        (["12"], Kind.TEXT),
        (["true"], Kind.TEXT),
    ],
)
def test_the_least_type_that_holds_all_values(values: list[Any], kind: Kind):
    column = column_of(values)
    assert column is not None
    assert column.kind is kind


@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_no_value_no_column(values: list[Any]):
    assert column_of(values) is None


@given(st.lists(SCALARS, min_size=1, max_size=6))
def test_a_type_is_the_join_of_its_values_types(values: list[Any]):
    column = column_of(values)
    assert column is not None
    kinds = [column_of([value]).kind for value in values]  # type: ignore[union-attr]
    joined = kinds[0]
    for kind in kinds[1:]:
        joined = join(joined, kind)
    assert column.kind is joined


def test_joins_do_not_depend_on_order():
    for one, other, third in itertools.product(Kind, Kind, Kind):
        assert join(one, other) is join(other, one), (one, other)
        assert join(join(one, other), third) is join(one, join(other, third)), (one, other, third)


@given(st.lists(SCALARS, min_size=1, max_size=6))
def test_every_value_fits_its_columns_type(values: list[Any]):
    column = column_of(values)
    assert column is not None
    stored = column.as_kind(column.kind).to_pylist()
    if column.kind is Kind.TEXT:
        assert stored == [text_of(value) for value in values]
    elif column.kind is Kind.TIMESTAMP:
        assert [_micros(value) for value in stored] == [parse_instant(value) for value in values]
    else:
        assert stored == values


def _micros(moment: datetime) -> int:
    return pa.scalar(moment, pa.timestamp("us")).cast(pa.int64()).as_py()


@given(st.one_of(DATE_TIMES, st.from_regex(r"[0-9T:.+Z-]{0,30}", fullmatch=True)))
@example("2026-01-01T00:00:00+23:59")
@example("2026-01-01T00:00:60Z")
@example("2026-01-01T24:00:00Z")
@example("0000-01-01T00:00:00Z")
def test_a_column_is_of_instants_exactly_when_each_text_is_a_date_time(text: str):
    column = column_of([text, "2026-01-01T00:00:00Z"])
    assert column is not None
    assert (column.kind is Kind.TIMESTAMP) == is_date_time(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00.250Z", "2026-01-01T00:00:00.250000"),
        ("2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00"),
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456"),
        ("20260101T000000Z", "2026-01-01T00:00:00"),
        ("2026-W01-4", "2026-01-01T00:00:00"),
        ("2026-01-01", "2026-01-01T00:00:00"),
        ("yesterday", None),
        ("", None),
        (1767225600, None),
        (None, None),
        ({"a": 1}, None),
    ],
)
@pytest.mark.parametrize("beside", [[], ["2026-01-01T00:00:00Z"], [5]])
def test_our_own_times_are_read_in_any_form(text: Any, expected: str | None, beside: list[Any]):
    found = instants_of([*beside, text]).to_pylist()[-1]
    assert found == (None if expected is None else datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (5, "5"), (5.0, "5"), (-0.0, "0"), (0.1, "0.1"), (1e16, "1e+16"), (1e-5, "1e-05"),
        (1 << 70, "1180591620717411303424"), ("x", "x"), ([1, "a"], '[1,"a"]'), ({"a": 1}, '{"a":1}'),
    ],
)  # fmt: skip
def test_a_value_has_one_spelling(value: Any, text: str):
    assert text_of(value) == text


@settings(deadline=None)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_duckdb_spells_other_floats_as_we_do(in_memory: DuckDBPyConnection, value: float):
    if value.is_integer() and abs(value) <= EXACT:
        return
    assert in_memory.execute("SELECT CAST(? AS DOUBLE)::VARCHAR", [value]).fetchall() == [(text_of(value),)]


class TestOddBodies:
    """Valid JSON that a fast decoder or UTF-8 refuses must not stop a load."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (rb'{"properties":{"a":"\ud83d"}}', {"a": "\ufffd"}),
            (rb'{"properties":{"a":"\ud83d\ude00"}}', {"a": "\U0001f600"}),
            (rb'{"properties":{"\ud83d":1e400}}', {"\ufffd": "1e400"}),
            (b'{"properties":{"a":"\xff"}}', {"a": "\ufffd"}),
            (b'{"properties":{"a":' + b"9" * 5000 + b"}}", {"a": "9" * 5000}),
            (b'{"properties":{"a":123456789012345678901234567890}}', {"a": 123456789012345678901234567890}),
        ],
    )
    def test_are_read_as_near_as_can_be(self, text: bytes, expected: dict[str, Any]):
        body = read_body(text)
        assert body is not None
        assert read_object(body.properties) == expected

    @pytest.mark.parametrize("text", [b"", b"[]", b"7", b"{", b"null", b'{"a":' * 100_000])
    def test_are_unreadable_when_they_are_no_object(self, text: bytes):
        assert read_body(text) is None

    @given(st.dictionaries(st.text(), st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3))))
    def test_good_ones_are_as_json_says(self, properties: dict[str, Any]):
        body = read_body(json.dumps({"properties": properties}).encode())
        assert body is not None
        assert read_object(body.properties) == json.loads(json.dumps(properties))
