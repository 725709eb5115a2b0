"""What the console shows of a record of the clean log, and which records a viewer wants to see."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, cast, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

from trackway.console.errors import ApiError
from trackway.console.filters import compiled
from trackway.console.sieve import sieve
from trackway.events import canary, fql, records
from trackway.events.clock_skew import format_ms
from trackway.events.reasons import DROPS, FINDINGS
from trackway.events.records import DROPPED, EVENTS, QUARANTINE, Finding, Place

Outcome = Literal["ok", "quarantined", "dropped"]
TOPICS: dict[Outcome, str] = {"ok": EVENTS, "quarantined": QUARANTINE, "dropped": DROPPED}
TYPES = ("track", "identify", "page", "screen", "group", "alias")


class Position(Struct, frozen=True, gc=False):
    """Where a record stands in the logs."""

    topic: str
    partition: int
    offset: int


class FindingView(Struct, frozen=True, gc=False):
    """A finding with its fields named."""

    code: str
    pointer: str
    detail: str


class Entry(Struct, rename="camel", kw_only=True, gc=False):
    """One record as the API gives it. Absent members say that the record has no such thing."""

    position: Position
    outcome: Outcome
    source: str
    type: str
    name: str
    message_id: str
    received_at: str
    """ISO 8601, UTC, milliseconds; so is `timestamp`."""
    timestamp: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    anonymous_id: str | UnsetType = UNSET
    stage: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    pointer: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    original: Position | UnsetType = UNSET
    """For a duplicate: the event that it repeats."""
    findings: list[FindingView] | UnsetType = UNSET
    body: msgspec.Raw | UnsetType = UNSET
    """The event's own JSON."""
    body_text: str | UnsetType = UNSET
    """Instead of `body` when that is not JSON."""


class Found(Struct, frozen=True, gc=False):
    """A record, ready to be filtered and shown."""

    entry: Entry
    body: bytes
    """`b""` for a dropped record: only the raw log has it."""
    raw: Place


class _Call(Struct, gc=False):
    """The members of a refused call that are worth showing, whatever they are."""

    event: Any = None
    name: Any = None
    userId: Any = None  # noqa: N815
    anonymousId: Any = None  # noqa: N815
    timestamp: Any = None


_decode_call = msgspec.json.Decoder(_Call).decode
_decode_json = msgspec.json.Decoder().decode


def open_record(topic: str, partition: int, offset: int, record: bytes) -> Found:
    """Decode a record of one of the clean log's topics."""
    position = Position(topic, partition, offset)
    if topic == EVENTS:
        return _event(position, record)
    if topic == QUARANTINE:
        return _quarantined(position, record)
    return _dropped(position, record)


def _event(position: Position, record: bytes) -> Found:
    event = records.decode_event(record)
    entry = Entry(
        position=position,
        outcome="ok",
        source=event.source,
        type=event.type,
        name=event.name,
        message_id=event.message_id,
        received_at=format_ms(event.received_at_ms),
        timestamp=format_ms(event.timestamp_ms),
        user_id=event.user_id or UNSET,
        anonymous_id=event.anonymous_id or UNSET,
        findings=[_finding(finding) for finding in event.findings] or UNSET,
    )
    return Found(entry, event.body, event.raw)


def _quarantined(position: Position, record: bytes) -> Found:
    refused = records.decode_quarantine(record)
    call = _lenient(refused.body)
    entry = Entry(
        position=position,
        outcome="quarantined",
        source=refused.source,
        type=refused.type,
        name=_text(call.event) or _text(call.name),
        message_id=refused.message_id,
        received_at=format_ms(refused.received_at_ms),
        timestamp=_text(call.timestamp) or UNSET,
        user_id=_text(call.userId) or UNSET,
        anonymous_id=_text(call.anonymousId) or UNSET,
        stage=refused.stage,
        reason=refused.refusal.reason,
        pointer=refused.refusal.pointer,
        message=refused.refusal.message,
    )
    return Found(entry, refused.body, refused.raw)


