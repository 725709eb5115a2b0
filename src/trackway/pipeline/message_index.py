"""The memory of message ids: which ones came before, and where the first one stands in `events`.

RocksDB without a write-ahead log of its own: the events log is the truth. The index remembers up to which offset it
knows the log, in the same write as the ids, so whatever a crash takes from it is one stretch at the end, and is read
again from the log at the next start.

Keys begin with the time of receipt in buckets of half the longest window, so that what is older than any window goes by
one range deletion; an id is looked for in the three buckets that a window can reach. RocksDB's own time-to-live is not
used: through rocksdict 0.3.29 it now and then dropped everything after a reopening (docs/decisions/0006).
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from trackway.errors import TrackwayError
from trackway.events.records import EVENTS, Place, decode_event
from trackway.log.contract import EventLog

_ENTRY = struct.Struct(">QIQ")
_OFFSET = struct.Struct(">Q")
_BUCKET = struct.Struct(">I")
_REACH = 3
"""Buckets that a window can touch: it is as long as two, and begins anywhere in one."""
_SHORTEST_BUCKET_MS = 3_600_000
_CACHE_BYTES = 32 << 20
_BUFFER_BYTES = 8 << 20


class Seen(NamedTuple):
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
        self._bucket_ms = max(_SHORTEST_BUCKET_MS, int(keep_s * 1000 / 2) + 1)
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

    def look_up(self, wanted: Sequence[tuple[bytes, int]]) -> list[Seen | None]:
        """Return the newest event known for each of `wanted`, in their order.

        Each is a key from `key_of` and the time of receipt, epoch milliseconds, of the call that asks.
        """
        if not wanted:
            return []
        keys: list[Any] = [
            _BUCKET.pack(max(0, received_ms // self._bucket_ms - back)) + key
            for key, received_ms in wanted
            for back in range(_REACH)
        ]
        values: list[bytes | None] = self._db.get(keys)  # pyright: ignore[reportAssignmentType] - a list for a list
        found: list[Seen | None] = []
        for start in range(0, len(values), _REACH):
            value = next((value for value in values[start : start + _REACH] if value), None)
            found.append(_unpack(value) if value else None)
        return found

    def remember(self, seen: Mapping[bytes, Seen], partition: int, next_offset: int) -> None:
        """Add ids, and that the partition's events below `next_offset` are known; forget what no window reaches."""
        batch = WriteBatch(raw_mode=True)
        newest = self._newest
        for key, one in seen.items():
            bucket = one.received_at_ms // self._bucket_ms
            newest = max(newest, bucket)
            batch.put(_BUCKET.pack(bucket) + key, _ENTRY.pack(one.received_at_ms, *one.place))
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
        # Other buckets, other keys: after a change of the windows the index is learnt anew from the log.
        return b"\xff\xff\xff\xffknown:%d:%d" % (partition, self._bucket_ms)

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
    table = BlockBasedOptions()
    table.set_block_cache(Cache(_CACHE_BYTES))
    table.set_bloom_filter(10, False)
    table.set_cache_index_and_filter_blocks(True)
    options.set_block_based_table_factory(table)
    return options
