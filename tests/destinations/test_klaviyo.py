"""What the cases cannot show: phone numbers of many countries, and jobs that are halved."""

import re
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import kit, registry
from trackway.destinations.catalog.klaviyo.phones import COUNTRIES, e164
from trackway.destinations.destination import Exchange


# As Google's libphonenumber makes them.
@pytest.mark.parametrize(
    ("phone", "country", "whole"),
    [
        ("+4930901820", None, "+4930901820"),
        ("+49 30 901820", None, None),
        ("+49 30 901820", "DE", "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("(415) 555-0132", "US", "+14155550132"),
        ("1-415-555-0132", "US", "+14155550132"),
        ("555-0132", "US", None),
        ("06 1234 5678", "IT", "+390612345678"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("8 495 123-45-67", "RU", "+74951234567"),
        ("612 34 56 78", "ES", "+34612345678"),
        ("06 1 234 5678", "HU", "+3612345678"),
        ("03-1234-5678", "JP", "+81312345678"),
        ("+33 1 23 45 67 89", "DE", None),
        ("12", "DE", None),
        ("call me", "DE", None),
        ("030 901820", None, None),
        ("030 901820", "XX", None),
    ],
)
def test_phone_numbers(phone: str, country: str | None, whole: str | None) -> None:
    assert e164(phone, country) == whole


@given(st.text(), st.sampled_from(sorted(COUNTRIES)))
@settings(max_examples=100, deadline=None)
def test_a_number_is_whole_or_none_and_stays_as_it_is_then(phone: str, country: str) -> None:
    whole = e164(phone, country)
    assert whole is None or e164(whole) == whole


@given(st.sets(st.integers(0, 19)), st.integers(1, 20))
@settings(max_examples=50, deadline=None)
def test_wrong_events_are_found_though_no_answer_says_where(wrong: set[int], size: int) -> None:
    destination = registry.load("klaviyo", {"api_key": "pk-90fe"}, where="settings")
    rows = [row for number in range(size) for row in _rows(destination, number)]
    outcomes, accepted = _converse(destination.exchange(rows), wrong)
    assert [number for number in range(size) if isinstance(outcomes[number], kit.Rejected)] == sorted(
        number for number in wrong if number < size
    )
    assert sorted(accepted) == [number for number in range(size) if number not in wrong]


def test_the_second_half_of_a_job_waits_when_the_first_one_gets_no_answer() -> None:
    destination = registry.load("klaviyo", {"api_key": "pk-90fe"}, where="settings")
    exchange = destination.exchange([row for number in range(6) for row in _rows(destination, number)])
    next(exchange)
    half = exchange.send(kit.Response(status=413))
    assert re.findall(rb'"unique_id":"(\d+)"', half.content()) == [b"0", b"1", b"2"]
    with pytest.raises(StopIteration) as done:
        exchange.send(kit.Retry("ECONNRESET"))
    assert done.value.value == [kit.Retry("ECONNRESET")] * 6


def _rows(destination: registry.Destination, number: int) -> Sequence[kit.Row]:
    event = {"type": "track", "messageId": f"{number}", "userId": "u-1", "event": "Signed Up"}
    rows = destination.rows(kit.Event.from_json(msgspec.json.encode(event)))
    assert isinstance(rows, Sequence)
    return rows


def _converse(exchange: Exchange, wrong: set[int]) -> tuple[list[kit.Outcome], list[int]]:
    """Answer as an account would that takes no request with one of the `wrong` in it, and says no more than that."""
    accepted: list[int] = []
    try:
        request = next(exchange)
        while True:
            sent = [int(key) for key in re.findall(rb'"unique_id":"(\d+)"', request.content())]
            bad = wrong.intersection(sent)
            accepted += [] if bad else sent
            body = b'{"errors":[{"code":"invalid","detail":"wrong","source":{"pointer":"/data"}}]}' if bad else b""
            request = exchange.send(kit.Response(status=400 if bad else 202, body=body))
    except StopIteration as done:
        return done.value, accepted
