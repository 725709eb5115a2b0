"""The pipeline's worker: reads raw calls, runs the stages, and commits what became of them with its position.

One transaction of the clean log holds the output of a batch (events, quarantine, dropped), the position in the raw log
and the tallies. So after a crash every raw call has exactly one end, and the ledger can be recounted from the logs.
"""

import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import count, groupby, repeat
from typing import NamedTuple, cast

import msgspec

from trackway.errors import TrackwayError
from trackway.events.records import EVENTS, RAW, Heads, Place, RawRecord, decode_raw, read_heads
from trackway.log import consumers
from trackway.log.contract import EventLog, LogError, LogWriter, Slice
from trackway.pipeline.chain import Stage, build_default_chain, run_chain
from trackway.pipeline.draft import Draft
from trackway.pipeline.ends import Ends
from trackway.pipeline.message_index import MessageIndex, Seen
from trackway.pipeline.short_way import ShortWay
from trackway.pipeline.tallies import MARK, POSITION, decode_tallies, encode_tallies

_BATCH = 4000
"""Calls that are read, and committed, at a time."""
_CHUNK = 250
"""Calls that go through the stages at a time: their Python objects should fit into the processor's cache."""
_DEFAULT_WINDOW_MS = 24 * 3600 * 1000
_encode_position = msgspec.msgpack.Encoder().encode
_decode_position = msgspec.msgpack.Decoder(dict[int, int]).decode


_Made = bytes | list[Draft] | None
"""What became of a call: the record of an event, or drafts that may have ended; None where that is not known yet."""


class Processed(NamedTuple):
    """What a batch of raw calls became."""

    records: dict[str, list[bytes]]
    """By topic of the clean log."""
    seen: dict[bytes, Seen]
    """Ids to remember, once the records are committed."""


class _Batch(NamedTuple):
    """What becomes of a batch while it is worked on."""

    ends: Ends
    seen: dict[bytes, Seen]
    """The ids of its events."""


def _check_position(position: Mapping[int, int], heads: Mapping[int, int]) -> None:
    for partition, offset in position.items():
        if offset > heads.get(partition, 0):
            raise LogError(
                f"the clean log was made of the raw log's partition {partition} up to offset {offset}, which ends at "
                f"{heads.get(partition, 0)}: these two logs do not belong together; put the right raw log back"
            )


