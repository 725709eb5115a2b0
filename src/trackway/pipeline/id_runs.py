"""Runs of message ids: put in order once, never changed; in memory, or in a file.

A run has two columns: `hashes` (uint64, of id and source together), by which it is in order, and `rows` (three uint64
each): more of the hash with the source, the time of receipt in epoch milliseconds, and the place in `events`. Ids of
one hash stand in the order in which they came. A file has one column after the other, little-endian.
"""

import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from trackway.events.records import Place
from trackway.log.storage import sync_folder

U64: TypeAlias = NDArray[np.uint64]

_KEY = np.dtype([("source", "<u4"), ("hash", "<u8"), ("rest", "<u8")])
_SOURCE_SHIFT = np.uint64(32)
_REST_MASK = np.uint64(0xFFFFFFFF_00000000)
_PARTITION_SHIFT = 48
_OFFSET_MASK = (1 << _PARTITION_SHIFT) - 1
_WIDTH = 3
_HASH_BYTES = 8
_ROW_BYTES = 8 * _WIDTH
_BLOCK = 256
"""Ids of which one hash is kept in memory, so that a look-up reads 2 KiB of hashes."""
_PIECE = 1 << 16
"""Ids that are read, and merged, at a time: some blocks."""


class Seen(Struct, frozen=True, gc=False):
    """The first event with a message id."""

    received_at_ms: int
    partition: int
    offset: int

    @property
    def place(self) -> Place:
        """Where it stands in `events`."""
        return Place(self.partition, self.offset)


class Ids:
    """Keys of message ids as columns."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Take keys of 20 bytes: four of the source, sixteen of the id, of which twelve count."""
        self._columns = np.frombuffer(b"".join(keys), _KEY)
        self._source = self._columns["source"].astype(np.uint64)
        self.hashes: U64 = self._columns["hash"] ^ (self._source << _SOURCE_SHIFT)

    @property
    def rests(self) -> U64:
        """What tells ids of one hash apart."""
        return (self._columns["rest"] & _REST_MASK) | self._source


class MemoryRun:
    """A run in memory."""

    def __init__(self, hashes: U64, rows: U64) -> None:
        self.hashes = hashes
        self.rows = rows
        self._hashes = hashes.data

    @classmethod
    def of(cls, seen: Mapping[bytes, Seen]) -> "MemoryRun":
        """Put ids in order."""
        ids = Ids([*seen])
        rows = np.empty((len(seen), _WIDTH), np.uint64)
        rows[:, 0] = ids.rests
        rows[:, 1] = [one.received_at_ms for one in seen.values()]
        rows[:, 2] = [one.partition << _PARTITION_SHIFT | one.offset for one in seen.values()]
        order = np.argsort(ids.hashes)
        return cls(ids.hashes.take(order), rows.take(order, axis=0))

    def __len__(self) -> int:
        return len(self.hashes)

    def find(self, hash_: int, rest: int) -> Seen | None:
        """Return what is known of an id; of several with one hash and rest, the last."""
        hashes = self._hashes
        start = bisect_left(hashes, hash_)
        if start == len(hashes) or hashes[start] != hash_:
            return None
        return _last(self.rows[start : bisect_right(hashes, hash_, start)], rest)

    def below(self, hash_: int) -> int:
        """Return the number of ids whose hash is smaller."""
        return bisect_left(self._hashes, hash_)

    def part(self, start: int, end: int) -> tuple[U64, U64]:
        """Return both columns of the ids from number `start` up to `end`."""
        return self.hashes[start:end], self.rows[start:end]


