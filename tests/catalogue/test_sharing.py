"""What may be shown of values: a vocabulary, never a person."""

import pytest

from trackway.catalogue.sharing import is_data, is_personal, is_shareable


@pytest.mark.parametrize(
    "value",
    ["EUR", "free", "Games", "spring sale", "add-on", "C++", "Pro 2", "männlich", "out_of_stock", "en-GB", "R&D"],
)
def test_words_are_shown(value: str):
    assert is_shareable(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ann@example.com",
        "+49 30 901820",
        "0151 23456",
        "2026-11-20",
        "4111 1111 1111 1111",
        "sk_live_4eC39HqLyjWDarjtT1",
        "eyJhbGciOiJIUzI1NiJ9",
        "a1b2c3d4",
        "https://example.com",
        "example.com",
        "203.0.113.7",
        "DE89370400440532013000",
        "12 Long Street",
        "abcdefghijklmnopqrstuvwxyz",
        "She said that she would come tomorrow",
        "one two three four",
        "line\nline",
        "x" * 33,
    ],
)
def test_what_may_be_a_persons_or_a_secret_is_not_shown(value: str):
    assert not is_shareable(value)


@pytest.mark.parametrize(
    "key",
    [
        *(
            "email",
            "firstName",
            "last_name",
            "username",
            "phone",
            "userId",
            "order_id",
            "apiKey",
            "ip",
            "age",
            "zipCode",
        ),
        *("religion", "diagnosis", "sexualOrientation"),
    ],
)
def test_keys_of_persons_and_secrets(key: str):
    assert is_personal(key)


@pytest.mark.parametrize("key", ["plan", "currency", "paid", "valid", "page", "shipping", "tags", "category", "monkey"])
def test_keys_of_vocabularies(key: str):
    assert not is_personal(key)


def test_keys_that_are_values():
    for key in (
        "ann@example.com",
        "20261120",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "",
        "x" * 101,
        "$",
        "*",
        "a\x00b",
    ):
        assert is_data(key), key
    for key in ("order_id", "Größe", "utm 360", "a.b", "$name"):
        assert not is_data(key), key
