"""The stages of reserved properties and semantic events."""

from typing import Any

import pytest

from tests.pipeline.drafts import draft
from trackway.pipeline.chain import build_default_chain
from trackway.pipeline.draft import Draft
from trackway.pipeline.stages.reserved_properties import DefaultCurrency, ReservedProperties
from trackway.pipeline.stages.semantic_events import SemanticEvents


def codes(one: Draft) -> list[tuple[str, str, str]]:
    return [(found.code, found.pointer, found.detail) for found in one.findings]


def track(event: str, properties: dict[str, Any], *, source: str = "web") -> Draft:
    return draft({"event": event, "properties": properties}, source=source)


def test_amounts_become_numbers_and_the_original_is_kept():
    one = track("Ordered", {"revenue": "$19.99", "x": "$1"})
    ReservedProperties().run([one])
    assert one.event["properties"] == {"revenue": 19.99, "x": "$1"}
    assert one.context()["trackway"]["original"] == [{"pointer": "/properties/revenue", "value": "$19.99"}]
    assert codes(one) == [("number_was_text", "/properties/revenue", "$19.99")]


def test_traits_are_repaired_by_the_kind_of_call():
    person = draft({"type": "identify", "traits": {"age": "36", "createdAt": 1_795_168_800}})
    group = draft({"type": "group", "traits": {"age": "36", "createdAt": "soon"}})
    page = draft({"type": "page", "properties": {"price": "$5"}})
    ReservedProperties().run([person, group, page])
    assert person.event["traits"] == {"age": 36, "createdAt": "2026-11-20T10:00:00.000Z"}
    assert [entry["pointer"] for entry in person.context()["trackway"]["original"]] == [
        "/traits/age", "/traits/createdAt"]  # fmt: skip
    assert group.event["traits"] == {"age": "36", "createdAt": "soon"} and codes(group)[0][0] == "date_unreadable"
    assert page.event["properties"] == {"price": "$5"}


def test_old_names_become_current_ones_and_the_original_is_kept():
    one = track("completed_order", {"orderId": "o", "total": 5, "products": []})
    SemanticEvents().run([one])
    assert one.event["event"] == "Order Completed" and one.event["properties"]["order_id"] == "o"
    assert one.context()["trackway"]["original"] == [{"pointer": "/event", "value": "completed_order"}]
    assert codes(one) == [
        ("event_renamed", "/event", "completed_order"),
        ("property_renamed", "/properties/order_id", "orderId"),
    ]


def test_names_may_stay_and_properties_are_reported_all_the_same():
    one = track("Completed Order", {"orderId": "o", "revenue": "x", "products": []})
    SemanticEvents(rename=False).run([one])
    assert one.event["event"] == "Completed Order"
    assert [code for code, _, _ in codes(one)] == ["property_mistyped", "property_missing"]


def test_sources_can_be_left_alone():
    one, other = track("Completed Order", {"total": "$5"}), track("Completed Order", {"total": "$5"}, source="app")
    for stage in (ReservedProperties, SemanticEvents):
        stage(frozenset({"app"})).run([one, other])
    DefaultCurrency("USD", frozenset({"app"})).run([one, other])
    assert one.event["event"] == "Order Completed" and one.event["properties"] == {"total": 5, "currency": "USD"}
    assert other.event["event"] == "Completed Order" and other.event["properties"] == {"total": "$5"}
    assert other.findings == []


def test_a_calls_own_trackway_context_that_is_no_object_gives_way():
    one = draft({"event": "E", "properties": {"price": "$5"}, "context": {"trackway": "mine"}})
    ReservedProperties().run([one])
    assert one.context()["trackway"] == {"original": [{"pointer": "/properties/price", "value": "$5"}]}


def test_an_event_whose_properties_a_function_took_away_has_no_currency():
    without, odd = draft({"event": "E"}), draft({"event": "E", "properties": []})
    DefaultCurrency("USD").run([without, odd])
    assert "properties" not in without.event and odd.event["properties"] == []


@pytest.mark.parametrize(
    ("sent", "default", "currency"),
    [
        ("5 kr", "SEK", "SEK"),
        ("5 kr", "USD", None),
        ("¥500", "USD", None),
        ("$5", "USD", "USD"),
        ("$5", "CAD", "CAD"),
        ("$5", "EUR", None),
        ("5", "EUR", "EUR"),
    ],
)
def test_an_amount_is_not_said_to_be_in_a_currency_that_its_sign_is_not_of(sent, default, currency):
    one = track("Fee Paid", {"revenue": sent})
    for stage in (ReservedProperties(), DefaultCurrency(default)):
        stage.run([one])
    assert one.event["properties"]["revenue"] in (5, 500) and one.event["properties"].get("currency") == currency
    doubts = [finding for finding in one.findings if finding.code == "currency_ambiguous"]
    assert [(doubt.pointer, doubt.detail) for doubt in doubts] == ([] if currency else [("/properties/revenue", sent)])


def test_what_was_repaired_or_remarked_on_is_not_mistyped_besides():
    products = {"sku": "s", "price": "1.299"}
    one = track("Order Completed", {"order_id": "o", "revenue": "$19.99", "products": products, "shipping": "x"})
    for stage in build_default_chain()[-3:]:
        stage.run([one])
    assert codes(one) == [
        ("number_was_text", "/properties/revenue", "$19.99"),
        ("products_repaired", "/properties/products", '{"sku": "s", "price": "1.299"}'),
        ("number_ambiguous", "/properties/products/0/price", "1.299"),
        ("property_mistyped", "/properties/shipping", "number expected, not x"),
    ]


def test_a_currency_that_the_plan_took_away_is_not_replaced_by_another():
    one = track("Fee Paid", {"revenue": 5})
    one.find("plan_invalid_value", "/properties/currency", "properties.currency should be one of USD, EUR")
    DefaultCurrency("USD").run([one])
    assert one.event["properties"] == {"revenue": 5}
