"""Names against Segment's own: the table of its open-source naming library, and what must hold for any name."""

import string

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.warehouse.duckdb_rules import duckdb_rules
from trackway.warehouse.naming import (
    STANDARD_TABLES,
    column_name,
    context_column_name,
    event_name,
    schema_name,
    snake_case,
)

RULES = duckdb_rules("warehouse")
ASCII_WORDS = st.text(string.ascii_letters + string.digits + " _-.$", max_size=30)

SEGMENTS = [
    ("Order Completed", "order_completed"),
    ("sampleText", "sample_text"),
    ("sample-text", "sample_text"),
    ("sample___text", "sample_text"),
    ("SAMPLE 2 TEXT", "sample_2_text"),
    ("   $#$sample   2    Text   ", "sample_2_text"),
    ("samPLE text", "sam_ple_text"),
    ("userID", "user_id"),
    ("productId", "product_id"),
    ("camelCase2Snake", "camel_case2_snake"),
    ("___$$Base64Encode", "base64_encode"),
    ("FOO:BAR$BAZ", "foo_bar_baz"),
    ("something.com", "something_com"),
    ("_private", "private"),
    ("trailing_", "trailing"),
    ("user__id", "user_id"),
    ("Signed Up (11-01-2019)", "signed_up_11_01_2019"),
    ("@49L0S145_¬fwHƒ0TSLNVp", "49l0s145_fw_h_0tslnvp"),
    ("HTMLParser", "htmlparser"),
    ("CStringRef", "cstring_ref"),
    ("XMLHttpRequest", "xmlhttp_request"),
    ("iOSVersion", "i_osversion"),
    ("a1B2", "a1_b2"),
    ("THE5r", "the5r"),
    ("5TEst", "5test"),
    ("_5TEst", "5test"),
    ("edf_6N", "edf_6n"),
    ("f_pX9", "f_p_x9"),
    ("p_z9Rg", "p_z9_rg"),
    ("2FA Enabled", "2fa_enabled"),
    ("2020Report", "2020report"),
    ("naïve", "na_ve"),
    ("été", "t"),
    ("日本", ""),
    ("lk0B@bFmjrLQ_Z6YL", "lk0_b_b_fmjr_lq_z6yl"),
]


@pytest.mark.parametrize(("name", "expected"), SEGMENTS)
def test_snake_case_is_segments(name: str, expected: str):
    assert snake_case(name) == expected


@given(st.text())
def test_snake_case_is_total_ascii_and_stable(name: str):
    slug = snake_case(name)
    assert set(slug) <= set(string.ascii_lowercase + string.digits + "_")
    assert not slug.startswith("_")
    assert not slug.endswith("_")
    assert "__" not in slug
    assert snake_case(slug) == slug


@given(st.text(string.ascii_letters + string.digits + " _", min_size=1))
def test_only_case_and_separators_are_lost(name: str):
    assert snake_case(name).replace("_", "") == name.replace("_", "").replace(" ", "").lower()


@pytest.mark.parametrize(
    ("event", "slug", "table"),
    [
        ("Order Completed", "order_completed", "order_completed"),
        ("order_completed", "order_completed", "order_completed"),
        ("2FA Enabled", "2fa_enabled", "_2fa_enabled"),
        ("Users", "users", "_users"),
        ("tracks", "tracks", "_tracks"),
        ("Select", "select", "_select"),
        ("Order", "order", "_order"),
        ("Product Viewed", "product_viewed", "product_viewed"),
    ],
)
def test_event_names(event: str, slug: str, table: str):
    assert event_name(event, RULES) == (slug, table)


def test_an_event_without_ascii_gets_a_table_of_its_own():
    first, second = event_name("日本", RULES), event_name("中国", RULES)
    assert first.table.startswith("_x")
    assert first.table == f"_{first.slug}"
    assert first != second
    assert event_name("日本", RULES) == first


@given(st.text(min_size=1), st.text(min_size=1))
def test_events_share_a_table_exactly_when_they_share_a_slug(one: str, other: str):
    first, second = event_name(one, RULES), event_name(other, RULES)
    assert (first.slug == second.slug) == (first.table == second.table)
    assert first.table not in STANDARD_TABLES


@given(st.text(string.ascii_lowercase, min_size=1, max_size=3).map(lambda end: "a" * 300 + end), st.data())
def test_long_names_are_cut_without_being_merged(name: str, data: st.DataObject):
    other = data.draw(st.text(string.ascii_lowercase, min_size=1, max_size=3).map(lambda end: "a" * 300 + end))
    assert len(event_name(name, RULES).table) == RULES.max_length
    assert (event_name(name, RULES).table == event_name(other, RULES).table) == (name == other)
    assert event_name(name, RULES).slug == name


@pytest.mark.parametrize(
    ("path", "column"),
    [
        (("plan",), "plan"),
        (("address", "street"), "address_street"),
        (("meta", "A/B", "x1Y"), "meta_a_b_x1_y"),
        (("userId",), "_user_id"),
        (("event",), "_event"),
        (("timestamp",), "_timestamp"),
        (("messageId",), "message_id"),
        (("context", "ip"), "_context_ip"),
        (("contextual",), "contextual"),
        (("order",), "_order"),
        (("2nd",), "_2nd"),
        (("group_id",), "group_id"),
        (("",), "_xddd9c40767f9"),
    ],
)
def test_columns_of_properties(path: tuple[str, ...], column: str):
    assert column_name(path, RULES) == column


def test_own_columns_of_a_table_are_reserved_there():
    assert column_name(("groupId",), RULES, frozenset({"group_id"})) == "_group_id"


def test_columns_of_the_context_follow_the_rule():
    assert context_column_name(("field", "nestedA", "nestedB"), RULES) == "context_field_nested_a_nested_b"


@pytest.mark.parametrize(
    ("source", "schema"),
    [("shop", "shop"), ("my-app", "my_app"), ("warehouse", "_warehouse"), ("temp", "_temp"), ("main", "main")],
)
def test_schemas(source: str, schema: str):
    assert schema_name(source, RULES) == schema


@settings(deadline=None)
@given(name=st.one_of(ASCII_WORDS, st.sampled_from(sorted(RULES.reserved))))
def test_a_name_needs_no_quotes_in_duckdb(in_memory: DuckDBPyConnection, name: str):
    column, table = column_name((name,), RULES), event_name(name, RULES).table
    in_memory.execute(f'CREATE OR REPLACE TABLE "{table}" ("{column}" INTEGER)')
    in_memory.execute(f"INSERT INTO {table} ({column}) VALUES (7)")
    found = in_memory.execute(f"SELECT {column}, max({column}) FROM {table} WHERE {column} = 7 GROUP BY {column}")
    assert found.fetchall() == [(7, 7)]


def test_the_list_of_reserved_words_is_that_of_the_installed_duckdb(in_memory: DuckDBPyConnection):
    words = in_memory.execute("SELECT DISTINCT keyword_name FROM duckdb_keywords()").fetchall()
    failing = {word for (word,) in words if not _works_unquoted(in_memory, word)}
    assert failing - RULES.reserved == set()


def _works_unquoted(connection: DuckDBPyConnection, word: str) -> bool:
    table = f'WITH "{word}" AS (SELECT 7 AS "{word}")'
    try:
        found = connection.execute(f"{table} SELECT {word}, max({word}) FROM {word} GROUP BY {word}")
        return found.fetchall() == [(7, 7)]
    except duckdb.Error:
        return False
