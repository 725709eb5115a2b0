"""Runs of message ids: put in order once, never changed; in memory, or in a file.

A run has two columns: `hashes` (uint64, of id and source together), by which it is in order, and `rows` (three uint64
each): more of the hash with the source, the time of receipt in epoch milliseconds, and the place in `events`. Ids of
one hash stand in the order in which they came. A file has one column after the other, little-endian.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from msgspec import Struct

from trackway.events.records import Place
from trackway.log.storage import sync_folder
from trackway.pipeline.id_columns import HASH_BYTES, U64

try:
    from trackway.pipeline.compiled_ids import FileColumn, MemoryColumn, merge_columns
except ImportError:  # there was no compiler
    from trackway.pipeline.id_columns import FileColumn, MemoryColumn, merge_columns

_KEY = np.dtype([("source", "<u4"), ("hash", "<u8"), ("rest", "<u8")])
_SOURCE_SHIFT = np.uint64(32)
_REST_MASK = np.uint64(0xFFFFFFFF_00000000)
_PARTITION_SHIFT = 48
_OFFSET_MASK = (1 << _PARTITION_SHIFT) - 1
_WIDTH = 3
_ROW_BYTES = 8 * _WIDTH
_NONE = np.empty(0, np.uint64)
_BLOCK = 256
"""Ids of a file of which one hash is kept in memory, so that a look-up reads 2 KiB of hashes."""
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
        self.column = MemoryColumn(hashes)

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
        places = self.column.places(hash_)
        return None if places is None else _last(self.rows[slice(*places)], rest)

    def part(self, start: int, end: int) -> tuple[U64, U64]:
        """Return both columns of the ids from number `start` up to `end`."""
        return self.hashes[start:end], self.rows[start:end]


class FileRun:
    """A run in a file, of which memory holds one hash in 256."""

    def __init__(self, path: Path, fence: U64 | None = None) -> None:
        """Open a whole file; its `fence`, the first hash of each block, is read from it where it is not given.

        Raises:
            OSError: it is not there, or cannot be read.
        """
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._count = os.fstat(self._file).st_size // (HASH_BYTES + _ROW_BYTES)
        if fence is None:
            fence = np.concatenate([_NONE, *(hashes[::_BLOCK] for hashes in self.hashes())])
        self.column = FileColumn(self._file, self._count, fence, _BLOCK)

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
        places = self.column.places(hash_)
        return None if places is None else _last(self._read_rows(*places), rest)

    def part(self, start: int, end: int) -> tuple[U64, U64]:
        """Return both columns of the ids from number `start` up to `end`."""
        return self._read_hashes(start, end), self._read_rows(start, end)

    def _read_hashes(self, start: int, end: int) -> U64:
        return self._read(start * HASH_BYTES, (end - start) * HASH_BYTES)

    def _read_rows(self, start: int, end: int) -> U64:
        offset = self._count * HASH_BYTES + start * _ROW_BYTES
        return self._read(offset, (end - start) * _ROW_BYTES).reshape(-1, _WIDTH)

    def _read(self, offset: int, size: int) -> U64:
        text = os.pread(self._file, size, offset)
        if len(text) != size:
            raise OSError(f"{self.path.name} became shorter while it was in use")
        return np.frombuffer(text, np.uint64)

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
        ends = [len(run) if number == parts else run.column.below((number << 64) // parts) for run in runs]
        columns = [run.part(start, end) for run, start, end in zip(runs, starts, ends, strict=True)]
        hashes, rows = zip(*columns, strict=True)
        yield merge_columns(hashes, rows)
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
            hash_offset, row_offset = 0, sum(map(len, runs)) * HASH_BYTES
            fence = [_NONE]
            for hashes, rows in merge(runs):
                if stopped():
                    path.unlink()
                    return None
                fence.append(hashes[-(hash_offset // HASH_BYTES) % _BLOCK :: _BLOCK].copy())
                hash_offset += _write_all(file.fileno(), hashes, hash_offset)
                row_offset += _write_all(file.fileno(), rows, row_offset)
            os.fsync(file.fileno())
        sync_folder(path.parent)
        return FileRun(path, np.concatenate(fence))
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _write_all(file: int, column: U64, offset: int) -> int:
    """Write a column; return its size. On a disk that is nearly full one call writes some of it."""
    text = column.reshape(-1).data.cast("B")
    done = 0
    while done < len(text):
        done += os.pwrite(file, text[done:], offset + done)
    return done
