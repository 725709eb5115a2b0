"""The memory of message ids: which ones came before, and where the first one stands in `events`.

RocksDB without a write-ahead log of its own: the events log is the truth. The index remembers up to which offset it
knows the log, in the same write as the ids, so whatever a crash takes from it is one stretch at the end, and is read
again from the log at the next start.

Keys begin with the time of receipt in buckets as long as the longest window, so that what is older than any window goes
by one range deletion; an id is looked for in the two buckets that a window can reach. RocksDB's own time-to-live is not
used: through rocksdict 0.3.29 it now and then dropped everything after a reopening (docs/decisions/0006).
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    DBCompactionStyle,
    DBCompressionType,
    Options,
    Rdict,
    UniversalCompactOptions,
    WriteBatch,
    WriteOptions,
)

from trackway.errors import TrackwayError
from trackway.events.records import EVENTS, Place, decode_event
from trackway.log.contract import EventLog

_ENTRY = struct.Struct(">QIQ")
_OFFSET = struct.Struct(">Q")
_BUCKET = struct.Struct(">I")
_REACH = 2
"""Buckets that a window can touch: it is as long as one, and begins anywhere in one."""
_LENGTH_KEY = b"\xff\xff\xff\xfflength"
_SHORTEST_BUCKET_MS = 3_600_000
_CACHE_BYTES = 32 << 20
_BUFFER_BYTES = 8 << 20
_RUNS = 8
"""Sorted runs of files from which on some are merged: each is a filter more to ask, but fewer merges an id."""
_RUNS_AT_MOST = 64
"""From which on writing waits; the merging of a large index takes its time."""


class Seen(Struct, frozen=True, gc=False):
    """The first event with a message id."""

    received_at_ms: int
    place: Place


class MessageIndex:
    """Message ids by source. One process owns the folder."""

    def __init__(self, folder: Path, *, keep_s: float) -> None:
        """Open the index in `folder`, making it if need be; ids are kept for at least `keep_s` seconds.

        Raises:
            TrackwayError: the folder is in use or damaged. Deleting it is safe: it is rebuilt from the log.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._bucket_ms = max(_SHORTEST_BUCKET_MS, int(keep_s * 1000) + 1)
        self._newest = 0
        try:
            self._db = Rdict(str(folder), options=_options())
        except Exception as error:
            raise TrackwayError(
                f"{folder} cannot be opened: {error}. If no other Trackway runs here, delete the folder: "
                "it is rebuilt from the log"
            ) from error
        unlogged = WriteOptions()
        unlogged.disable_wal = True  # pyright: ignore[reportAttributeAccessIssue] - the stub takes it for a method
        self._unlogged = unlogged
        self._forget_other_buckets()

    def _forget_other_buckets(self) -> None:
        """Empty an index whose buckets have another length: its ids would be looked for in the wrong places."""
        length = _OFFSET.pack(self._bucket_ms)
        if self._db.get(_LENGTH_KEY) != length:
            self._db.delete_range(_BUCKET.pack(0), _LENGTH_KEY, write_opt=self._unlogged)
            self._db.put(_LENGTH_KEY, length, write_opt=self._unlogged)

    def look_up(self, wanted: Sequence[tuple[bytes, int]]) -> list[Seen | None]:
        """Return the newest event known for each of `wanted`, in their order.

        Each is a key from `key_of` and the time of receipt, epoch milliseconds, of the call that asks.
        """
        if not wanted:
            return []
        bucket_ms, pack = self._bucket_ms, _BUCKET.pack
        keys: list[Any] = []
        for key, received_ms in wanted:
            bucket = received_ms // bucket_ms
            keys += (pack(bucket) + key, pack(bucket - 1 if bucket else 0) + key)
        values: list[bytes | None] = self._db.get(keys)  # pyright: ignore[reportAssignmentType] - a list for a list
        if not any(values):
            return [None] * len(wanted)
        return [
            _unpack(value) if (value := newer or older) else None
            for newer, older in zip(values[::_REACH], values[1::_REACH], strict=True)
        ]

    def remember(self, seen: Mapping[bytes, Seen], partition: int, next_offset: int) -> None:
        """Add ids, and that the partition's events below `next_offset` are known; forget what no window reaches."""
        batch = WriteBatch(raw_mode=True)
        newest, bucket_ms, put = self._newest, self._bucket_ms, batch.put
        for key, one in seen.items():
            received_ms, (part, offset) = one.received_at_ms, one.place
            bucket = received_ms // bucket_ms
            if bucket > newest:
                newest = bucket
            put(_BUCKET.pack(bucket) + key, _ENTRY.pack(received_ms, part, offset))
        batch.put(self._known_key(partition), _OFFSET.pack(next_offset))
        self._db.write(batch, self._unlogged)
        if newest > self._newest:
            self._newest = newest
            self._db.delete_range(_BUCKET.pack(0), _BUCKET.pack(max(0, newest - _REACH)), write_opt=self._unlogged)

    def catch_up(self, log: EventLog, partition: int, head: int) -> int:
        """Read what the index misses from the events log, up to offset `head`; return the number of events read."""
        known = self._db.get(self._known_key(partition))
        offset = _OFFSET.unpack(known)[0] if known else 0
        offset = max(offset, log.starts(EVENTS).get(partition, 0))
        count = 0
        while offset < head:
            for part in log.read(EVENTS, partition, offset, max_records=20_000):
                self.remember(dict(_seen_in(part.records, partition, part.first)), partition, part.next)
                offset = part.next
                count += len(part.records)
        return count

    def _known_key(self, partition: int) -> bytes:
        return b"\xff\xff\xff\xffknown:%d" % partition

    def close(self) -> None:
        """Put everything on disk and close."""
        self._db.flush()
        self._db.close()


