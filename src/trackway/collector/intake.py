"""From the body of a request to records for the log, with a verdict for each call. Pure; no I/O."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from trackway.collector.loose_batch import load_object, read_calls
from trackway.collector.refused import Refused
from trackway.events import calls, lenient_json
from trackway.events.ids import new_message_id
from trackway.events.nesting import NEVER_TOO_DEEP, find_too_deep
from trackway.events.records import RawRecord, Refusal, encode
from trackway.events.verdicts import judge, refuse

_RECORD_BYTES = 300
"""A record besides the call, its id, and the objects that hold them."""
_MOST_IN_WORK = 64 << 20
_WORTH_COUNTING = 1 << 20


class Origin(NamedTuple):
    """What the collector knows about a request besides its body."""

    received_at_ms: int
    ip: str
    user_agent: str
    client_side: bool


_MOST_SENT_AT = 100
"""Characters; what is no text may be long, and would be stored with each call."""


class Limits(NamedTuple):
    """Bounds of one source."""

    event_bytes: int
    batch_calls: int


class Intake(NamedTuple):
    """A request, ready for the log."""

    records: list[bytes]
    message_ids: list[str]
    refusals: dict[int, Refusal]
    """By the call's number in the request, from 0; calls that are not in it are accepted."""


class Body(NamedTuple):
    """A decoded request body: its calls as raw JSON, and what they share."""

    calls: Sequence[bytes | msgspec.Raw]
    write_key: str | None
    sent_at: str | None = None
    shared: bytes = b""
    repaired: frozenset[int] = frozenset()
    """Numbers of the calls that had to be changed to be strict JSON."""


def read_single(body: bytes) -> Body:
    """Return a body that is one call; its write key is only looked for by `write_key_of`."""
    return Body((body,), None)


def write_key_of(body: bytes) -> str | None:
    """Return the `writeKey` of a single call.

    Raises:
        Refused: the body is no JSON object.
    """
    try:
        return _decode_key(body).write_key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = load_object(body).get("writeKey")
        return found if isinstance(found, str) else None


class _KeyOnly(msgspec.Struct, rename="camel", gc=False):
    write_key: str | None = None


_decode_key = msgspec.json.Decoder(_KeyOnly).decode


def read_batch(body: bytes) -> Body:
    """Return the calls of a batch and what they share.

    Raises:
        Refused: the body is no JSON object with an array `batch`.
    """
    try:
        batch = calls.decode_batch(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_batch_slowly(body)
    shared = b""
    parts = [
        b'"%s":%s' % (name, bytes(raw))
        for name, raw in ((b"context", batch.context), (b"integrations", batch.integrations))
        if bytes(memoryview(raw)[:1]) == b"{"
    ]
    if parts:
        shared = b"{" + b",".join(parts) + b"}"
    return Body(batch.batch, batch.write_key, batch.sent_at, shared)


def size_in_work(body: Body, text: bytes, user_agent: bytes) -> int:
    """Return about how many bytes a request takes up until it is durable, 0 when they are few.

    Each call becomes a record, with what all of them share: of 4 MB of `{},{},…` it is a thousand times more.

    Raises:
        Refused: it is more than any request should take.
    """
    size = len(text) + len(body.calls) * (len(body.shared) + len(user_agent) + _RECORD_BYTES)
    if size > _MOST_IN_WORK:
        sentence = f"The {len(body.calls)} calls and what they share are too much at once; send fewer at a time."
        raise Refused("body_too_large", sentence)
    return size if size > _WORTH_COUNTING else 0


def take_in(body: Body, *, source: str, path_type: str | None, origin: Origin, limits: Limits) -> Intake:
    """Return the records and verdicts for the calls of a request, in order.

    Raises:
        Refused: the batch is empty.
    """
    if not body.calls:
        raise Refused("empty_batch")
    taken = Intake([], [], {})
    add_record, add_id = taken.records.append, taken.message_ids.append
    shared, unshareable = body.shared, None
    if shared and (unshareable := _refuse_shared(shared, limits)):
        shared = b""
    for number, raw in enumerate(body.calls):
        call = bytes(raw)
        judged = judge(call, path_type, limits.event_bytes)
        message_id, refusal = judged.message_id, judged.refusal or unshareable
        if len(call) > NEVER_TOO_DEEP and refusal is None:
            refusal = find_too_deep(call)
        if number >= limits.batch_calls:
            refusal = refuse("batch_too_long", f"/batch/{number}")
        if refusal is not None:
            taken.refusals[number] = refusal
        if message_id is None:
            message_id = new_message_id(time_ms=origin.received_at_ms)
        record = RawRecord(
            source,
            judged.type,
            message_id,
            origin.received_at_ms,
            call,
            body.sent_at,
            shared,
            origin.ip,
            origin.user_agent,
            origin.client_side,
            refusal,
            number in body.repaired,
        )
        add_record(encode(record))
        add_id(message_id)
    return taken


def _refuse_shared(shared: bytes, limits: Limits) -> Refusal | None:
    """Return why every call of a batch is refused: what they share would be stored with each of them."""
    if len(shared) <= limits.event_bytes:
        return find_too_deep(shared)
    sentence = f"What the calls share has {len(shared)} bytes, more than the {limits.event_bytes} of a call; send less."
    return refuse("event_too_large", "", sentence)


def _as_text(sent_at: Any) -> str | None:
    """Return a batch's `sentAt`; what is no text is no date either, but is kept and remarked on."""
    if sent_at is None or isinstance(sent_at, str):
        return sent_at
    return lenient_json.dumps(lenient_json.mend(sent_at)[0]).decode()[:_MOST_SENT_AT]


def _read_batch_slowly(body: bytes) -> Body:
    """Read a batch that is no strict JSON, or whose shared fields have odd types: those are left out, not the batch."""
    value = load_object(body)
    if not isinstance(value.get("batch"), list):
        raise Refused("batch_not_array")
    write_key, sent_at = value.get("writeKey"), value.get("sentAt")
    shared = {name: value[name] for name in ("context", "integrations") if isinstance(value.get(name), dict)}
    try:
        shared_text = lenient_json.dumps(lenient_json.mend(shared)[0]) if shared else b""
    except lenient_json.NotJson as error:
        raise Refused("body_not_json", f"What the calls share cannot be read: {error}.") from None
    calls, repaired = read_calls(body)
    return Body(
        calls,
        write_key if isinstance(write_key, str) else None,
        _as_text(sent_at),
        shared_text,
        repaired,
    )
