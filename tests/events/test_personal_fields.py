"""What keys and values are taken for personal data, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.events.personal_fields import LEVELS, kind_of_key, kind_of_value, may_be


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("ssn", "social security number"),
        ("userSSN", "social security number"),
        ("social_security_number", "social security number"),
        ("creditCardNumber", "credit card"),
        ("cardnumber", "credit card"),
        ("CVC", "credit card"),
        ("password", "password"),
        ("resetToken", "token"),
        ("api-key", "token"),
        ("iban", "bank account"),
        ("passportNo", "passport"),
        ("e-mail", "email"),
        ("emailAddress", "email"),
        ("invitee_emails", "email"),
        ("clientIP", "ip"),
        ("ip_address", "ip"),
        ("homePhones", "phone"),
        ("billing_addresses", "address"),
        ("allergies", "allergy"),
        ("DateOfBirth", "birthdate"),
        ("first name", "name"),
        ("lastName", "name"),
        ("zip", "zipcode"),
        ("Geschlecht gender", "gender"),
        ("lat", "place"),
        ("deviceId", "device id"),
    ],
)
def test_keys_of_personal_data(key: str, kind: str):
    assert kind_of_key(key) == kind


@pytest.mark.parametrize(
    "key",
    [
        *("", "$", "名前", "name", "product_name", "tip", "shipping", "description", "capacity", "page", "stage"),
        *("trace", "machine", "sextant", "order_id", "email_subject", "email_id", "tokenCount", "condition"),
        *("passenger", "emailed", "visage", "language"),
    ],
)
def test_other_keys(key: str):
    assert kind_of_key(key) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ann@example.com", "email"),
        (" ann.o'neil+x@mail.example.co.uk ", "email"),
        ("123-45-6789", "social security number"),
        ("4111 1111 1111 1111", "credit card"),
        ("378282246310005", "credit card"),
        ("DE89 3704 0044 0532 0130 00", "bank account"),
        ("GB82WEST12345698765432", "bank account"),
        ("+49 (30) 901820", "phone"),
        ("00:1a:2b:3c:4d:5e", "mac"),
        ("203.0.113.7", "ip"),
        ("2001:db8::1", "ip"),
        ("::ffff:203.0.113.7", "ip"),
    ],
)
def test_values_that_look_like_personal_data(text: str, kind: str):
    assert kind_of_value(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "EUR",
            "4.12.0",
            "o-1001",
            "2026-11-27",
            "2026-11-27T10:00:00Z",
            "12:30:45",
            "1795819718002123",
            "@ann",
            "a@b",
        ),
        *("000-12-3456", "666-12-3456", "123-45-0000", "4111 1111 1111 1112", "DE88 3704 0044 0532 0130 00", "+1 23"),
        *("write to ann@example.com", "999.1.1.1", "9b1a2f7d-0c9e-4c1e-77aa-0f3e00001000", "٤١١١١١١١١١١١١١١١"),
        "a" * 300 + "@example.com",
    ],
)
def test_other_values(text: str):
    assert kind_of_value(text) is None


def test_four_numbers_of_a_version_are_no_address():
    assert kind_of_value("10.4.12.1") == "ip"
    assert kind_of_value("10.4.12.1", "appVersion") is None


@pytest.mark.parametrize(
    ("kind", "types", "may"),
    [
        ("email", {"string"}, True),
        ("birthdate", {"date-time"}, True),
        ("email", {"boolean", "integer"}, False),
        ("token", {"integer"}, False),
        ("social security number", {"integer"}, True),
        ("age", {"number", "null"}, True),
        ("veteran", {"boolean"}, True),
        ("phone", {"object"}, False),
    ],
)
def test_a_number_is_no_name_but_may_be_a_card(kind: str, types: set[str], may: bool):
    assert may_be(kind, types) is may


@given(st.text() | st.text("0123456789+-.:@ abcdefABCDEF", max_size=40))
def test_any_text_is_answered_with_a_kind_that_has_a_level(text: str):
    assert {kind_of_key(text), kind_of_value(text)} <= {None, *LEVELS}


@given(st.from_regex(r"4[0-9]{12,18}", fullmatch=True))
def test_of_ten_numbers_that_differ_in_the_last_digit_one_is_a_card(number: str):
    looks = [kind_of_value(f"{number[:-1]}{digit}") for digit in range(10)]
    assert looks.count("credit card") == 1 and set(looks) == {"credit card", None}
