"""Semantic events: recognising them, and what their properties should be."""

import copy
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.events.reasons import FINDINGS
from trackway.events.semantic import check_properties, recognise, rename_properties, semantic_events


def named(name: str) -> str | None:
    found = recognise(name)
    return found.name if found else None


@pytest.mark.parametrize(("object_", "action", "name"), [
    ("order", "completed", "Order Completed"),
    ("product list", "viewed", "Product List Viewed"),
    ("product category", "viewed", "Product List Viewed"),
    ("checkout step", "completed", "Checkout Step Completed"),
    ("video ad", "playing", "Video Ad Playing"),
    ("product", "added to wishlist", "Product Added to Wishlist"),
    ("email", "marked as spam", "Email Marked as Spam"),
    ("live chat message", "sent", "Live Chat Message Sent"),
    ("order", "started", "Checkout Started"),
    ("deep link", "opened", "Deep Link Opened"),
])  # fmt: skip
def test_both_orders_any_case_and_separator_are_recognised(object_: str, action: str, name: str):
    for words, separator in product((f"{object_} {action}", f"{action} {object_}"), (" ", "_", "")):
        spelled = words.replace(" ", separator)
        for cased in (spelled, spelled.upper(), spelled.title(), f"_{spelled} "):
            assert named(cased) == name, cased


@pytest.mark.parametrize(
    "name", ["Order", "Completed", "Order Complete", "order-completed", "My Order Completed", "", "é"]
)
def test_other_names_are_not(name: str):
    assert recognise(name) is None


def test_names_that_may_be_a_customers_own_are_recognised_as_written_only():
    assert named("Signed Up") == "Signed Up"
    assert recognise("signed_up") is None and recognise("Sent Message") is None


def test_every_event_recognises_itself_and_no_spelling_means_two():
    assert len(semantic_events()) == 90
    for name in semantic_events():
        assert named(name) == name


@pytest.mark.parametrize(("name", "properties", "expected"), [
    ("Order Completed", {"order_id": "1", "revenue": 5, "products": []}, []),
    ("Order Completed", {"order_id": "1", "total": 5.5, "products": [{"sku": "a", "price": 3}], "x": {}}, []),
    ("Order Completed", {"total": 5}, [
        ("property_missing", "/properties/order_id"), ("property_missing", "/properties/products")]),
    ("Order Completed", {"order_id": 1, "total": "5", "products": {}}, [
        ("property_mistyped", "/properties/order_id"), ("property_mistyped", "/properties/total"),
        ("property_mistyped", "/properties/products")]),
    ("Order Refunded", {"order_id": "1", "products": [{"sku": "a", "price": "3"}, {"name": "b"}]}, [
        ("property_mistyped", "/properties/products/0/price"),
        ("property_missing", "/properties/products/1/product_id")]),
    ("Product Viewed", {"sku": "a", "position": True}, [("property_mistyped", "/properties/position")]),
    ("Product Viewed", {"price": 3}, [("property_missing", "/properties/product_id")]),
    ("Video Ad Playing", {"type": "mid-roll", "position": 3.0, "livestream": "no", "quartile": 4}, [
        ("property_mistyped", "/properties/quartile")]),
    ("Video Ad Playing", {"type": "banner", "position": 3.5}, [
        ("property_mistyped", "/properties/type"), ("property_mistyped", "/properties/position")]),
    ("Video Playback Started", {"ad_type": ["pre-roll", "x"], "content_asset_ids": ["a", 1]}, [
        ("property_mistyped", "/properties/ad_type/1"), ("property_mistyped", "/properties/content_asset_ids/1")]),
    ("Video Content Started", {"airdate": "2026-11-20", "keywords": ["a"]}, []),
    ("Video Content Started", {"airdate": "soon"}, [("property_mistyped", "/properties/airdate")]),
    ("Cart Viewed", {"cart_id": None}, []),
])  # fmt: skip
def test_what_is_found_in_the_properties(name: str, properties: dict[str, Any], expected: list[tuple[str, str]]):
    event = recognise(name)
    assert event is not None
    before = copy.deepcopy(properties)
    found = check_properties(event, properties)
    assert [(one.code, one.pointer) for one in found] == expected
    assert properties == before


def test_a_hundred_wrong_products_are_twenty_findings():
    event = recognise("Cart Viewed")
    assert event is not None
    assert len(check_properties(event, {"products": [{"sku": 1}] * 100})) == 20


@pytest.mark.parametrize(("name", "sent", "kept"), [
    ("Product Viewed", {"productId": "a", "imageUrl": "u"}, {"product_id": "a", "image_url": "u"}),
    ("Product Viewed", {"id": "a"}, {"product_id": "a"}),
    ("Product Viewed", {"id": "a", "product_id": "b"}, {"id": "a", "product_id": "b"}),
    ("Order Completed", {"id": "a"}, {"order_id": "a"}),
    ("Order Completed", {"id": "a", "orderId": "b"}, {"id": "a", "order_id": "b"}),
    ("Cart Viewed", {"id": "a"}, {"id": "a"}),
    ("Video Quality Updated", {"droppedFrames": 3}, {"droppedFrames": 3}),
])  # fmt: skip
def test_other_spellings_of_properties(name: str, sent: dict[str, Any], kept: dict[str, Any]):
    event = recognise(name)
    assert event is not None
    for properties in (dict(sent), dict(reversed(sent.items()))):
        remarks = rename_properties(event, properties)
        assert properties == kept
        assert {one.detail for one in remarks} == sent.keys() - kept.keys()


def test_other_spellings_in_products():
    event = recognise("Order Completed")
    assert event is not None
    products = [{"productId": "a", "imageUrl": "u"}, {"id": "b", "sku": "s"}, {"id": "c", "product_id": "d"}, 7, None]
    properties = {"products": copy.deepcopy(products)}
    remarks = rename_properties(event, properties)
    assert properties["products"] == [
        {"product_id": "a", "image_url": "u"}, {"product_id": "b", "sku": "s"}, {"id": "c", "product_id": "d"}, 7, None,
    ]  # fmt: skip
    assert [(one.pointer, one.detail) for one in remarks] == [
        ("/properties/products/0/product_id", "productId"),
        ("/properties/products/0/image_url", "imageUrl"),
        ("/properties/products/1/product_id", "id"),
    ]
    assert not rename_properties(event, properties)
    checkout = recognise("Checkout Step Viewed")
    assert checkout is not None
    assert not rename_properties(checkout, {"products": products})


properties = st.dictionaries(
    st.sampled_from(["order_id", "orderId", "id", "products", "total", "type", "x"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["sku", "price"]), inner),
        max_leaves=5,
    ),
)


@given(st.sampled_from(sorted(semantic_events())), properties)
def test_any_properties_can_be_checked_and_no_value_is_lost(name: str, sent: dict[str, Any]):
    event = semantic_events()[name]
    renamed = copy.deepcopy(sent)
    rename_properties(event, renamed)
    assert sorted(map(repr, renamed.values())) == sorted(map(repr, sent.values()))
    assert renamed.get("x") == sent.get("x")
    once = dict(renamed)
    assert not rename_properties(event, once) and once == renamed
    assert {one.code for one in check_properties(event, renamed)} <= FINDINGS.keys()
