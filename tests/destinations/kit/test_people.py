"""Identities as vendors match them: normalised, and hashed once."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import kit
from trackway.destinations.kit import people


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_hash_is_not_hashed_again() -> None:
    once = kit.sha256("ann@b.example")
    assert once == digest("ann@b.example")
    assert kit.sha256(once) == once
    assert kit.sha256(once.upper()) == once


@settings(max_examples=50)
@given(st.text())
def test_hashing_is_idempotent(text: str) -> None:
    assert kit.sha256(kit.sha256(text)) == kit.sha256(text)


@pytest.mark.parametrize("value", [None, "", {}, []])
def test_nothing_has_no_hash(value: Any) -> None:
    assert kit.sha256(value) is None


@pytest.mark.parametrize(
    ("value", "country", "phone"),
    [
        ("+1 (415) 555-0199", None, "+14155550199"),
        ("0049 30 901820", None, "+4930901820"),
        ("030 901820", "49", "+4930901820"),
        (14155550199, None, "+14155550199"),
        ("12", None, None),
        ("call me", None, None),
        ("1" * 16, None, None),
        (digest("x"), None, digest("x")),
        (None, None, None),
    ],
)
def test_phone_numbers(value: Any, country: str | None, phone: str | None) -> None:
    assert people.clean_phone(value, country) == phone


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("1990-02-14", "19900214"),
        ("1990-02-14T23:30:00+02:00", "19900214"),
        (635_000_000_000, "19900214"),
        (digest("x"), digest("x")),
        ("14.02.1990", None),
        ("1990-02-30", None),
        ("", None),
        (None, None),
    ],
)
def test_days(value: Any, day: str | None) -> None:
    assert people.clean_day(value) == day


def test_a_day_in_another_form() -> None:
    assert people.clean_day("1990-02-14", "%m/%d/%Y") == "02/14/1990"


def test_emails_and_names() -> None:
    assert people.clean_email("  Ann@B.Example ") == "ann@b.example"
    assert people.clean_email(7) is None
    assert people.clean_name("  Ann  Mary ") == "ann mary"


def test_as_expressions() -> None:
    made = kit.fields(
        em=kit.hashed(kit.email(kit.at("e"))),
        ph=kit.hashed(kit.phone(kit.at("p"))),
        db=kit.hashed(kit.day(kit.at("d"))),
    ).compiled()
    assert made({"e": " A@B.c "}) == {"em": digest("a@b.c")}
    assert made({"d": "1990-02-14"}) == {"db": digest("19900214")}
    assert made({"p": "+49 30 901820"}) == {"ph": digest("+4930901820")}
