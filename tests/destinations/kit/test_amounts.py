"""Amounts of money, as people and programs write them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import kit


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (5, 5),
        ("5.50", 5.5),
        ("$1,249.50", 1249.5),
        (" € 3 ", 3),
        ("-£2", -2),
        ("$-2", -2),
        ("12,50", 12.5),
        ("1,249", 1249),
        ("1.249,50 €", 1249.5),
        ("1 249,50", 1249.5),
        ("1'249.50", 1249.5),
        ("USD 12.5", 12.5),
        ("12.5 EUR", 12.5),
        ("1,249,5", None),
        ("XYZ 12", None),
        ("$12 USD", None),
        ("12-14", None),
        ("1e3", 1000),
        ("", None),
        (None, None),
        (True, None),
        ("free", None),
        (float("nan"), None),
        ({}, None),
    ],
)
def test_money(value: Any, amount: float | None) -> None:
    assert kit.as_money(value) == amount


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (19.99, "EUR", 1999),
        ("19.99", "usd", 1999),
        (500, "JPY", 500),
        (1.234, "KWD", 1234),
        (0.1, None, 10),
        (None, "EUR", None),
    ],
)
def test_minor_units(amount: Any, currency: Any, minor: int | None) -> None:
    assert kit.as_minor_units(amount, currency) == minor


def test_an_orders_value_is_the_sum_of_its_lines() -> None:
    assert kit.total_of([{"price": 0.1, "quantity": 3}, {"price": "2"}, {"quantity": 7}, None]) == 2.3
    assert kit.total_of([{"quantity": 7}]) is None
    assert kit.total_of("?") is None


@settings(max_examples=50)
@given(st.decimals(0, 10**6, places=2))
def test_cents_are_exact(amount: Any) -> None:
    assert kit.as_minor_units(float(amount), "EUR") == int(amount * 100)


def test_currencies() -> None:
    assert kit.is_currency("eur") and not kit.is_currency("EURO") and not kit.is_currency(None)