class PipelineWorker:
    """Runs in a thread of its own until `stop`."""

    def __init__(
        self,
        raw: EventLog,
        clean: EventLog,
        index: MessageIndex,
        windows_s: Mapping[str, float],
        *,
        chain: Callable[[], Sequence[Stage]] | None = None,
        partition: int = 0,
    ) -> None:
        """Take the clean log's `partition`.

        `windows_s` is the dedup window of each source. `chain` gives the stages of each batch, such as a `LiveChain`;
        default: those of a workspace without settings.

        Raises:
            LogBusy: another pipeline runs on this folder.
            LogError: the raw log ends before the position of the clean log: they do not belong together.
        """
        self._partition = partition
        self._writer: LogWriter = clean.writer(partition)
        self._index = index
        self._windows_ms = {source: int(window_s * 1000) for source, window_s in windows_s.items()}
        self._chain = chain or _default_chain()
        self._stages: Sequence[Stage] = ()
        self._short_way = ShortWay(())
        self._stopping = threading.Event()
        try:
            self._tallies = decode_tallies(self._writer.mark(MARK))
            self.repaired = index.catch_up(clean, partition, self._writer.next_offset(EVENTS))
            """Events that the index had to learn again from the log."""
            position = self._writer.mark(POSITION)
            start = _decode_position(position) if position else {}
            _check_position(start, raw.heads(RAW))
            self._reader = raw.reader(RAW, consumer=consumers.PIPELINE, start=start)
        except TrackwayError:
            self._writer.close()
            raise

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
            self._chain()  # so that a mistake in a plan is told while nothing comes, too
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
        stages = self._chain()
        if stages is not self._stages:
            renewed = bool(self._stages)
            self._stages, self._short_way = stages, ShortWay(stages)
            if renewed:
                gc.collect()  # what stood before may hold a process of functions, in a cycle
        batch = _Batch(Ends(self._tallies, self._writer.next_offset(EVENTS)), {})
        # Events are trees, which need no collector; it would only look at each of them again and again.
        collecting = gc.isenabled()
        gc.disable()
        try:
            for one in slices:
                for start in range(0, len(one.records), _CHUNK):
                    records = one.records[start : start + _CHUNK]
                    self._process_chunk(records, Place(one.partition, one.first + start), batch)
        finally:
            if collecting:
                gc.enable()
        return Processed(batch.ends.records, batch.seen)

    def _process_chunk(self, records: Sequence[bytes], first: Place, batch: _Batch) -> None:
        """Take calls, by their raw records, of which the first stands at `first`, to their ends."""
        ends, seen = batch.ends, batch.seen
        heads = read_heads(records)
        sources, received_ms = heads.sources, heads.received_ms
        keys = self._index.keys_of(sources, heads.message_ids)
        known = self._index.look_up(keys, received_ms)
        known |= {key: seen[key] for key in seen.keys() & keys}
        new = self._find_new(heads, keys, known)
        made: list[_Made] = [*self._short_way.take(records, sources, first, new)]
        ends.count_faults(self._short_way.faults.take_counts())
        others = [number for number, one in enumerate(made) if one is None]
        raws = {number: decode_raw(records[number]) for number in others}
        self._run({number: raws[number] for number in raws.keys() & new}, first, made)
        start = 0
        for number in [*others, len(made)]:
            if start < number:
                run = slice(start, number)
                offset = ends.add_events(sources[run], cast("list[bytes]", made[run]))
                events = map(Seen, received_ms[run], repeat(self._partition), count(offset))
                seen.update(zip(keys[run], events, strict=True))
            if number < len(made):
                raw, place, key = raws[number], Place(first.partition, first.offset + number), keys[number]
                drafts = cast("list[Draft] | None", made[number])
                mine = self._end(raw, place, seen.get(key) or known.get(key), drafts, ends)
                if mine is not None:
                    seen[key] = Seen(raw.received_at_ms, self._partition, mine)
            start = number + 1

    def _find_new(self, heads: Heads, keys: list[bytes], known: Mapping[bytes, Seen]) -> Sequence[int]:
        """Return the numbers of the calls whose id is surely new.

        Whether a repetition in the same chunk is a duplicate shows only when its first call became an event.
        """
        if not known and len(set(keys)) == len(keys):
            return range(len(keys))
        new: dict[bytes, int] = {}
        refused = set(heads.refused)
        for number, (key, source, received_ms) in enumerate(zip(keys, heads.sources, heads.received_ms, strict=True)):
            if number not in refused and (key not in known or not self._repeats(source, received_ms, known[key])):
                new.setdefault(key, number)
        return [*new.values()]

    def _run(self, raws: Mapping[int, RawRecord], first: Place, made: list[_Made]) -> None:
        """Put what the stages make of calls into `made`, but for those that the collector refused."""
        partition, offset = first
        calls = [(raws[number], Place(partition, offset + number)) for number in sorted(raws)]
        calls = [(raw, place) for raw, place in calls if raw.refusal is None]
        for place, drafts in groupby(run_chain(self._stages, calls), key=lambda draft: draft.place):
            made[place.offset - offset] = list(drafts)

    def _end(
        self, raw: RawRecord, place: Place, before: Seen | None, made: list[Draft] | None, ends: Ends
    ) -> int | None:
        """Write what becomes of a call that did not go the short way, and return the offset of its event, if any."""
        if raw.refusal is not None:
            ends.quarantine(raw, place, "collector", raw.refusal)
        elif before is not None and self._repeats(raw.source, raw.received_at_ms, before):
            ends.drop_duplicate(raw, place, before.place)
        else:
            return ends.add(made or run_chain(self._stages, [(raw, place)]))
        return None

    def _window_ms(self, source: str) -> int:
        return self._windows_ms.get(source, _DEFAULT_WINDOW_MS)

    def _repeats(self, source: str, received_ms: int, seen: Seen) -> bool:
        """Tell whether a call came within its source's window after the event with the same id."""
        return received_ms - seen.received_at_ms <= self._window_ms(source)


def _default_chain() -> Callable[[], Sequence[Stage]]:
    stages = build_default_chain()
    return lambda: stages
