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
from itertools import groupby, islice
from pathlib import Path
from typing import Any, cast

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
from xxhash import xxh3_128_digest

from trackway.errors import TrackwayError
from trackway.events.memo import Memo
from trackway.events.records import EVENTS, Place, decode_event
from trackway.log.contract import EventLog
from trackway.pipeline.new_ids import NewIds

_ENTRY = struct.Struct(">QIQ")
_OFFSET = struct.Struct(">Q")
_BUCKET = struct.Struct(">I")
_REACH = 2
"""Buckets that a window can touch: it is as long as one, and begins anywhere in one."""
_OTHER_KEYS = b"\xff\xff\xff\xff"
"""Behind the ids of any time."""
_LENGTH_KEY = _OTHER_KEYS + b"length"
_FORMAT = b"\x02"
_LEARNT_FOR_EACH = 4
"""Ids that the filters learn from RocksDB for each new one."""
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
    partition: int
    offset: int

    @property
    def place(self) -> Place:
        """Where it stands in `events`."""
        return Place(self.partition, self.offset)


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
        self._new = NewIds(0)
        self._new.expected = max(self._new.expected, self._db.property_int_value("rocksdb.estimate-num-keys") or 0)
        self._unlearned: bytes | None = _BUCKET.pack(0)
        """From where on RocksDB may hold ids that the filters were not told of."""

    def _forget_other_buckets(self) -> None:
        """Empty an index of another format, or length of buckets: its ids would be looked for in the wrong places."""
        length = _OFFSET.pack(self._bucket_ms) + _FORMAT
        if self._db.get(_LENGTH_KEY) != length:
            self._db.delete_range(_BUCKET.pack(0), _LENGTH_KEY, write_opt=self._unlogged)
            self._db.put(_LENGTH_KEY, length, write_opt=self._unlogged)

    def look_up(self, keys: Sequence[bytes], received_ms: Sequence[int]) -> dict[bytes, Seen]:
        """Return the newest event known for each of `keys` that came before.

        The keys are from `key_of`; `received_ms` has the times of receipt of the calls that ask, epoch milliseconds.
        """
        if not keys:
            return {}
        first, last = min(received_ms) // self._bucket_ms, max(received_ms) // self._bucket_ms
        found: dict[bytes, Seen] = {}
        for bucket in range(max(0, first - 1), last + 1):
            perhaps = keys if self._unlearned is not None else self._new.perhaps_known(keys, bucket)
            if perhaps:
                prefix = _BUCKET.pack(bucket)
                values: Any = self._db.get([prefix + key for key in perhaps])
                found |= {key: Seen(*_ENTRY.unpack(value)) for key, value in zip(perhaps, values, strict=True) if value}
        return found

    def remember(self, seen: Mapping[bytes, Seen], partition: int, next_offset: int) -> None:
        """Add ids, and that the partition's events below `next_offset` are known; forget what no window reaches."""
        batch = WriteBatch(raw_mode=True)
        put, pack = batch.put, _ENTRY.pack
        buckets = self._by_bucket(seen)
        for bucket, some in buckets.items():
            prefix = _BUCKET.pack(bucket)
            for key, one in some.items():
                put(prefix + key, pack(one.received_at_ms, one.partition, one.offset))
        batch.put(self._known_key(partition), _OFFSET.pack(next_offset))
        self._db.write(batch, self._unlogged)
        for bucket, some in buckets.items():
            self._new.add(bucket, some)
        self._forget_below(max(buckets, default=0))
        if self._unlearned is not None:
            self._learn(_LEARNT_FOR_EACH * len(seen) + 1)

    def _by_bucket(self, seen: Mapping[bytes, Seen]) -> dict[int, Mapping[bytes, Seen]]:
        found = {one.received_at_ms // self._bucket_ms for one in seen.values()}
        if len(found) == 1:  # nearly always
            return {found.pop(): seen}
        return {
            bucket: {key: one for key, one in seen.items() if one.received_at_ms // self._bucket_ms == bucket}
            for bucket in found
        }

    def _forget_below(self, newest: int) -> None:
        if newest > self._newest:
            self._newest = newest
            self._db.delete_range(_BUCKET.pack(0), _BUCKET.pack(max(0, newest - _REACH)), write_opt=self._unlogged)
            self._new.forget_below(newest + 1 - _REACH)

    def _learn(self, most: int) -> None:
        """Tell the filters of up to `most` further ids that RocksDB holds."""
        keys = cast("list[bytes]", list(islice(self._db.keys(from_key=self._unlearned), most)))
        ids = [key for key in keys if key < _OTHER_KEYS]
        for prefix, some in groupby(ids, key=lambda key: key[: _BUCKET.size]):
            (bucket,) = _BUCKET.unpack(prefix)
            self._new.add(bucket, [key[_BUCKET.size :] for key in some])
        self._unlearned = ids[-1] + b"\0" if len(ids) == most else None

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
        return _OTHER_KEYS + b"known:%d" % partition

    def close(self) -> None:
        """Put everything on disk and close."""
        self._db.flush()
        self._db.close()


def key_of(source: str, message_id: str) -> bytes:
    """Return the key of a message id: 20 bytes, so that the index costs the same for ids of any length.

    The source is not in the hash, which is a quick one: whoever may write to one source must not be able to make up an
    id that counts as one of another's.
    """
    return _SOURCES[source] + xxh3_128_digest(message_id.encode())


def keys_of(sources: Sequence[str], message_ids: Sequence[str]) -> list[bytes]:
    """Return the keys of message ids, each of the source at its place in `sources`."""
    codes = {source: _SOURCES[source] for source in set(sources)}
    return [codes[source] + xxh3_128_digest(one.encode()) for source, one in zip(sources, message_ids, strict=True)]


_SOURCES: Memo[str, bytes] = Memo(lambda source: hashlib.blake2b(source.encode(), digest_size=4).digest())


def _seen_in(records: Iterable[bytes], partition: int, first: int) -> Iterable[tuple[bytes, Seen]]:
    for offset, record in enumerate(records, first):
        event = decode_event(record)
        yield key_of(event.source, event.message_id), Seen(event.received_at_ms, partition, offset)


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
