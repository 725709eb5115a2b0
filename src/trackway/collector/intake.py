"""From the body of a request to records for the log, with a verdict for each call. Pure; no I/O."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import msgspec

from trackway.collector.refused import Refused
from trackway.events import calls, lenient_json
from trackway.events.ids import new_message_id
from trackway.events.records import RawRecord, Refusal, encode
from trackway.events.verdicts import judge, refuse


class Origin(NamedTuple):
    """What the collector knows about a request besides its body."""

    received_at_ms: int
    ip: str
    user_agent: str
    client_side: bool


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
        found = _load_object(body).get("writeKey")
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
        return _read_batch_slowly(_load_object(body))
    shared = b""
    parts = [
        b'"%s":%s' % (name, bytes(raw))
        for name, raw in ((b"context", batch.context), (b"integrations", batch.integrations))
        if bytes(memoryview(raw)[:1]) == b"{"
    ]
    if parts:
        shared = b"{" + b",".join(parts) + b"}"
    return Body(batch.batch, batch.write_key, batch.sent_at, shared)


def take_in(body: Body, *, source: str, path_type: str | None, origin: Origin, limits: Limits) -> Intake:
    """Return the records and verdicts for the calls of a request, in order.

    Raises:
        Refused: the batch is empty.
    """
    if not body.calls:
        raise Refused("empty_batch")
    taken = Intake([], [], {})
    add_record, add_id = taken.records.append, taken.message_ids.append
    for number, raw in enumerate(body.calls):
        call = bytes(raw)
        kind, message_id, refusal = judge(call, path_type, limits.event_bytes)
        if number >= limits.batch_calls:
            refusal = refuse("batch_too_long", f"/batch/{number}")
        if refusal is not None:
            taken.refusals[number] = refusal
        if message_id is None:
            message_id = new_message_id(time_ms=origin.received_at_ms)
        record = RawRecord(
            source,
            kind,
            message_id,
            origin.received_at_ms,
            call,
            body.sent_at,
            body.shared,
            origin.ip,
            origin.user_agent,
            origin.client_side,
            refusal,
            number in body.repaired,
        )
        add_record(encode(record))
        add_id(message_id)
    return taken


def _load_object(body: bytes) -> dict[str, Any]:
    """Return a body that is no strict JSON, its parts still to be mended."""
    try:
        value = lenient_json.read_loosely(body)
    except lenient_json.NotJson as error:
        raise Refused("body_not_json", f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise Refused("body_not_object")
    return cast("dict[str, Any]", value)


def _read_batch_slowly(value: dict[str, Any]) -> Body:
    """Read a batch that is no strict JSON, or whose shared fields have odd types: those are left out, not the batch."""
    items = value.get("batch")
    if not isinstance(items, list):
        raise Refused("batch_not_array")
    write_key, sent_at = value.get("writeKey"), value.get("sentAt")
    shared = {name: value[name] for name in ("context", "integrations") if isinstance(value.get(name), dict)}
    calls: list[bytes] = []
    repaired: set[int] = set()
    try:
        for number, item in enumerate(cast("list[Any]", items)):
            mended, changed = lenient_json.mend(item)
            calls.append(lenient_json.dumps(mended))
            if changed:
                repaired.add(number)
        shared_text = lenient_json.dumps(lenient_json.mend(shared)[0]) if shared else b""
    except lenient_json.NotJson as error:
        raise Refused("body_not_json", f"The body cannot be read: {error}.") from None
    return Body(
        calls,
        write_key if isinstance(write_key, str) else None,
        sent_at if isinstance(sent_at, str) else None,
        shared_text,
        frozenset(repaired),
    )
