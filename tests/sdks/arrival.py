"""What must become of every call that a client sent: worked out from its request and the contract, not from our code.

These are all the changes between a call and its event; everything else arrives as it was sent:

    writeKey                removed: it must reach no destination
    timestamp               is now originalTimestamp, untouched; timestamp is receivedAt - (sentAt - originalTimestamp)
    sentAt                  of the batch, for calls that carry none
    context, integrations   the batch's lie under the call's own
    null                    absent, for ids, name and category
    ids sent as numbers     text
    NaN, Infinity           null
    receivedAt, channel     added
    context.ip, .userAgent  added on the routes of browsers and phones, unless the call has them
    integrations, context and properties or traits are {} when absent; previousId of an alias is its anonymousId

Whole events are compared, so that nothing can be lost and nothing invented.
"""

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.running import Trackway
from tests.sdks.recording_proxy import Exchange
from tests.sdks.warehouse_rows import check_rows

_TYPES = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias"}
_OPEN_MEMBER = {
    "track": "properties", "page": "properties", "screen": "properties", "identify": "traits", "group": "traits",
}  # fmt: skip
_MILLISECOND = timedelta(milliseconds=1)


class SentCall(NamedTuple):
    """A call as it stands in a request's body."""

    call: dict[str, Any]
    envelope: dict[str, Any] | None
    """The body around it, for a batch."""
    exchange: Exchange


def check_arrived(trackway: Trackway, exchanges: Iterable[Exchange], *, rows: bool = True) -> list[dict[str, Any]]:
    """See that every call in `exchanges` is one event in the log and its rows in the warehouse, whole and unaltered.

    `rows` says whether to look into the warehouse; that works for the source `web` alone.
    Returns the stored events, in the order they were sent.
    """
    sent: dict[str, SentCall] = {}
    for call in (call for one in exchanges for call in calls_in(one)):
        sent.setdefault(call.call["messageId"], call)  # of a call sent again, the first try counts
    assert sent, "the client sent nothing"
    trackway.settle()
    everything = trackway.events()
    stored = {event["messageId"]: event for event in everything if event["messageId"] in sent}
    assert list(sent) == [message_id for message_id in sent if message_id in stored], "calls are missing in the log"
    for message_id, one in sent.items():
        check_event(stored[message_id], one)
    times = sum(event["messageId"] in sent for event in everything)
    assert times == len(sent), "a call is in the log more than once"
    events = [stored[message_id] for message_id in sent]
    if rows:
        check_rows(trackway, events, everything)
    return events


def calls_in(exchange: Exchange) -> Iterator[SentCall]:
    """Yield the calls of one request."""
    body = exchange.json()
    if "batch" in body:
        envelope = {key: value for key, value in body.items() if key != "batch"}
        yield from (SentCall(call, envelope, exchange) for call in body["batch"])
    else:
        yield SentCall(body, None, exchange)


def check_event(stored: dict[str, Any], sent: SentCall) -> None:
    """Compare a stored event with the call it came from, field by field in both directions."""
    event = dict(stored)
    received_at = instant(event.pop("receivedAt"))
    # Stored in whole milliseconds, by the clock that also stamped the exchange.
    assert sent.exchange.forwarded_at - _MILLISECOND <= received_at <= sent.exchange.answered_at
    timestamp = instant(event.pop("timestamp"))
    assert abs(timestamp - true_time(event, received_at)) < _MILLISECOND
    assert event == expected_event(sent, received_at_text=stored["receivedAt"])


def expected_event(sent: SentCall, *, received_at_text: str) -> dict[str, Any]:
    """Return what a call must be in the log, but for `receivedAt` and `timestamp`."""
    path_end = sent.exchange.path.rstrip("/").rpartition("/")[2]
    event = _without_non_finite(sent.call)
    event.pop("writeKey", None)
    shared = sent.envelope or {}
    if sent.envelope is None:
        event["type"] = _TYPES.get(path_end, path_end)
    for name in ("context", "integrations"):
        event[name] = _laid_over(shared.get(name) or {}, event.get(name) or {})
    for name in ("userId", "anonymousId", "groupId", "previousId", "name", "category"):
        if event.get(name) is None:
            event.pop(name, None)
        elif isinstance(event[name], int):
            event[name] = str(event[name])
    if member := _OPEN_MEMBER.get(event["type"]):
        event[member] = event.get(member) or {}
    if event["type"] == "alias":
        event.setdefault("previousId", event.get("anonymousId"))
    sent_at = event.get("sentAt") or shared.get("sentAt")
    event.pop("sentAt", None)
    if sent_at is not None:
        event["sentAt"] = sent_at
    event["originalTimestamp"] = event.pop("timestamp", None) or sent_at or received_at_text
    _add_origin(event, path_end, sent.exchange)
    return event


def true_time(event: dict[str, Any], received_at: datetime) -> datetime:
    """Return when the call was made, by our clock."""
    original = instant(event["originalTimestamp"])
    return received_at - (instant(event["sentAt"]) - original) if "sentAt" in event else original


def instant(text: str) -> datetime:
    """Return an ISO 8601 date-time as an aware one."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _add_origin(event: dict[str, Any], path_end: str, exchange: Exchange) -> None:
    client_side = len(path_end) == 1
    context = event["context"]
    mobile = "device" in context or "app" in context
    event["channel"] = "server" if not client_side else "mobile" if mobile else "browser"
    if client_side:
        context.setdefault("ip", "127.0.0.1")
        if user_agent := exchange.headers.get("User-Agent"):
            context.setdefault("userAgent", user_agent)


def _laid_over(under: Any, over: Any) -> Any:
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return {
        **under,
        **{key: _laid_over(under[key], value) if key in under else value for key, value in over.items()},
    }


def _without_non_finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_non_finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_non_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
