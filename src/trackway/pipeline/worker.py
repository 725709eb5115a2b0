"""The pipeline's worker: reads raw calls, runs the stages, and commits what became of them with its position.

One transaction of the clean log holds the output of a batch (events, quarantine, dropped), the position in the raw log
and the tallies. So after a crash every raw call has exactly one end, and the ledger can be recounted from the logs.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from trackway.events import lenient_json
from trackway.events.records import (
    DROPPED,
    EVENTS,
    QUARANTINE,
    RAW,
    DroppedRecord,
    EventRecord,
    Place,
    QuarantineRecord,
    RawRecord,
    Refusal,
    decode_raw,
    encode,
)
from trackway.events.verdicts import refuse
from trackway.log import consumers
from trackway.log.contract import EventLog, LogWriter, Slice
from trackway.pipeline.draft import Draft
from trackway.pipeline.message_index import MessageIndex, Seen, key_of
from trackway.pipeline.stages.common_fields import set_common_fields
from trackway.pipeline.stages.read import read
from trackway.pipeline.stages.times import set_times
from trackway.pipeline.tallies import MARK, SourceTally, decode_tallies, encode_tallies

POSITION = "position"
_BATCH = 4000
_STAGES: tuple[Callable[[Draft], None], ...] = (set_common_fields, set_times)
_encode_position = msgspec.msgpack.Encoder().encode
_decode_position = msgspec.msgpack.Decoder(dict[int, int]).decode


class Processed(NamedTuple):
    """What a batch of raw calls became."""

    records: dict[str, list[bytes]]
    """By topic of the clean log."""
    seen: dict[bytes, Seen]
    """Ids to remember, once the records are committed."""


class PipelineWorker:
    """Runs in a thread of its own until `stop`."""

    def __init__(
        self, raw: EventLog, clean: EventLog, index: MessageIndex, windows_s: Mapping[str, float], *, partition: int = 0
    ) -> None:
        """Take the clean log's `partition`.

        `windows_s` is the dedup window of each source.

        Raises:
            LogBusy: another pipeline runs on this folder.
        """
        self._writer: LogWriter = clean.writer(partition)
        self._index = index
        self._windows_ms = {source: int(window_s * 1000) for source, window_s in windows_s.items()}
        self._tallies = decode_tallies(self._writer.mark(MARK))
        self._stopping = threading.Event()
        self.repaired = index.catch_up(clean, partition, self._writer.next_offset(EVENTS))
        """Events that the index had to learn again from the log."""
        position = self._writer.mark(POSITION)
        start = _decode_position(position) if position else {}
        self._reader = raw.reader(RAW, consumer=consumers.PIPELINE, start=start)

    def run(self) -> None:
        """Work until `stop` is called, then give the partition free."""
        try:
            while not self._stopping.is_set():
                self.step(timeout_s=1.0)
        finally:
            self._reader.close()
            self._writer.close()
            self._index.close()

    def stop(self) -> None:
        """Make `run` return after the batch in hand. Safe from any thread."""
        self._stopping.set()
        self._reader.wake()

    def step(self, *, timeout_s: float = 0.0) -> int:
        """Process the next batch, waiting up to `timeout_s` for one; return the number of raw calls."""
        slices = self._reader.poll(max_records=_BATCH, timeout_s=timeout_s)
        if not slices:
            return 0
        processed = self.process(slices)
        marks = {
            POSITION: _encode_position(self._reader.position()),
            MARK: encode_tallies(self._tallies),
        }
        self._writer.append(processed.records, marks)
        self._index.remember(processed.seen, self._writer.partition, self._writer.next_offset(EVENTS))
        self._reader.commit()
        return sum(len(one.records) for one in slices)

    def process(self, slices: Sequence[Slice]) -> Processed:
        """Return what the calls of `slices` become, and count them in the tallies."""
        calls = [
            (decode_raw(record), Place(one.partition, offset))
            for one in slices
            for offset, record in enumerate(one.records, one.first)
        ]
        keys = [key_of(raw.source, raw.message_id) for raw, _ in calls]
        known = self._index.look_up([(key, raw.received_at_ms) for key, (raw, _) in zip(keys, calls, strict=True)])
        out = Processed({EVENTS: [], QUARANTINE: [], DROPPED: []}, {})
        next_event = self._writer.next_offset(EVENTS)
        for (raw, place), key, before in zip(calls, keys, known, strict=True):
            tally = self._tallies.setdefault(raw.source, SourceTally())
            if raw.refusal is not None:
                _quarantine(out, tally, raw, place, "collector", raw.refusal)
            elif first := self._first_of(raw, out.seen.get(key) or before):
                _drop(out, tally, raw, place, "duplicate", first.place)
            elif (event := _make_event(raw, place)) and isinstance(event, EventRecord):
                mine = Place(self._writer.partition, next_event + len(out.records[EVENTS]))
                out.records[EVENTS].append(encode(event))
                out.seen[key] = Seen(raw.received_at_ms, mine)
                tally.events += 1
            else:
                _quarantine(out, tally, raw, place, event[0], event[1])
        return out

    def _first_of(self, raw: RawRecord, seen: Seen | None) -> Seen | None:
        """Return the event that `raw` repeats, if it came within the source's window."""
        if seen is None:
            return None
        window_ms = self._windows_ms.get(raw.source, 24 * 3600 * 1000)
        return seen if raw.received_at_ms - seen.received_at_ms <= window_ms else None


def _make_event(raw: RawRecord, place: Place) -> EventRecord | tuple[str, Refusal]:
    """Return the clean event, or the stage that refused the call and why."""
    try:
        draft = read(raw, place)
    except lenient_json.NotJson as error:
        return "read", refuse("unreadable", "", f"The stored call cannot be read: {error}.")
    stage = "read"
    try:
        for run in _STAGES:
            stage = run.__name__
            run(draft)
        return _record(draft)
    except Exception as error:  # noqa: BLE001 - a fault of ours must not cost the event: it waits in quarantine
        return stage, refuse("pipeline_error", "", f"{stage} failed: {type(error).__name__}: {error}")


def _record(draft: Draft) -> EventRecord:
    event, raw = draft.event, draft.raw
    name = event.get("event") if raw.type == "track" else event.get("name")
    return EventRecord(
        raw.source,
        raw.type,
        raw.message_id,
        name if isinstance(name, str) else "",
        event.get("userId"),
        event.get("anonymousId"),
        raw.received_at_ms,
        draft.timestamp_ms,
        draft.place,
        lenient_json.dumps(event),
        draft.findings,
    )


def _quarantine(out: Processed, tally: SourceTally, raw: RawRecord, place: Place, stage: str, refusal: Refusal) -> None:
    tally.quarantined(refusal.reason)
    record = QuarantineRecord(raw.source, raw.type, raw.message_id, raw.received_at_ms, place, stage, refusal, raw.body)
    out.records[QUARANTINE].append(encode(record))


def _drop(out: Processed, tally: SourceTally, raw: RawRecord, place: Place, reason: str, original: Place) -> None:
    tally.drop(reason)
    record = DroppedRecord(raw.source, raw.type, raw.message_id, raw.received_at_ms, place, reason, original)
    out.records[DROPPED].append(encode(record))
