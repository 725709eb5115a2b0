"""What the collector answers: bodies and headers that every stock client understands.

Success is exactly 200 with `{"success": true}` (several clients take any other 2xx for an error). An error is a JSON
object with `code` and `message`, without which Python's client repeats a hopeless request ten times. Every answer
carries the CORS headers, errors as well: a browser could not read them otherwise and would try again for ever.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType

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


class Verdict(Struct, rename="camel", kw_only=True, gc=False):
    """What became of one call."""

    message_id: str
    """As sent, or made by the collector when it was absent or unusable."""
    verdict: Literal["accepted", "duplicate", "invalid"]
    reason: str | UnsetType = UNSET
    """Of an invalid call: the code under which it waits in quarantine."""
    pointer: str | UnsetType = UNSET
    """Of an invalid call: JSON pointer to the part that is wrong; empty for the whole call."""
    message: str | UnsetType = UNSET
    """Of an invalid call: what to do."""


class Success(Struct, kw_only=True):
    """The calls are kept, also when single ones of them are invalid."""

    success: Literal[True] = True
    verdicts: list[Verdict] | UnsetType = UNSET
    """One a call, in the order of the request; only when asked for."""


class Failure(Struct, kw_only=True):
    """Nothing was kept; of a `strict` source, only the valid calls were."""

    success: Literal[False] = False
    code: str
    message: str
    error: str
    """The same as `message`, for Ruby's client."""
    verdicts: list[Verdict] | UnsetType = UNSET
    """Of a `strict` source: one a call, in the order of the request."""
    pointer: str | UnsetType = UNSET
    """Of a `strict` source: JSON pointer to the first thing that is wrong, from the body's root."""


def json_answer(status: int, value: Any, *headers: Header) -> Answer:
    """Return an answer whose body is `value` as JSON."""
    body = _encode(value)
    return Answer(status, [_JSON, (b"content-length", b"%d" % len(body)), *headers], body)


SUCCESS = json_answer(200, Success())
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
    return json_answer(status, Failure(code=code, message=sentence, error=sentence, **(more or {})), *headers)


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
