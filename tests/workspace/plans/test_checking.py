import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.workspace.plans import Plan, PlanCheck, Row, Rule, read_plan
from trackway.workspace.plans.checking import Verdict

SHOP = PlanCheck(read_plan(Path(__file__).parent / "shop.yaml"))
ORDER: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "properties": {
        "order_id": "o-1",
        "total": 20,
        "currency": "EUR",
        "coupon": None,
        "paid_at": "2026-11-20T10:00:00Z",
        "address": {"city": "Berlin"},
        "products": [{"sku": "s", "price": 1.5}],
    },
    "context": {"app": {"version": "1.0"}, "locale": "de-DE", "anything": {"else": 1}},
}


def changed(properties: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    event = copy.deepcopy(ORDER)
    event["properties"] |= properties or {}
    return event | others


def without(*names: str) -> dict[str, Any]:
    event = copy.deepcopy(ORDER)
    for name in names:
        del event["properties"][name]
    return event


def told(verdict: Verdict) -> list[tuple[str, str, str]]:
    return [(one.kind, one.pointer, one.description) for one in verdict.violations]


def test_a_planned_event_has_no_violations():
    assert SHOP.judge(ORDER) == ([], False)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (without("total"), [("required", "/properties/total", "properties.total is required")]),
        (
            changed({"total": "20"}),
            [("invalid_type", "/properties/total", "properties.total should be a number, was a string")],
        ),
        (
            changed({"total": True}),
            [("invalid_type", "/properties/total", "properties.total should be a number, was true or false")],
        ),
        (
            changed({"coupon": 5}),
            [("invalid_type", "/properties/coupon", "properties.coupon should be null or a string, was a number")],
        ),
        (
            changed({"total": -1}),
            [("invalid_value", "/properties/total", "properties.total should be at least 0")],
        ),
        (
            changed({"currency": "GBP"}),
            [("invalid_value", "/properties/currency", "properties.currency should be one of USD, EUR")],
        ),
        (
            changed({"coupon": "abc"}),
            [("invalid_value", "/properties/coupon", "properties.coupon should match ^[A-Z0-9]{4,12}$")],
        ),
        (
            changed({"paid_at": "yesterday"}),
            [
                (
                    "invalid_value",
                    "/properties/paid_at",
                    "properties.paid_at should be a moment in ISO 8601, such as 2026-11-20T10:00:00Z",
                )
            ],
        ),
        (
            changed({"a/b": 1}),
            [("unplanned_property", "/properties/a~1b", "properties.a/b is not in the plan")],
        ),
        (
            changed({"address": {"zip": "1"}}),
            [("unplanned_property", "/properties/address/zip", "properties.address.zip is not in the plan")],
        ),
        (
            changed({"products": [{"sku": "s"}, {"price": 1, "colour": "red"}, 3]}),
            [
                (
                    "unplanned_property",
                    "/properties/products/1/colour",
                    "properties.products.1.colour is not in the plan",
                ),
                ("required", "/properties/products/1/sku", "properties.products.1.sku is required"),
                (
                    "invalid_type",
                    "/properties/products/2",
                    "properties.products.2 should be an object, was a number",
                ),
            ],
        ),
        (
            changed(context={"app": {"version": 1}, "locale": "much too long"}),
            [
                ("invalid_type", "/context/app/version", "context.app.version should be a string, was a number"),
                ("invalid_value", "/context/locale", "context.locale does not fit `maxLength` of its schema"),
            ],
        ),
        (changed(event="order completed"), [("unplanned", "/event", "the event is not in the plan")]),
        (
            {"type": "track", "event": "Logged Out", "properties": {"why": "bored"}, "context": {}},
            [("unplanned_property", "/properties/why", "properties.why is not in the plan")],
        ),
        (
            {"type": "identify", "traits": {"email": 1, "age": 1.5, "name": "A"}, "context": {}},
            [
                ("invalid_type", "/traits/age", "traits.age should be a whole number, was a number"),
                ("invalid_type", "/traits/email", "traits.email should be a string, was a number"),
                ("unplanned_property", "/traits/name", "traits.name is not in the plan"),
            ],
        ),
        (
            {"type": "page", "properties": {}, "context": {}},
            [("required", "/properties/path", "properties.path is required")],
        ),
        ({"type": "screen", "properties": {"x": 1}, "context": {}}, []),
        ({"type": "alias", "context": {}}, []),
    ],
)
def test_violations(event: dict[str, Any], expected: list[tuple[str, str, str]]):
    assert sorted(told(SHOP.judge(event))) == sorted(expected)


