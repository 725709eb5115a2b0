"""Blocks: neighbouring records of one topic, as a segment keeps them."""

import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec
from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from trackway.log import storage
from trackway.log.contract import Slice

_PLAIN, _ZSTD = 0, 1
_WORTH_COMPRESSING = 4096
"""Smaller payloads fit into a page or two of the file, whatever they are."""
BLOCK_RECORDS = 4096
"""The most that one block holds."""
_BLOCK_BYTES = 1 << 20
_encode_into = msgspec.msgpack.Encoder().encode_into
_decode = msgspec.msgpack.Decoder(list[bytes]).decode


class Block(NamedTuple):
    """A row of `block_<topic>`."""

    first: int
    length: int
    time_ms: int
    codec: int
    crc: int
    payload: bytes


class Packer:
    """Makes blocks of records. One thread at a time."""

    def __init__(self) -> None:
        self._zstd = ZstdCompressor(level=1)
        self._payload = bytearray()
        """Of the block in hand; written over each time, it need not grow anew."""

    def pack(self, first: int, records: Sequence[bytes], time_ms: int) -> Block:
        """Return `records`, whose first one has the offset `first`, as a block."""
        _encode_into(records, self._payload)
        if len(self._payload) >= _WORTH_COMPRESSING:
            codec, payload = _ZSTD, self._zstd.compress(self._payload)
        else:
            codec, payload = _PLAIN, bytes(self._payload)
        return Block(first, len(records), time_ms, codec, zlib.crc32(payload), payload)

    def cut(self, first: int, records: Sequence[bytes], time_ms: int) -> Iterator[Block]:
        """Yield `records` as blocks of bounded count and size."""
        ends = list(accumulate(map(len, records)))
        start, done = 0, 0
        while start < len(records):
            # As many as fit, but one at least.
            stop = max(bisect_right(ends, done + _BLOCK_BYTES, lo=start), start + 1)
            stop = min(stop, start + BLOCK_RECORDS)
            yield self.pack(first + start, records[start:stop], time_ms)
            start, done = stop, ends[stop - 1]


class Unpacker:
    """Makes records of blocks. One thread at a time."""

    def __init__(self) -> None:
        self._zstd = ZstdDecompressor()

    def unpack(self, block: Block, partition: int, *, start: int, limit: int, place: str) -> Slice:
        """Return at most `limit` records of `block` from offset `start` on.

        Raises:
            LogCorrupt: the payload is not what was written; `place` says where.
        """
        if zlib.crc32(block.payload) != block.crc:
            raise storage.corrupt(place, f"the block at offset {block.first} does not match its checksum")
        try:
            payload = self._zstd.decompress(block.payload) if block.codec == _ZSTD else block.payload
            records = _decode(payload)
        except (ZstdError, msgspec.DecodeError) as error:
            raise storage.corrupt(place, f"the block at offset {block.first} cannot be read: {error}") from error
        if len(records) != block.length:
            what = f"the block at offset {block.first} holds {len(records)} records where {block.length} should be"
            raise storage.corrupt(place, what)
        skip = max(0, start - block.first)
        if skip or len(records) > limit:
            records = records[skip : skip + limit]
        return Slice(partition, block.first + skip, block.time_ms, records)
