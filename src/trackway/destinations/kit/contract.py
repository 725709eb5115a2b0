"""What passes between delivery and a destination: events in, requests out, outcomes back."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, TypeAlias, cast

import msgspec
from msgspec import Struct

from trackway.destinations.kit.outlines import Outline, read_outline
from trackway.events.records import EventRecord, Place


class Limits(Struct, frozen=True, kw_only=True):
    """How much goes into one request, and how many requests go at once."""

    events: int = 1
    """Rows in one request at the most."""
    bytes: int = 1 << 20
    """Sum of the rows' sizes in one request at the most; a row that is larger goes alone."""
    wait_s: float = 0.0
    """How long an event may wait for its request to fill."""
    concurrency: int = 16
    """Requests under way at once. Events of one person never overtake each other, whatever this is."""


class Request(Struct, frozen=True, kw_only=True):
    """One HTTP request. Its repr shows neither headers nor body: both may hold secrets."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    json: Any = None
    """Becomes the body, with `Content-Type: application/json` unless `headers` has another; or give `body`."""
    body: bytes | None = None
    timeout_s: float = 10.0
    """From the first byte sent to the last one of the answer."""
    shared: str = ""
    """Names what is asked for: while one such request is under way, whoever asks for the same gets its answer."""

    def content(self) -> bytes:
        """Return the bytes to send."""
        return self.body if self.body is not None else msgspec.json.encode(self.json)

    def __repr__(self) -> str:
        return f"Request({self.method}, ***)"


class Response(Struct, frozen=True, kw_only=True):
    """What the other side answered."""

    status: int
    headers: Mapping[str, str] = {}
    """Names in lower case; of a repeated one the last value."""
    body: bytes = b""
    """At most its first 64 KiB."""


class Delivered(Struct, frozen=True):
    """The vendor took it."""


class Retry(Struct, frozen=True):
    """Not now: the same may succeed later. `after_s` is the vendor's own wish, if any; `detail` is for people."""

    reason: str
    after_s: float | None = None
    detail: str = ""


class Rejected(Struct, frozen=True):
    """Not ever: trying again cannot help. `reason` is one of few (it is counted), `detail` is for people."""

    reason: str
    detail: str = ""


class Skipped(Struct, frozen=True):
    """Left out by design, before sending; counts as discarded."""

    reason: str


class Divide(Exception):
    """Raised by a destination's `judge`: one row spoilt the request, and the answer does not say which.

    The request's halves are sent instead, and so on, until it is known. One row alone is judged by the status.
    """


Outcome: TypeAlias = Delivered | Retry | Rejected


class Apart(Exception):
    """Raised by a destination's `judge`: nothing got in, because of the rows in `outcomes`, by index from 0.

    These have their outcome by that; the request's other rows are sent again at once, without them.
    """

    def __init__(self, outcomes: Mapping[int, Outcome]) -> None:
        """`outcomes` names one row at least."""
        super().__init__(f"{len(outcomes)} rows stand apart")
        self.outcomes = dict(outcomes)


Answer: TypeAlias = Response | Retry | Rejected
"""What came of a request; the latter two when nothing came back."""
_encode = msgspec.json.Encoder().encode
_decode = cast("Callable[[bytes], dict[str, Any]]", msgspec.json.Decoder().decode)


# Thousands of events and rows wait at a time, and none is part of a cycle: the garbage collector need not look at them.
class Event(Struct, gc=False, eq=False):
    """One clean event, as a destination sees it."""

    record: EventRecord
    destination: str = ""
    """The destination's name in `integrations`, under which the event may carry options."""
    plain: dict[str, Any] | None = None
    """The event as plain data, once it has been read whole; not to be changed."""
    outline: Outline | None = None
    """What has been read of the event already, if anything."""
    whole: Callable[[], dict[str, Any] | None] | None = None
    """Gives the event as plain data that others share, if they do."""

    @classmethod
    def from_json(cls, body: bytes, destination: str = "") -> "Event":
        """Return the event that `body` (a whole event in Segment's terms) says; for cases and previews."""
        event = msgspec.json.decode(body, type=dict[str, Any])
        record = EventRecord(
            source="",
            type=event.get("type", ""),
            message_id=event.get("messageId", ""),
            name=event.get("event", event.get("name", "")),
            user_id=event.get("userId"),
            anonymous_id=event.get("anonymousId"),
            received_at_ms=0,
            timestamp_ms=0,
            raw=Place(0, 0),
            body=body,
        )
        return cls(record, destination)

    @property
    def body(self) -> bytes:
        """The event's JSON text as it stands in the log."""
        return self.record.body

    @property
    def message_id(self) -> str:
        """The event's `messageId`."""
        return self.record.message_id

    @property
    def type(self) -> str:
        """The call: `track`, `identify`, `page`, `screen`, `group` or `alias`."""
        return self.record.type

    @property
    def json(self) -> dict[str, Any]:
        """The event as plain data, decoded once; not to be changed."""
        if self.plain is None:
            shared = None if self.whole is None else self.whole()
            self.plain = _decode(self.record.body) if shared is None else shared
        return self.plain

    def read_outline(self) -> Outline | None:
        """Return what mappings of the short way need; None where the whole event is at hand, or cannot be read."""
        if self.outline is None and self.plain is None:
            self.outline = read_outline(self.record.body)
        return self.outline

    @property
    def options(self) -> dict[str, Any]:
        """What the event's `integrations` says for this destination in particular, else `{}`."""
        outline = self.outline
        integrations = self.json.get("integrations") if outline is None else outline.integrations
        found = cast("dict[str, Any]", integrations).get(self.destination) if isinstance(integrations, dict) else None
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