@pytest.mark.parametrize(
    ("version", "field", "unknown"),
    [(1, None, False), (2, "properties.channel", False), (3, None, True), ("2", None, True), (None, None, False)],
)
def test_the_version_is_the_one_the_event_names_else_the_oldest(version: Any, field: str | None, unknown: bool):
    protocols = {} if version is None else {"protocols": {"event_version": version}}
    event = {"type": "track", "event": "Signed Up", "properties": {"plan": "free"}, "context": protocols}
    verdict = SHOP.judge(event)
    assert [one.field for one in verdict.violations] == ([field] if field else [])
    assert verdict.unknown_version is unknown


def test_the_common_rule_is_judged_for_unplanned_events_too():
    event = {"type": "track", "event": "Nobody Knows", "properties": {}, "context": {"locale": 5}}
    assert [(one.kind, one.common) for one in SHOP.judge(event).violations] == [
        ("unplanned", False),
        ("invalid_type", True),
    ]


def test_what_a_plan_does_not_speak_of_is_free():
    check = PlanCheck(Plan(name="x", rules=(Rule(type="identify", tables=("traits",)),)))
    assert check.judge({"type": "track", "event": "Anything", "properties": {"a": 1}, "context": {}}).violations == []
    only_name = PlanCheck(Plan(name="x", rules=(Rule(type="track", event="A"),)))
    assert only_name.judge({"type": "track", "event": "A", "properties": {"a": 1}, "context": {}}).violations == []


def test_nothing_of_a_violation_quotes_the_value():
    secret = "4111-1111"
    event = changed({"total": secret, "currency": secret, "coupon": secret, "address": secret, "paid_at": secret})
    verdict = SHOP.judge(event)
    assert len(verdict.violations) == 5
    assert secret not in repr(verdict)


_VALUES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, "a", "b", "USD"]) | st.just([])
_ROWS = st.builds(
    lambda name, types, required, enum: Row(
        path=("properties", name), types=types, required=required, enum=tuple(enum)
    ),
    st.sampled_from("abcd"),
    st.sampled_from([("any",), ("string",), ("number",), ("integer", "null"), ("boolean",)]),
    st.booleans(),
    st.sampled_from([[], [], ["a", 1], [None, True]]),
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(_ROWS, max_size=4, unique_by=lambda row: row.path),
    st.dictionaries(st.sampled_from("abcdx"), _VALUES, max_size=5),
)
def test_verdicts_agree_with_a_naive_reading_of_the_table(rows: list[Row], properties: dict[str, Any]):
    rule = Rule(type="track", event="E", rows=tuple(rows), tables=("properties",))
    event = {"type": "track", "event": "E", "properties": properties, "context": {}}
    found = {(one.kind, one.path[1]) for one in PlanCheck(Plan(name="x", rules=(rule,))).judge(event).violations}
    assert found == _naive({str(row.path[1]): row for row in rows}, properties)


def _naive(rows: dict[str, Row], properties: dict[str, Any]) -> set[tuple[str, str]]:
    tests = {
        "any": lambda value: True,
        "string": lambda value: isinstance(value, str),
        "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
        "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
        "boolean": lambda value: isinstance(value, bool),
        "null": lambda value: value is None,
    }
    found = {("required", name) for name, row in rows.items() if row.required and name not in properties}
    for name, value in properties.items():
        if name not in rows:
            found.add(("unplanned_property", name))
            continue
        if not any(tests[type_](value) for type_ in rows[name].types):
            found.add(("invalid_type", name))
        permitted = [(type(one), one) for one in rows[name].enum]
        if permitted and (type(value), value) not in permitted:
            found.add(("invalid_value", name))
    return found
