"""What the collector answers: bodies and headers that every stock client understands.

Success is exactly 200 with `{"success": true}` (several clients take any other 2xx for an error). An error is a JSON
object with `code` and `message`, without which Python's client repeats a hopeless request ten times. Every answer
carries the CORS headers, errors as well: a browser could not read them otherwise and would try again for ever.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from trackway.events.reasons import REFUSALS

Header = tuple[bytes, bytes]

_encode = msgspec.json.Encoder().encode
_JSON: Header = (b"content-type", b"application/json")
_EXPOSED = (b"access-control-expose-headers", b"retry-after")
_ANY_ORIGIN: list[Header] = [(b"access-control-allow-origin", b"*")]


class Answer(NamedTuple):
    """Status, headers without the CORS ones, body."""

    status: int
    headers: list[Header]
    body: bytes


def json_answer(status: int, value: Any, *headers: Header) -> Answer:
    """Return an answer whose body is `value` as JSON."""
    body = _encode(value)
    return Answer(status, [_JSON, (b"content-length", b"%d" % len(body)), *headers], body)


SUCCESS = json_answer(200, {"success": True})
PREFLIGHT_HEADERS: list[Header] = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, content-encoding, x-retry-count, prefer"),
    (b"access-control-max-age", b"86400"),
]
PREFLIGHT = Answer(204, PREFLIGHT_HEADERS, b"")


def error(
    status: int, code: str, message: str | None = None, *headers: Header, more: Mapping[str, Any] | None = None
) -> Answer:
    """Return an error; the sentence is the reason's own unless given, `more` are further members."""
    sentence = message or REFUSALS[code]
    value = {"success": False, "code": code, "message": sentence, "error": sentence, **(more or {})}
    return json_answer(status, value, *headers)


def try_later(message: str, *, after_s: int = 5) -> Answer:
    """Return 429: stock clients hold on for hours with it, but give up after minutes of 503."""
    wait = b"%d" % after_s
    return error(429, "try_later", message, (b"retry-after", wait), (b"x-ratelimit-reset", wait))


def cors_headers(origin: bytes | None) -> list[Header]:
    """Return the headers that let a page of `origin` read the answer.

    The origin is echoed rather than `*`: pages may send with credentials, and browsers then refuse `*`.
    """
    if origin is None:
        return _ANY_ORIGIN
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"origin"),
        _EXPOSED,
    ]