class Row(Struct, frozen=True, kw_only=True, gc=False, eq=False):
    """One event's part of a request: all that is left of the event while it waits, so it has what its request needs."""

    message_id: str
    """The event's."""
    value: msgspec.Raw
    """JSON text in the vendor's terms; stands in a `Request`'s `json` as it is."""
    route: str = ""
    """Rows of different routes never share a request: for vendors with an endpoint for each kind of row."""
    whole: bool = False
    """True when `value` is the event as it stands in the log."""
    rejected: Rejected | None = None
    """Set when one mapping of the event cannot be sent while others can: its own part of the event's end."""

    @classmethod
    def of(cls, event: Event, value: Any, *, route: str = "") -> "Row":
        """Return a row of plain data, encoded once here."""
        return cls(message_id=event.record.message_id, value=msgspec.Raw(_encode(value)), route=route)

    @property
    def json(self) -> Any:
        """`value` as plain data."""
        return msgspec.json.decode(self.value)

    @property
    def size(self) -> int:
        """Bytes of `value`."""
        return len(self.value)


def by_status(response: Response, *, count: int, now_s: float | None = None) -> list[Outcome]:
    """Judge all `count` rows alike, by the answer's status alone.

    2xx is delivered. 408, 425, 429 and 5xx are tried again, no sooner than `Retry-After` says. Everything else is
    rejected, 3xx too (redirects are not followed: a body with personal data goes only where the operator said). The
    reason is the status, such as `"401"`; the detail is the beginning of the answer.
    """
    status = response.status
    outcome: Outcome
    if 200 <= status < 300:
        outcome = Delivered()
    elif status in {408, 425, 429} or status >= 500:
        outcome = Retry(str(status), retry_after_s(response, now_s=now_s))
    else:
        outcome = Rejected(str(status), _told(response))
    return [outcome] * count


def _told(response: Response) -> str:
    place = response.headers.get("location", "")
    if 300 <= response.status < 400 and place:
        return f"it redirects to {place[:400]}, where nothing is sent; if that is right, write it into the settings"
    return response.body[:500].decode("utf-8", "replace")


def retry_after_s(response: Response, *, now_s: float | None = None) -> float | None:
    """Return the seconds that the answer's `Retry-After` asks for, or None when it has none that can be read.

    It may be seconds or an HTTP date (RFC 9110, section 10.2.3). A date is measured against the answer's own `Date`,
    if there is one, because the two clocks may differ; else against `now_s` (epoch seconds, default: now).
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    then = _http_date(text)
    if then is None:
        return None
    now = _http_date(response.headers.get("date", "")) or (time.time() if now_s is None else now_s)
    return max(0.0, then - now)


def limit_reset_s(response: Response) -> float | None:
    """Return the seconds until a rate limit begins anew, by `X-RateLimit-Reset` (epoch seconds) or `Retry-After`."""
    reset = response.headers.get("x-ratelimit-reset", "")
    if "retry-after" in response.headers or not (reset.isascii() and reset.isdigit() and len(reset) < 12):
        return retry_after_s(response)
    until = {**response.headers, "retry-after": formatdate(int(reset), usegmt=True)}
    return retry_after_s(Response(status=response.status, headers=until))


def _http_date(text: str) -> float | None:
    try:
        then = parsedate_to_datetime(text)
        return (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def idempotency_key(message_ids: Sequence[str]) -> str:
    """Return the key under which a request with exactly the events of these message ids, in this order, is known.

    One event: its message id, when that can stand in an HTTP header, else a digest of it. Several: a digest of their
    message ids in order. The same events have the same key, over retries and restarts.
    """
    if len(message_ids) == 1:
        message_id = message_ids[0]
        if 0 < len(message_id) <= 255 and message_id.isascii() and message_id.isprintable() and " " not in message_id:
            return message_id
    digest = hashlib.sha256(msgspec.json.encode(message_ids)).hexdigest()
    return f"{'batch' if len(message_ids) > 1 else 'id'}-{digest[:40]}"
