"""What is wrong with an event's context: fields whose meaning is fixed and whose value is another one.

Source: Segment's "Spec: Common fields" (context). Nothing is changed: it is for people who write a call. Other members
are anybody's own.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, cast
from zoneinfo import available_timezones

from trackway.events.remarks import shown


class ContextProblem(NamedTuple):
    """One thing that is wrong with a context."""

    pointer: str
    """Within the event: `/context/ip`."""
    message: str


class _Kind(NamedTuple):
    """What a field must be, as a sentence goes on after `is`."""

    words: str
    holds: Callable[[object], bool]


def check_context(context: object) -> list[ContextProblem]:
    """Return what is wrong with a context, in the order of its members; null counts as absent."""
    if not isinstance(context, dict):
        return [] if context is None else [ContextProblem("/context", "`context` is an object.")]
    return list(_check(cast("dict[str, Any]", context), _FIELDS, "/context"))


def _check(found: Mapping[str, Any], fields: Mapping[str, Any], pointer: str) -> Iterator[ContextProblem]:
    for name, value in found.items():
        expected = fields.get(name)
        if expected is None or value is None:
            continue
        here = f"{pointer}/{name}"
        if isinstance(expected, _Kind):
            if not expected.holds(value):
                yield ContextProblem(here, f"`{name}` is {expected.words}, not {shown(value)}.")
        elif not isinstance(value, dict):
            yield ContextProblem(here, f"`{name}` is an object with {', '.join(expected)}, not {shown(value)}.")
        else:
            yield from _check(cast("dict[str, Any]", value), expected, here)


def _is_ip(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


@cache
def _zones() -> frozenset[str]:
    """The names that IANA gives; none on a machine without a time zone database, where any will do."""
    return frozenset(available_timezones())


_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")


def _is_zone(value: object) -> bool:
    return isinstance(value, str) and (not _zones() or value in _zones())


def _is_language(value: object) -> bool:
    return isinstance(value, str) and _LOCALE.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kind)


_TEXT = _Kind("text", _of(str))
_NUMBER = _Kind("a number", _is_number)
_TRUTH = _Kind("true or false", _of(bool))
_OBJECT = _Kind("an object", _of(dict))
_IP = _Kind("an IP address as text, such as 203.0.113.7", _is_ip)
_ZONE = _Kind("the name of a time zone, such as Europe/Berlin", _is_zone)
_LANGUAGE = _Kind("a language as text, such as en-US", _is_language)


def _texts(*names: str) -> dict[str, _Kind]:
    return dict.fromkeys(names, _TEXT)


_FIELDS: dict[str, Any] = {
    "active": _TRUTH,
    "app": _texts("name", "version", "build", "namespace"),
    "campaign": _texts("name", "source", "medium", "term", "content"),
    "channel": _TEXT,
    "device": {
        **_texts("id", "advertisingId", "manufacturer", "model", "name", "type", "version", "token"),
        "adTrackingEnabled": _TRUTH,
    },
    "direct": _TRUTH,
    "groupId": _TEXT,
    "instanceId": _TEXT,
    "ip": _IP,
    "library": _texts("name", "version"),
    "locale": _LANGUAGE,
    "location": {**_texts("city", "country", "region"), "latitude": _NUMBER, "longitude": _NUMBER, "speed": _NUMBER},
    "network": {"bluetooth": _TRUTH, "carrier": _TEXT, "cellular": _TRUTH, "wifi": _TRUTH},
    "os": _texts("name", "version"),
    "page": _texts("path", "referrer", "search", "title", "url"),
    "referrer": _OBJECT,
    "screen": {"density": _NUMBER, "height": _NUMBER, "width": _NUMBER},
    "timezone": _ZONE,
    "traits": _OBJECT,
    "userAgent": _TEXT,
}
