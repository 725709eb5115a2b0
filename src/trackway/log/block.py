"""Blocks: neighbouring records of one topic, as a segment keeps them."""

import zlib
from collections.abc import Iterator, Sequence
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
_encode = msgspec.msgpack.Encoder().encode
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

    def pack(self, first: int, records: list[bytes], time_ms: int) -> Block:
        """Return `records`, whose first one has the offset `first`, as a block."""
        codec, payload = _PLAIN, _encode(records)
        if len(payload) >= _WORTH_COMPRESSING:
            codec, payload = _ZSTD, self._zstd.compress(payload)
        return Block(first, len(records), time_ms, codec, zlib.crc32(payload), payload)

    def cut(self, first: int, records: Sequence[bytes], time_ms: int) -> Iterator[Block]:
        """Yield `records` as blocks of bounded count and size."""
        chunk: list[bytes] = []
        size = 0
        for record in records:
            if chunk and (len(chunk) >= BLOCK_RECORDS or size + len(record) > _BLOCK_BYTES):
                yield self.pack(first, chunk, time_ms)
                first, chunk, size = first + len(chunk), [], 0
            chunk.append(record)
            size += len(record)
        if chunk:
            yield self.pack(first, chunk, time_ms)


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
