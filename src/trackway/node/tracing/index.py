"""Where the records of a message id stand in the clean log, in milliseconds however long the log is.

RocksDB in `data/trace-index`, a key for each record of the three topics and no value:

    01  day (2 bytes)  message id, hashed (8)  topic (1)  partition (4)  offset (8)
    00  topic (1)      partition (4)                       → the next offset to read

Days are those of the append, so that retention is one range deletion, and a look-up asks once for each day that the log
keeps. The log is the truth: like the pipeline's index this one has no write-ahead log, remembers in the same write how
far it knows the log, and reads again what a crash took. What is not read yet is searched record by record.
"""

import hashlib
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct
from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from trackway.errors import TrackwayError
from trackway.events.records import CLEAN_TOPICS, Place
from trackway.log.contract import EventLog, Slice

STEP_RECORDS = 2_000
"""Read between two pauses of the follower: a few milliseconds of the interpreter's time."""
_PAUSE_S = 0.005
_IDLE_S = 0.5
_PRUNE_EVERY_S = 600.0
_DAY_MS = 86_400_000
_ENTRY, _KNOWN = b"\x01", b"\x00"
_DAY = struct.Struct(">H")
_PLACE = struct.Struct(">BIQ")
_OFFSET = struct.Struct(">Q")
_ID_BYTES = 8
_LONGEST = _ENTRY + b"\xff" * (2 + _ID_BYTES + _PLACE.size)


class Located(NamedTuple):
    """A record of the clean log."""

    topic: str
    place: Place


class _Header(Struct, array_like=True, gc=False):
    """How the records of all three topics begin."""

    source: str
    type: str
    message_id: str


_message_id = msgspec.msgpack.Decoder(_Header).decode


class IndexBusy(TrackwayError):
    """Another process has the index: the running server, which answers instead."""


