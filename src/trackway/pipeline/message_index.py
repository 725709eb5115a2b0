"""The memory of message ids: which ones came before, and where the first one stands in `events`.

RocksDB without a write-ahead log of its own: the events log is the truth. The index remembers up to which offset it
knows the log, in the same write as the ids, so whatever a crash takes from it is one stretch at the end, and is read
again from the log at the next start. Entries expire by themselves after the longest dedup window.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rocksdict import AccessType, BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from trackway.errors import TrackwayError
from trackway.events.records import EVENTS, Place, decode_event
from trackway.log.contract import EventLog

_ENTRY = struct.Struct(">QIQ")
_OFFSET = struct.Struct(">Q")
_EXPIRY_SLACK_S = 3600
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
        expiry_s = int(keep_s) + _EXPIRY_SLACK_S
        try:
            self._db = Rdict(str(folder), options=_options(), access_type=AccessType.with_ttl(expiry_s))
        except Exception as error:
            raise TrackwayError(
                f"{folder} cannot be opened: {error}. If no other Trackway runs here, delete the folder: "
                "it is rebuilt from the log"
            ) from error
        unlogged = WriteOptions()
        unlogged.disable_wal = True  # pyright: ignore[reportAttributeAccessIssue] - the stub takes it for a method
        self._unlogged = unlogged

    def look_up(self, keys: Sequence[bytes]) -> list[Seen | None]:
        """Return what is known of each of `keys` (from `key_of`), in their order."""
        if not keys:
            return []
        values: list[bytes | None] = self._db.get(list(keys))  # pyright: ignore[reportAssignmentType] - a list for a list
        return [_unpack(value) if value else None for value in values]

    def remember(self, seen: Mapping[bytes, Seen], partition: int, next_offset: int) -> None:
        """Add ids, and that the partition's events below `next_offset` are known."""
        batch = WriteBatch(raw_mode=True)
        for key, one in seen.items():
            batch.put(key, _ENTRY.pack(one.received_at_ms, *one.place))
        batch.put(_known_key(partition), _OFFSET.pack(next_offset))
        self._db.write(batch, self._unlogged)

    def catch_up(self, log: EventLog, partition: int) -> int:
        """Read what the index misses from the events log; return the number of events read."""
        known = self._db.get(_known_key(partition))
        offset = _OFFSET.unpack(known)[0] if known else 0
        head = log.heads(EVENTS).get(partition, 0)
        offset = max(offset, log.starts(EVENTS).get(partition, 0))
        count = 0
        while offset < head:
            for part in log.read(EVENTS, partition, offset, max_records=20_000):
                self.remember(dict(_seen_in(part.records, partition, part.first)), partition, part.next)
                offset = part.next
                count += len(part.records)
        return count

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


def _known_key(partition: int) -> bytes:
    return b"known:%d" % partition


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