def key_of(source: str, message_id: str) -> bytes:
    """Return the key of a message id: 16 bytes, so that the index costs the same for ids of any length."""
    return hashlib.blake2b(f"{source}\0{message_id}".encode(), digest_size=16).digest()


def _seen_in(records: Iterable[bytes], partition: int, first: int) -> Iterable[tuple[bytes, Seen]]:
    for offset, record in enumerate(records, first):
        event = decode_event(record)
        yield key_of(event.source, event.message_id), Seen(event.received_at_ms, Place(partition, offset))


def _unpack(value: bytes) -> Seen:
    received_at_ms, partition, offset = _ENTRY.unpack(value)
    return Seen(received_at_ms, Place(partition, offset))


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(_BUFFER_BYTES)
    options.set_max_write_buffer_number(3)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(1 << 20)
    # Runs of like size are merged, so that an id is rewritten a few times however many there are. By levels it would be
    # ten times a level: that was half of the processor time at 10 M ids, and growing.
    options.set_compaction_style(DBCompactionStyle.universal())
    merging = UniversalCompactOptions()
    merging.size_ratio = 10
    merging.min_merge_width = 4
    options.set_universal_compaction_options(merging)
    options.set_level_zero_file_num_compaction_trigger(_RUNS)
    options.set_level_zero_slowdown_writes_trigger(_RUNS_AT_MOST)
    options.set_level_zero_stop_writes_trigger(2 * _RUNS_AT_MOST)
    # Keys are hashes: nothing in them can be packed.
    options.set_compression_type(DBCompressionType.none())
    # Nearly every id is new; the filter of the newest ids saves a search among them.
    options.set_memtable_whole_key_filtering(True)
    options.set_memtable_prefix_bloom_ratio(0.1)
    table = BlockBasedOptions()
    table.set_block_cache(Cache(_CACHE_BYTES))
    # Filters in parts, so that a cache smaller than all filters still holds those in use.
    table.set_index_type(BlockBasedIndexType.two_level_index_search())
    table.set_partition_filters(True)
    table.set_bloom_filter(10, False)
    table.set_cache_index_and_filter_blocks(True)
    table.set_pin_top_level_index_and_filter(True)
    options.set_block_based_table_factory(table)
    return options