class TraceIndex:
    """Message ids to places of the clean log. One process owns the folder; any of its threads may look up."""

    def __init__(self, folder: Path, log: EventLog) -> None:
        """Open the index in `folder`, making it if need be.

        Raises:
            IndexBusy: another process has it, or it is damaged. Deleting it is safe: it is rebuilt from the log.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        try:
            self._db = Rdict(str(folder), options=_options())
        except Exception as error:
            raise IndexBusy(
                f"{folder} cannot be opened: {error}. If no Trackway runs here, delete the folder: it is rebuilt"
            ) from error
        self._unlogged = WriteOptions()
        self._unlogged.disable_wal = True  # pyright: ignore[reportAttributeAccessIssue] - the stub has a method

    def find(self, message_id: str) -> list[Located]:
        """Return every record with this message id, of any source, in the order of topics and places.

        May have to read what the index does not know yet: see `behind`.
        """
        # Before the index is asked: what the follower takes in between is found here.
        unknown = list(self._unknown())
        found = {where for where in self._indexed(message_id) if self._is(message_id, where)}
        for topic, partition, start, head in unknown:
            found.update(_scan(self._log, topic, partition, start, head, message_id))
        return sorted(found, key=lambda where: (CLEAN_TOPICS.index(where.topic), where.place))

    def behind(self) -> int:
        """Return how many records of the log are not in the index yet."""
        return sum(head - start for _, _, start, head in self._unknown())

    def step(self, max_records: int = STEP_RECORDS) -> int:
        """Take the next records of the log into the index; return how many, 0 when it knows all."""
        for topic, partition, start, head in self._unknown():
            taken = 0
            for part in self._log.read(topic, partition, start, max_records=min(max_records, head - start)):
                self._add(topic, part)
                taken += len(part.records)
            if taken:
                return taken
        return 0

    def prune(self) -> None:
        """Forget the days before the oldest record that the log still has."""
        oldest_ms = min(self._first_times_ms(), default=0)
        self._db.delete_range(_ENTRY, _ENTRY + _DAY.pack(_day(oldest_ms)), write_opt=self._unlogged)

    def close(self) -> None:
        """Put everything on disk and close."""
        self._db.flush()
        self._db.close()

    def _unknown(self) -> Iterator[tuple[str, int, int, int]]:
        """Yield topic, partition, first and following offset of what the log has beyond the index."""
        for topic in CLEAN_TOPICS:
            starts = self._log.starts(topic)
            for partition, head in self._log.heads(topic).items():
                known = self._db.get(_known_key(topic, partition))
                start = max(_OFFSET.unpack(known)[0] if known else 0, starts.get(partition, 0))
                if start < head:
                    yield topic, partition, start, head

    def _add(self, topic: str, part: Slice) -> None:
        number, day = CLEAN_TOPICS.index(topic), _ENTRY + _DAY.pack(_day(part.time_ms))
        batch = WriteBatch(raw_mode=True)
        for offset, record in enumerate(part.records, part.first):
            batch.put(day + _hashed(_message_id(record).message_id) + _PLACE.pack(number, part.partition, offset), b"")
        batch.put(_known_key(topic, part.partition), _OFFSET.pack(part.next))
        self._db.write(batch, self._unlogged)

    def _indexed(self, message_id: str) -> Iterator[Located]:
        wanted = _hashed(message_id)
        iterator = self._db.iter()
        iterator.seek(_ENTRY)
        while iterator.valid() and (key := iterator.key()) <= _LONGEST:
            day = key[: len(_ENTRY) + _DAY.size]
            iterator.seek(day + wanted)
            while iterator.valid() and (key := iterator.key()).startswith(day + wanted):
                topic, partition, offset = _PLACE.unpack(key[-_PLACE.size :])
                yield Located(CLEAN_TOPICS[topic], Place(partition, offset))
                iterator.next()
            iterator.seek(day + b"\xff" * (_ID_BYTES + _PLACE.size + 1))

    def _is(self, message_id: str, where: Located) -> bool:
        """Return whether the record is there and has the id itself, not only its hash."""
        slices = self._log.read(where.topic, where.place.partition, where.place.offset)
        return any(_message_id(part.records[0]).message_id == message_id for part in slices)

    def _first_times_ms(self) -> Iterator[int]:
        for topic in CLEAN_TOPICS:
            for partition, start in self._log.starts(topic).items():
                for part in self._log.read(topic, partition, start):
                    yield part.time_ms


class Follower:
    """Keeps an index up with the log, on a thread of its own, politely: nobody waits for it."""

    def __init__(self, index: TraceIndex) -> None:
        self._index = index
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trace-index", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the index."""
        self._stopping.set()
        self._thread.join()
        self._index.close()

    def _run(self) -> None:
        rested_s = _PRUNE_EVERY_S
        while not self._stopping.is_set():
            try:
                taken = self._index.step()
                if rested_s >= _PRUNE_EVERY_S:
                    rested_s = 0.0
                    self._index.prune()
            except OSError:
                taken = 0  # retention was faster; the next look begins at what is there
            pause_s = _PAUSE_S if taken else _IDLE_S
            rested_s += pause_s
            self._stopping.wait(pause_s)


def _scan(log: EventLog, topic: str, partition: int, start: int, head: int, message_id: str) -> Iterator[Located]:
    # Most records do not even have the bytes; looking for them costs a fifth of decoding.
    needle = message_id.encode()
    for part in log.read(topic, partition, start, max_records=head - start):
        for offset, record in enumerate(part.records, part.first):
            if needle in record and _message_id(record).message_id == message_id:
                yield Located(topic, Place(partition, offset))


def locate_by_reading(log: EventLog, message_id: str) -> list[Located]:
    """Return what `TraceIndex.find` does, by reading the whole log: for when there is no index at hand."""
    starts = {topic: log.starts(topic) for topic in CLEAN_TOPICS}
    return [
        found
        for topic in CLEAN_TOPICS
        for partition, head in log.heads(topic).items()
        for found in _scan(log, topic, partition, starts[topic].get(partition, 0), head, message_id)
    ]


def _hashed(message_id: str) -> bytes:
    return hashlib.blake2b(message_id.encode(), digest_size=_ID_BYTES).digest()


def _day(time_ms: int) -> int:
    return min(0xFFFF, max(0, time_ms // _DAY_MS))


def _known_key(topic: str, partition: int) -> bytes:
    return _KNOWN + _PLACE.pack(CLEAN_TOPICS.index(topic), partition, 0)


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(4 << 20)
    options.set_max_write_buffer_number(2)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(1 << 20)
    table = BlockBasedOptions()
    table.set_block_cache(Cache(8 << 20))
    table.set_cache_index_and_filter_blocks(True)
    options.set_block_based_table_factory(table)
    return options