class FileRun:
    """A run in a file, of which memory holds one hash in 256."""

    def __init__(self, path: Path) -> None:
        """Open a whole file.

        Raises:
            OSError: it is not there, or cannot be read.
        """
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._count = os.fstat(self._file).st_size // (_HASH_BYTES + _ROW_BYTES)
        self._fence = array("Q")
        for hashes in self.hashes():
            self._fence.frombytes(hashes[::_BLOCK].tobytes())

    def __len__(self) -> int:
        return self._count

    def hashes(self) -> Iterator[U64]:
        """Yield the column of hashes, by parts."""
        for start in range(0, self._count, _PIECE):
            yield self._read_hashes(start, min(start + _PIECE, self._count))

    def find(self, hash_: int, rest: int) -> Seen | None:
        """Return what is known of an id; of several with one hash and rest, the last.

        Raises:
            OSError: the file cannot be read.
        """
        fence = self._fence
        after = bisect_left(fence, hash_)
        first = _BLOCK * max(0, after - 1)
        if after < len(fence) and fence[after] == hash_:
            after = bisect_right(fence, hash_)
        end = min(self._count, _BLOCK * after)
        hashes = memoryview(os.pread(self._file, (end - first) * _HASH_BYTES, first * _HASH_BYTES)).cast("Q")
        start = bisect_left(hashes, hash_)
        if start == len(hashes) or hashes[start] != hash_:
            return None
        return _last(self._read_rows(first + start, first + bisect_right(hashes, hash_, start)), rest)

    def below(self, hash_: int) -> int:
        """Return the number of ids whose hash is smaller."""
        first = _BLOCK * max(0, bisect_left(self._fence, hash_) - 1)
        hashes = self._read_hashes(first, min(self._count, first + _BLOCK))
        return first + bisect_left(hashes.data, hash_)

    def part(self, start: int, end: int) -> tuple[U64, U64]:
        """Return both columns of the ids from number `start` up to `end`."""
        return self._read_hashes(start, end), self._read_rows(start, end)

    def _read_hashes(self, start: int, end: int) -> U64:
        return self._read(start * _HASH_BYTES, (end - start) * _HASH_BYTES)

    def _read_rows(self, start: int, end: int) -> U64:
        offset = self._count * _HASH_BYTES + start * _ROW_BYTES
        return self._read(offset, (end - start) * _ROW_BYTES).reshape(-1, _WIDTH)

    def _read(self, offset: int, size: int) -> U64:
        return np.frombuffer(os.pread(self._file, size, offset), np.uint64)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


Run: TypeAlias = MemoryRun | FileRun


def _last(rows: U64, rest: int) -> Seen | None:
    for known, received_ms, place in reversed(rows.tolist()):
        if known == rest:
            return Seen(received_ms, place >> _PARTITION_SHIFT, place & _OFFSET_MASK)
    return None


def merge(runs: Sequence[Run]) -> Iterator[tuple[U64, U64]]:
    """Yield both columns of all ids of `runs`, in order, by parts; the runs are given from the oldest on."""
    parts = sum(map(len, runs)) // _PIECE + 1
    starts = [0] * len(runs)
    for number in range(1, parts + 1):
        ends = [len(run) if number == parts else run.below((number << 64) // parts) for run in runs]
        columns = [run.part(start, end) for run, start, end in zip(runs, starts, ends, strict=True)]
        hashes = np.concatenate([one for one, _ in columns])
        order = np.argsort(hashes)
        ordered = hashes.take(order)
        if np.any(ordered[1:] == ordered[:-1]):  # an id came again: the later one must stand behind
            order = np.argsort(hashes, kind="stable")
        yield ordered, np.concatenate([rows for _, rows in columns]).take(order, axis=0)
        starts = ends


def merge_in_memory(runs: Sequence[Run]) -> MemoryRun:
    """Return one run of all ids of `runs`, given from the oldest on."""
    hashes, rows = zip(*merge(runs), strict=True)
    return MemoryRun(np.concatenate(hashes), np.concatenate(rows))


def write(path: Path, runs: Sequence[Run], stopped: Callable[[], bool] = lambda: False) -> FileRun | None:
    """Write one run of all ids of `runs`, given from the oldest on, and return it once it is on the disk.

    None, and no file, when `stopped` says so before the end.

    Raises:
        OSError: it cannot be written; then there is no such file.
    """
    try:
        with path.open("wb") as file:
            hash_offset, row_offset = 0, sum(map(len, runs)) * _HASH_BYTES
            for hashes, rows in merge(runs):
                if stopped():
                    path.unlink()
                    return None
                hash_offset += os.pwrite(file.fileno(), hashes.data, hash_offset)
                row_offset += os.pwrite(file.fileno(), rows.data, row_offset)
            os.fsync(file.fileno())
        sync_folder(path.parent)
        return FileRun(path)
    except OSError:
        path.unlink(missing_ok=True)
        raise