def _dropped(position: Position, record: bytes) -> Found:
    dropped = records.decode_dropped(record)
    entry = Entry(
        position=position,
        outcome="dropped",
        source=dropped.source,
        type=dropped.type,
        name=dropped.name,
        message_id=dropped.message_id,
        received_at=format_ms(dropped.received_at_ms),
        user_id=dropped.user_id or UNSET,
        anonymous_id=dropped.anonymous_id or UNSET,
        stage=dropped.stage,
        reason=dropped.reason,
        message=dropped.detail or DROPS.get(dropped.reason, UNSET),
        original=Position(EVENTS, *dropped.original) if dropped.original else UNSET,
    )
    return Found(entry, b"", dropped.raw)


def _finding(finding: Finding) -> FindingView:
    return FindingView(finding.code, finding.pointer, finding.detail or FINDINGS.get(finding.code, ""))


def _lenient(body: bytes) -> _Call:
    try:
        return _decode_call(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Call()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def with_body(entry: Entry, body: bytes) -> Entry:
    """Put `body` into the entry: as JSON if it is, else as text."""
    if not body:
        return entry
    try:
        _decode_json(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        entry.body_text = body.decode("utf-8", "replace")
    else:
        entry.body = msgspec.Raw(body)
    return entry


class Filter(Struct, frozen=True):
    """Which records a viewer wants; an empty member asks nothing.

    Canaries are shown only to whoever asks for their source.
    """

    outcome: Outcome | None = None
    source: str = ""
    type: str = ""
    name: str = ""
    """Part of the event's name, in any case; so are `user` (of either id) and `text` (of the JSON or a header)."""
    user: str = ""
    text: str = ""
    where: fql.Filter | None = None
    """Asked of the event's JSON; a record without readable JSON is none of those asked for."""

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> Self:
        """Read a filter from query parameters `outcome`, `source`, `type`, `name`, `user`, `q`, and `where` in FQL.

        Raises:
            ApiError: 400, for an outcome that does not exist, or a filter that cannot be understood.
        """
        outcome = query.get("outcome") or None
        if outcome is not None and outcome not in TOPICS:
            raise ApiError(400, "bad_filter", f"outcome is one of {', '.join(get_args(Outcome))}, not {outcome}")
        return cls(
            outcome,
            query.get("source", ""),
            query.get("type", ""),
            query.get("name", "").casefold(),
            query.get("user", "").casefold(),
            query.get("q", "").casefold(),
            compiled(where) if (where := query.get("where", "").strip()) else None,
        )

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics in which a match can stand."""
        return (TOPICS[self.outcome],) if self.outcome else tuple(TOPICS.values())

    def sieve(self, topic: str) -> Callable[[bytes], bool]:
        """Return what says False, and cheaply, of most records of `topic` that do not match."""
        # What a dropped record is searched for stands in part not in it, but in the meaning of its reason.
        return sieve([text for text in (self.user, self.text) if text] if topic != DROPPED else [])

    def matches(self, found: Found) -> bool:
        """Tell whether the viewer wants this record."""
        entry = found.entry
        return (
            (not self.outcome or entry.outcome == self.outcome)
            and (entry.source == self.source if self.source else entry.source != canary.SOURCE)
            and (not self.type or entry.type == self.type)
            and (not self.name or self.name in entry.name.casefold())
            and (not self.user or self._has(self.user, entry.user_id, entry.anonymous_id))
            and (not self.text or self._has_text(found))
            and (self.where is None or _is_asked_for(found.body, self.where))
        )

    @staticmethod
    def _has(needle: str, *texts: str | UnsetType) -> bool:
        return any(isinstance(text, str) and needle in text.casefold() for text in texts)

    def _has_text(self, found: Found) -> bool:
        entry = found.entry
        if self._has(self.text, entry.message_id, entry.name, entry.source, entry.reason, entry.message):
            return True
        body = found.body.decode("utf-8", "replace")
        if self.text in body.casefold():
            return True
        # A client may have written "Zürich" as "Z\u00fcrich": look at what the escapes stand for.
        return "\\u" in body and self.text in _unescaped(body).casefold()


def _is_asked_for(body: bytes, where: fql.Filter) -> bool:
    try:
        event = _decode_json(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(event, dict) and where.matches(cast("dict[str, Any]", event))


def _unescaped(body: str) -> str:
    try:
        return msgspec.json.encode(_decode_json(body)).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
