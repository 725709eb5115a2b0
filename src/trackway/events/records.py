"""The records that stand in the logs: one per call, in msgpack, smallest useful header first.

    raw         RawRecord         what a client sent, byte for byte, and what the collector knows about it
    events      EventRecord       what it became: one clean event
    quarantine  QuarantineRecord  what the collector or the pipeline refused, with the reason
    dropped     DroppedRecord     what was left out by design (a duplicate), with the reason

Every raw record ends as exactly one record of the other three, so the ledger can be recounted from the logs alone.
Fields are only ever added at the end, each with a default: old records stay readable.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

try:
    from trackway.events.compiled_records import read_heads as read_compiled
except ImportError:  # there was no compiler
    read_compiled = None

RAW = "raw"
EVENTS = "events"
QUARANTINE = "quarantine"
DROPPED = "dropped"
CLEAN_TOPICS = (EVENTS, QUARANTINE, DROPPED)


class Place(NamedTuple):
    """Where a record stands in its topic."""

    partition: int
    offset: int


class Refusal(Struct, array_like=True, frozen=True, gc=False):
    """Why a call was refused."""

    reason: str
    """A code from `trackway.events.reasons`."""
    pointer: str
    """JSON pointer (RFC 6901) to the offending part of the call; `""` is the whole call."""
    message: str
    """A sentence that says what to do."""


class Finding(Struct, array_like=True, frozen=True, gc=False):
    """Something odd about an event that was kept all the same."""

    code: str
    pointer: str
    detail: str = ""


class RawRecord(Struct, array_like=True, frozen=True, gc=False):
    """One call as it came in."""

    source: str
    type: str
    """From the path or from the call itself; `""` when it could not be told."""
    message_id: str
    """As sent, or made by the collector when it was absent or unusable."""
    received_at_ms: int
    """Epoch milliseconds; all calls of one request share it."""
    body: bytes
    """The call's own JSON text, untouched."""
    sent_at: str | None = None
    """`sentAt` of the request, for calls that carry none."""
    shared: bytes = b""
    """JSON object with the request's `context` and `integrations`, to be merged under the call's own."""
    ip: str = ""
    user_agent: str = ""
    client_side: bool = False
    """True for routes of browsers, phones and pixels, whose ip and user agent are the person's own."""
    refusal: Refusal | None = None
    """Set when the collector refused the call: the pipeline only moves it to quarantine."""
    repaired: bool = False
    """True when `body` is not what was sent, because that was no strict JSON."""
    released: Place | None = None
    """Where in `quarantine` the call waited before it was let out and came here again."""


class EventRecord(Struct, array_like=True, frozen=True, gc=False):
    """One clean event."""

    source: str
    type: str
    message_id: str
    name: str
    """Event name of a track call, `name` of a page or screen call, else `""`."""
    user_id: str | None
    anonymous_id: str | None
    received_at_ms: int
    timestamp_ms: int
    raw: Place
    """The raw record it came from."""
    body: bytes
    """The whole event as UTF-8 JSON, in Segment's terms (`messageId`, `originalTimestamp`, …), without a write key."""
    findings: list[Finding] = []

    @property
    def person(self) -> str:
        """The id that order is kept for: user id, else anonymous id, else the message id."""
        return self.user_id or self.anonymous_id or self.message_id


class QuarantineRecord(Struct, array_like=True, frozen=True, gc=False):
    """One refused call."""

    source: str
    type: str
    message_id: str
    received_at_ms: int
    raw: Place
    stage: str
    """`collector`, or the name of the pipeline's stage."""
    refusal: Refusal
    body: bytes


class DroppedRecord(Struct, array_like=True, frozen=True, gc=False):
    """One call that was left out by design."""

    source: str
    type: str
    message_id: str
    received_at_ms: int
    raw: Place
    reason: str
    original: Place | None = None
    """For a duplicate: where in `events` the first one stands, if it is known."""
    name: str = ""
    """As in `EventRecord`, as are the ids: of the call itself, so that a list can show it without the raw log."""
    user_id: str | None = None
    anonymous_id: str | None = None
    stage: str = "deduplicate"
    detail: str = ""
    """What the stage that dropped it says beyond the reason."""


TOPICS = (RAW, *CLEAN_TOPICS)
encode = msgspec.msgpack.Encoder().encode
decode_raw = msgspec.msgpack.Decoder(RawRecord).decode
RawRow = tuple[str, str, str, int, bytes, str | None, bytes, str, str, bool, Refusal | None, bool, Place | None]
"""The fields of a `RawRecord`, in their order: `RawRecord(*row)` is one."""
_decode_row = msgspec.msgpack.Decoder(RawRow).decode


def decode_raw_row(record: bytes) -> RawRow:
    """Return what `decode_raw` does as a plain tuple, which takes a quarter less.

    Raises:
        msgspec.DecodeError: it is no raw record.
    """
    try:
        return _decode_row(record)
    except msgspec.ValidationError:  # it is as old as the fields that it lacks
        return cast("RawRow", astuple(decode_raw(record)))


class Heads(NamedTuple):
    """What has to be known of raw records before they are worked on, by columns."""

    sources: Sequence[str]
    message_ids: Sequence[bytes]
    """UTF-8."""
    received_ms: Sequence[int]
    refused: Sequence[int]
    """The numbers of those that the collector refused."""


def read_heads(records: Sequence[bytes]) -> Heads:
    """Return what has to be known of raw records.

    Raises:
        msgspec.DecodeError: one is no raw record.
    """
    columns = None if read_compiled is None else read_compiled(records)
    if columns is not None:
        return Heads(*columns)
    rows = list(map(decode_raw_row, records))
    return Heads(
        [row[0] for row in rows],
        [row[2].encode() for row in rows],
        [row[3] for row in rows],
        [number for number, row in enumerate(rows) if row[_REFUSAL] is not None],
    )


_REFUSAL = RawRecord.__struct_fields__.index("refusal")
decode_event = msgspec.msgpack.Decoder(EventRecord).decode
decode_quarantine = msgspec.msgpack.Decoder(QuarantineRecord).decode
decode_dropped = msgspec.msgpack.Decoder(DroppedRecord).decode
DECODERS = {
    RAW: decode_raw,
    EVENTS: decode_event,
    QUARANTINE: decode_quarantine,
    DROPPED: decode_dropped,
}
"""The decoder of each topic's records."""
