"""How calls end: the records of the clean log, and their count."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from trackway.events import lenient_json
from trackway.events.ids import as_id
from trackway.events.records import (
    DROPPED,
    EVENTS,
    QUARANTINE,
    DroppedRecord,
    EventRecord,
    Place,
    QuarantineRecord,
    RawRecord,
    Refusal,
    encode,
)
from trackway.events.verdicts import refuse
from trackway.pipeline.draft import Draft, Drop, Part, part_id
from trackway.pipeline.tallies import SourceTally, Tallies

DEDUPLICATE = "deduplicate"
"""The stage that duplicates end in."""


class Ends:
    """The records of one batch by topic, counted in `tallies` as they come."""

    def __init__(self, tallies: Tallies, next_event: int) -> None:
        """The first event will stand at offset `next_event`."""
        self._events: list[bytes] = []
        self.records: dict[str, list[bytes]] = {EVENTS: self._events, QUARANTINE: [], DROPPED: []}
        self._tallies = tallies
        self._next_event = next_event

    def add(self, drafts: list[Draft]) -> int | None:
        """Write what a call became: one draft, or several that a stage split it into.

        Returns the offset of its first event; None if none became one.
        """
        if len(drafts) == 1:
            return self._add(drafts[0])
        offsets = [self._add(draft) for draft in drafts]
        self._tally(drafts[0].raw.source).split += len(drafts) - 1
        return next((offset for offset in offsets if offset is not None), None)

    def add_events(self, sources: Sequence[str], records: Sequence[bytes]) -> int:
        """Write the records of events, each of the source at its place in `sources`; return the offset of the first."""
        offset = self._next_event + len(self._events)
        self._events += records
        for source, count in Counter(sources).items():
            self._tally(source).events += count
        return offset

    def count_faults(self, counts: Mapping[str, int]) -> None:
        """Count the calls by source on which the short way failed."""
        for source, count in counts.items():
            self._tally(source).faults += count

    def _add(self, draft: Draft) -> int | None:
        end, raw = draft.end, draft.raw
        if end is None:
            try:
                record = encode(event_record(draft))
            except (TypeError, ValueError, RecursionError) as error:
                # A function can put in what JSON cannot hold.
                end = refuse("pipeline_error", "", f"the event is not JSON: {error}")
                self.quarantine(raw, draft.place, draft.ended_in or "record", end, part=draft.part)
                return None
            return self.add_events([raw.source], [record])
        if isinstance(end, Drop):
            self._drop(raw, draft.place, end, draft.ended_in, draft.event, part=draft.part)
        else:
            self.quarantine(raw, draft.place, draft.ended_in, end, part=draft.part)
        return None

    def quarantine(self, raw: RawRecord, place: Place, stage: str, refusal: Refusal, *, part: Part = ()) -> None:
        """Write a refused call."""
        self._tally(raw.source).quarantined(refusal.reason)
        message_id = part_id(raw.message_id, part)
        record = QuarantineRecord(raw.source, raw.type, message_id, raw.received_at_ms, place, stage, refusal, raw.body)
        self.records[QUARANTINE].append(encode(record))

    def drop_duplicate(self, raw: RawRecord, place: Place, original: Place) -> None:
        """Write a call that repeats the event at `original`."""
        self._drop(raw, place, Drop("duplicate"), DEDUPLICATE, _glance(raw.body), original=original)

    def _drop(
        self,
        raw: RawRecord,
        place: Place,
        why: Drop,
        stage: str,
        event: dict[str, Any],
        *,
        part: Part = (),
        original: Place | None = None,
    ) -> None:
        self._tally(raw.source).drop(why.reason)
        record = DroppedRecord(
            raw.source,
            raw.type,
            part_id(raw.message_id, part),
            raw.received_at_ms,
            place,
            why.reason,
            original,
            _name(raw.type, event),
            _id(event.get("userId")),
            _id(event.get("anonymousId")),
            stage,
            why.detail,
        )
        self.records[DROPPED].append(encode(record))

    def _tally(self, source: str) -> SourceTally:
        tally = self._tallies.get(source)
        if tally is None:
            tally = self._tallies[source] = SourceTally()
        return tally


def event_record(draft: Draft) -> EventRecord:
    """Return the record of a clean event."""
    event, raw = draft.event, draft.raw
    kind, user, anonymous = raw.type, event.get("userId"), event.get("anonymousId")
    name = event.get("event" if kind == "track" else "name")
    return EventRecord(
        raw.source,
        kind,
        part_id(raw.message_id, draft.part) if draft.part else raw.message_id,
        name if type(name) is str else "",
        user if type(user) is str else None,
        anonymous if type(anonymous) is str else None,
        raw.received_at_ms,
        draft.timestamp_ms,
        draft.place,
        lenient_json.dumps(event),
        draft.findings,
    )


def _name(kind: str, event: dict[str, Any]) -> str:
    name = event.get("event" if kind == "track" else "name")
    return name if isinstance(name, str) else ""


def _id(value: Any) -> str | None:
    try:
        return as_id(value)
    except ValueError:
        return None


class _Call(Struct, gc=False):
    """The members of a call that a list shows."""

    event: Any = None
    name: Any = None
    userId: Any = None  # noqa: N815
    anonymousId: Any = None  # noqa: N815


_decode_call = msgspec.json.Decoder(_Call).decode


def _glance(body: bytes) -> dict[str, Any]:
    """Return what a list shows of a call that was not read; nothing where it cannot be."""
    try:
        return msgspec.structs.asdict(_decode_call(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
