"""Reserved properties and traits."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from trackway.events.reasons import FINDINGS
from trackway.events.remarks import Remark
from trackway.events.reserved import GROUP_TRAITS, USER_TRAITS, default_currency, repair_properties, repair_traits


@pytest.mark.parametrize(
    ("sent", "kept", "remarks"),
    [
        ({"revenue": 19.99, "quantity": 2}, {"revenue": 19.99, "quantity": 2}, []),
        ({"revenue": "$19.99"}, {"revenue": 19.99}, [("number_was_text", "/properties/revenue", "$19.99")]),
        (
            {"total": "1.299,00 €"},
            {"total": 1299.0, "currency": "EUR"},
            [("number_was_text", "/properties/total", "1.299,00 €")],
        ),
        (
            {"total": "5 €", "currency": "CHF"},
            {"total": 5, "currency": "CHF"},
            [("number_was_text", "/properties/total", "5 €"), ("currency_conflict", "/properties/total", UNSET)],
        ),
        (
            {"revenue": "$5", "total": "6 €", "currency": "eur"},
            {"revenue": 5, "total": 6, "currency": "EUR"},
            [
                ("number_was_text", "/properties/revenue", "$5"),
                ("number_was_text", "/properties/total", "6 €"),
                ("currency_repaired", "/properties/currency", "eur"),
                ("currency_conflict", "/properties/revenue", UNSET),
            ],
        ),
        (
            {"revenue": "£5", "products": [{"price": "6 €"}, {"price": "7 GBP"}, {"price": "$8"}]},
            {"revenue": 5, "products": [{"price": 6}, {"price": 7}, {"price": 8}], "currency": "GBP"},
            [
                ("number_was_text", "/properties/revenue", "£5"),
                ("number_was_text", "/properties/products/0/price", "6 €"),
                ("number_was_text", "/properties/products/1/price", "7 GBP"),
                ("number_was_text", "/properties/products/2/price", "$8"),
                ("currency_conflict", "/properties/products/0/price", UNSET),
                ("currency_conflict", "/properties/products/2/price", UNSET),
            ],
        ),
        (
            {"revenue": "$5", "total": "6 $", "currency": "CAD"},
            {"revenue": 5, "total": 6, "currency": "CAD"},
            [("number_was_text", "/properties/revenue", "$5"), ("number_was_text", "/properties/total", "6 $")],
        ),
        (
            {"revenue": "5 €", "currency": "points"},
            {"revenue": 5, "currency": "points"},
            [("number_was_text", "/properties/revenue", "5 €"), ("currency_unknown", "/properties/currency", UNSET)],
        ),
        ({"price": "1,299"}, {"price": "1,299"}, [("number_ambiguous", "/properties/price", UNSET)]),
        ({"value": "blue"}, {"value": "blue"}, [("number_expected", "/properties/value", UNSET)]),
        ({"revenue": True}, {"revenue": True}, [("number_expected", "/properties/revenue", UNSET)]),
        ({"revenue": "", "price": None}, {"revenue": "", "price": None}, []),
        ({"quantity": "3"}, {"quantity": 3}, [("number_was_text", "/properties/quantity", "3")]),
        ({"currency": "usd"}, {"currency": "USD"}, [("currency_repaired", "/properties/currency", "usd")]),
        ({"currency": "€"}, {"currency": "EUR"}, [("currency_repaired", "/properties/currency", "€")]),
        ({"currency": "points"}, {"currency": "points"}, [("currency_unknown", "/properties/currency", UNSET)]),
        ({"currency": ["USD"]}, {"currency": ["USD"]}, [("currency_unknown", "/properties/currency", UNSET)]),
        (
            {"products": {"sku": "a", "price": "2"}},
            {"products": [{"sku": "a", "price": 2}]},
            [
                ("products_repaired", "/properties/products", {"sku": "a", "price": "2"}),
                ("number_was_text", "/properties/products/0/price", "2"),
            ],
        ),
        (
            {"products": '[{"sku":"a"}]'},
            {"products": [{"sku": "a"}]},
            [("products_repaired", "/properties/products", '[{"sku":"a"}]')],
        ),
        (
            {"products": [None, {"sku": "a"}]},
            {"products": [{"sku": "a"}]},
            [("products_repaired", "/properties/products", [None, {"sku": "a"}])],
        ),
        ({"products": ["a"]}, {"products": ["a"]}, [("products_expected", "/properties/products/0", UNSET)]),
        ({"products": "a, b"}, {"products": "a, b"}, [("products_expected", "/properties/products", UNSET)]),
        ({"products": 3}, {"products": 3}, [("products_expected", "/properties/products", UNSET)]),
    ],
)
def test_properties(sent: dict[str, Any], kept: dict[str, Any], remarks: list[tuple[str, str, Any]]):
    properties = copy.deepcopy(sent)
    found = repair_properties(properties)
    assert properties == kept
    assert [(one.code, one.pointer) for one in found] == [remark[:2] for remark in remarks]
    for one, (_, _, original) in zip(found, remarks, strict=True):
        if isinstance(original, dict):
            continue  # a single product stays the same object, whose members are repaired too
        assert one.original == original


def test_the_original_of_a_single_product_is_what_was_sent():
    properties: dict[str, Any] = {"products": {"sku": "a", "price": "2"}}
    first, second = repair_properties(properties)
    assert first.original == {"sku": "a", "price": "2"} and second.original == "2"


@pytest.mark.parametrize(
    ("properties", "currency"),
    [
        ({"revenue": 5}, "CHF"),
        ({"price": 5.5}, "CHF"),
        ({"total": 0}, "CHF"),
        ({"revenue": 5, "currency": "EUR"}, "EUR"),
        ({"revenue": 5, "currency": None}, "CHF"),
        ({"revenue": "five"}, None),
        ({"value": 5}, None),
        ({}, None),
    ],
)
def test_a_currency_is_set_where_money_is(properties: dict[str, Any], currency: str | None):
    default_currency(properties, "CHF")
    assert properties.get("currency") == currency


@pytest.mark.parametrize(
    ("traits", "kept", "remarks"),
    [
        ({"email": "a@b.c", "firstName": "Ada", "x": 1}, {"email": "a@b.c", "firstName": "Ada", "x": 1}, []),
        ({"email": 7}, {"email": 7}, [Remark("trait_mistyped", "/traits/email", "text expected, not 7")]),
        ({"first_name": ["Ada"]}, {"first_name": ["Ada"]}, [
            Remark("trait_mistyped", "/traits/first_name", 'text expected, not ["Ada"]')]),
        ({"id": 7, "phone": 49_30_1}, {"id": 7, "phone": 49_30_1}, []),
        ({"address": "Rue 1"}, {"address": "Rue 1"}, [
            Remark("trait_mistyped", "/traits/address", "an object expected, not Rue 1")]),
        ({"age": "36"}, {"age": 36}, [Remark("number_was_text", "/traits/age", "36", "36")]),
        ({"createdAt": "2026-11-20T10:00:00Z"}, {"createdAt": "2026-11-20T10:00:00Z"}, []),
        ({"createdAt": 1_795_168_800}, {"createdAt": "2026-11-20T10:00:00.000Z"}, [
            Remark("date_was_number", "/traits/createdAt", "1795168800", 1_795_168_800)]),
        ({"created_at": "1795168800000"}, {"created_at": "2026-11-20T10:00:00.000Z"}, [
            Remark("date_was_number", "/traits/created_at", "1795168800000", "1795168800000")]),
        ({"createdAt": "last May"}, {"createdAt": "last May"}, [
            Remark("date_unreadable", "/traits/createdAt", "last May")]),
        ({"birthday": "1965-02-14", "Birthday": "b5" * 32}, {"birthday": "1965-02-14", "Birthday": "b5" * 32}, []),
        ({"birthday": "in May"}, {"birthday": "in May"},
            [Remark("date_unreadable", "/traits/birthday", "in May")]),
        ({"birthday": -153964800}, {"birthday": -153964800},
            [Remark("trait_mistyped", "/traits/birthday", "a day expected, not -153964800")]),
        ({"email": None}, {"email": None}, []),
    ],
)  # fmt: skip
def test_traits(traits: dict[str, Any], kept: dict[str, Any], remarks: list[Remark]):
    assert repair_traits(traits, USER_TRAITS) == remarks
    assert traits == kept


def test_groups_have_traits_of_their_own():
    assert not repair_traits({"employees": 12, "plan": "pro"}, GROUP_TRAITS)
    assert repair_traits({"employees": {}}, GROUP_TRAITS)
    assert "age" not in GROUP_TRAITS


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(["$5", "1,299", "1.299,00 €", "usd", '[{"price":"3"}]', "1795168800"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["price", "quantity", "sku", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
properties = st.dictionaries(
    st.sampled_from(["revenue", "total", "value", "price", "quantity", "currency", "products", "x", "y"]), values
)
traits = st.dictionaries(
    st.sampled_from(["email", "age", "birthday", "createdAt", "company", "id", "first_name", "x"]), values
)


@given(properties)
def test_repairing_twice_is_repairing_once_and_other_properties_stay(sent: dict[str, Any]):
    once = copy.deepcopy(sent)
    remarks = repair_properties(once)
    default_currency(once, "USD")
    assert {one.code for one in remarks} <= FINDINGS.keys()
    assert once.keys() - {"currency"} == sent.keys() - {"currency"}
    assert {name: once[name] for name in ("x", "y") if name in once} == {n: sent[n] for n in ("x", "y") if n in sent}
    twice = copy.deepcopy(once)
    again = repair_properties(twice)
    default_currency(twice, "USD")
    assert twice == once
    assert all(one.original is UNSET for one in again)


@given(traits)
def test_repairing_traits_twice_is_repairing_them_once(sent: dict[str, Any]):
    once = copy.deepcopy(sent)
    repair_traits(once, USER_TRAITS)
    assert once.keys() == sent.keys() and once.get("x") == sent.get("x")
    twice = copy.deepcopy(once)
    assert all(one.original is UNSET for one in repair_traits(twice, USER_TRAITS))
    assert twice == once
