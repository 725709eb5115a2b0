"""Hashes in order, in memory or in a file: where one stands, and many columns made one.

Each of these is also in a compiled module (`compiled_ids.pyx`), which takes its place where there is one.
"""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

U64: TypeAlias = NDArray[np.uint64]

HASH_BYTES = 8


class Column(Protocol):
    """Hashes in order."""

    def below(self, hash_: int) -> int:
        """Return how many hashes are smaller.

        Raises:
            OSError: their file cannot be read.
        """
        ...

    def places(self, hash_: int) -> tuple[int, int] | None:
        """Return at which place a hash stands first and behind which last, None if nowhere.

        Raises:
            OSError: their file cannot be read.
        """
        ...


class MemoryColumn:
    """A column in memory."""

    def __init__(self, hashes: U64) -> None:
        """Take hashes in order, which must not change."""
        self._hashes = hashes.data

    def below(self, hash_: int) -> int:
        """See `Column`."""
        return bisect_left(self._hashes, hash_)

    def places(self, hash_: int) -> tuple[int, int] | None:
        """See `Column`."""
        hashes = self._hashes
        start = bisect_left(hashes, hash_)
        if start == len(hashes) or hashes[start] != hash_:
            return None
        return start, bisect_right(hashes, hash_, start)


class FileColumn:
    """A column at the start of a file."""

    def __init__(self, file: int, count: int, fence: U64, block: int) -> None:
        """Take a file's descriptor. It begins with `count` hashes in order; `fence` has the first of each block."""
        self._file = file
        self._count = count
        self._fence = fence.data
        self._block = block

    def below(self, hash_: int) -> int:
        """See `Column`."""
        first = self._block * max(0, bisect_left(self._fence, hash_) - 1)
        return first + bisect_left(self._read(first, first + self._block), hash_)

    def places(self, hash_: int) -> tuple[int, int] | None:
        """See `Column`."""
        fence = self._fence
        after = bisect_left(fence, hash_)
        first = self._block * max(0, after - 1)
        if after < len(fence) and fence[after] == hash_:
            after = bisect_right(fence, hash_)
        hashes = self._read(first, self._block * after)
        start = bisect_left(hashes, hash_)
        if start == len(hashes) or hashes[start] != hash_:
            return None
        return first + start, first + bisect_right(hashes, hash_, start)

    def _read(self, start: int, end: int) -> Sequence[int]:
        size = max(0, min(end, self._count) - start) * HASH_BYTES
        text = os.pread(self._file, size, start * HASH_BYTES)
        if len(text) != size:
            raise OSError("a file of message ids became shorter while it was in use")
        return memoryview(text).cast("Q")


def newest_with(columns: Sequence[Column], hash_: int) -> int:
    """Return the number of the last of `columns` that has a hash, -1 if none has it.

    Raises:
        OSError: a file cannot be read.
    """
    for number in range(len(columns) - 1, -1, -1):
        if columns[number].places(hash_) is not None:
            return number
    return -1


def merge_columns(hashes: Sequence[U64], rows: Sequence[U64]) -> tuple[U64, U64]:
    """Return all of `hashes`, each in order, as one column in order, and their rows; of equals, the earlier first."""
    joined = np.concatenate(hashes)
    order = np.argsort(joined)
    ordered = joined.take(order)
    if np.any(ordered[1:] == ordered[:-1]):  # an id came again: the later one must stand behind
        order = np.argsort(joined, kind="stable")
    return ordered, np.concatenate(rows).take(order, axis=0)
