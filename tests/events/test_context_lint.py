"""A context whose members have another meaning than everybody expects is told, member by member."""

from typing import Any

import pytest

from trackway.events.context_lint import check_context

GOOD = {
    "active": False,
    "app": {"name": "Shop", "version": "4.12.0", "build": "77", "own": 5},
    "campaign": {"name": "spring", "source": None},
    "device": {"id": "d", "adTrackingEnabled": True, "type": "ios"},
    "ip": "2001:db8::1",
    "library": {"name": "analytics.js", "version": "1"},
    "locale": "zh-Hant-TW",
    "location": {"city": "Bern", "latitude": 46.9, "longitude": 7},
    "network": {"wifi": True, "carrier": "x"},
    "page": {"url": "https://shop.example/", "title": ""},
    "screen": {"width": 390, "density": 2.5},
    "timezone": "Europe/Berlin",
    "traits": {"email": 7},
    "userAgent": "Mozilla/5.0",
    "somebodysOwn": [1],
}


@pytest.mark.parametrize("context", [None, {}, GOOD, {"ip": "0.0.0.0"}, {"ip": None, "timezone": "UTC"}])
def test_what_is_as_documented_passes(context: Any):
    assert check_context(context) == []


@pytest.mark.parametrize(
    ("context", "pointer", "words"),
    [
        ({"ip": 7}, "/context/ip", "an IP address as text"),
        ({"ip": "here"}, "/context/ip", "not here"),
        ({"locale": 5}, "/context/locale", "such as en-US"),
        ({"locale": "English, please"}, "/context/locale", "such as en-US"),
        ({"timezone": "Nowhere/Else"}, "/context/timezone", "such as Europe/Berlin"),
        ({"timezone": 2}, "/context/timezone", "time zone"),
        ({"page": "https://x.example"}, "/context/page", "an object with path, referrer"),
        ({"page": {"url": 1}}, "/context/page/url", "`url` is text"),
        ({"screen": {"width": "390"}}, "/context/screen/width", "a number"),
        ({"location": {"latitude": True}}, "/context/location/latitude", "a number"),
        ({"device": {"adTrackingEnabled": "yes"}}, "/context/device/adTrackingEnabled", "true or false"),
        ({"traits": []}, "/context/traits", "an object"),
        ("x", "/context", "an object"),
        ([], "/context", "an object"),
    ],
)
def test_what_means_something_else_is_told_with_its_place(context: Any, pointer: str, words: str):
    [problem] = check_context(context)
    assert problem.pointer == pointer
    assert words in problem.message
