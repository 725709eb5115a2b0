"""Amounts and currencies as people write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.events.money import AMBIGUOUS, CURRENCIES, Amount, parse_amount, parse_currency


@pytest.mark.parametrize(
    ("text", "number", "currency"),
    [
        ("$19.99", 19.99, None),
        ("1.299,00 €", 1299.0, "EUR"),
        ("€1.299,00", 1299.0, "EUR"),
        ("1 299,00", 1299.0, None),
        ("1\u202f299,00\u00a0€", 1299.0, "EUR"),
        ("1,299.00", 1299.0, None),
        ("1,299,000", 1299000, None),
        ("1.299.000", 1299000, None),
        ("1'299.50", 1299.5, None),
        ("1’299", 1299, None),
        ("12,34,567.89", 1234567.89, None),
        ("₹1,29,900", 129900, "INR"),
        ("1299.000", 1299.0, None),
        ("0,500", 0.5, None),
        ("0.125", 0.125, None),
        (".99", 0.99, None),
        ("19.", 19, None),
        ("19,9", 19.9, None),
        ("19,-", 19, None),
        ("19.–", 19, None),
        ("-$5", -5, None),
        ("$-5", -5, None),
        ("−5", -5, None),
        ("+5", 5, None),
        ("5 EUR", 5, "EUR"),
        ("usd 5", 5, "USD"),
        ("US$ 5", 5, "USD"),
        ("$5 USD", 5, "USD"),
        ("$1,299.00 CAD", 1299.0, "CAD"),
        ("R$ 10,00", 10.0, "BRL"),
        ("10 kr", 10, None),
        ("£0", 0, "GBP"),
        ("1e3", 1000.0, None),
        ("1,2345", 1.2345, None),
        ("  7 ", 7, None),
    ],
)
def test_an_amount_without_doubt(text, number, currency):
    found = parse_amount(text)
    assert isinstance(found, Amount) and (found.number, found.currency) == (number, currency)
    assert type(found.number) is type(number)


@pytest.mark.parametrize("text", ["1,299", "1.299", "12,345", "123.456", "$1,299", "1.299 €", "-1,299"])
def test_what_may_be_two_numbers_is_not_guessed(text):
    assert parse_amount(text) is AMBIGUOUS


@pytest.mark.parametrize(
    "text",
    ["", "$", "free", "007", "00.5", "1.2.3", "12 34", "1,299,00", "5%", "5-", "--5", "NaN", "Infinity", "1e999", "٣",
     "10-20", "19.99 per month", "2026-11-20", "1,2,3", "USD", "5 XYZ", "1" * 41, "1,299.00.00"],
)  # fmt: skip
def test_what_is_no_amount(text):
    assert parse_amount(text) is None


@given(st.text(alphabet="0123456789.,' -+$€eEUSD\u00a0", max_size=20) | st.text(max_size=45))
def test_any_text_gives_a_finite_number_or_none(text):
    found = parse_amount(text)
    if isinstance(found, Amount):
        assert math.isfinite(found.number)
        assert found.currency is None or found.currency in CURRENCIES


@given(st.integers(0, 10**9), st.integers(0, 99))
def test_every_way_of_grouping_gives_the_same_number(whole, cents):
    expected = float(f"{whole}.{cents:02d}")
    grouped = f"{whole:,}"
    for text in (
        f"{grouped}.{cents:02d}",
        f"{grouped.replace(',', '.')},{cents:02d}",
        f"{grouped.replace(',', ' ')},{cents:02d}",
        f"{grouped.replace(',', chr(39))}.{cents:02d}",
        f"{whole}.{cents:02d}",
        f"{whole},{cents:02d} €",
    ):
        found = parse_amount(text)
        assert isinstance(found, Amount) and found.number == expected, text


@pytest.mark.parametrize(
    ("text", "code"), [("usd", "USD"), (" Eur ", "EUR"), ("€", "EUR"), ("$", None), ("dollars", None), ("", None)]
)
def test_currencies(text, code):
    assert parse_currency(text) == code
