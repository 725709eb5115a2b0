"""Which ids are certainly new: a Bloom filter whose bits for one id lie in one line of the processor's cache.

Nearly every id is new, and the filter says so with one access to memory an id. It never calls an id new that it was
told; where it says perhaps, the runs are searched. So an error here costs time, but never an event.

A block is eight words of 64 bits, in each of which a hash sets one bit: a "split block Bloom filter" as in Parquet, but
with words of twice the size, since fewer and larger blocks say perhaps of half as many new ids.
"""

import numpy as np
from numpy.typing import NDArray

from trackway.pipeline.id_columns import U64

try:
    from trackway.pipeline.compiled_ids import perhaps_set, set_bits
except ImportError:  # there was no compiler
    perhaps_set = set_bits = None

_FIRST_BLOCKS = 1 << 9
_MOST_BLOCKS = 1 << 22
"""256 MiB. From then on, a hundred million ids, the filter says perhaps of more and more new ones."""
_IDS_A_BLOCK = 24
"""When so many ids of a block, on average, are in a filter, it is full: it says perhaps of two new ids in 10,000."""
_WORDS = 8
_LINE_BYTES = 64
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 by the golden ratio: what Knuth calls multiplicative hashing."""
_SHIFTS = np.arange(16, 64, 6).astype(np.uint64)
_BIT_MASK = np.uint64(63)


class IdFilter:
    """Tells which hashes it may have been told: their top bits choose a block, 48 mixed ones the bits in it."""

    def __init__(self, room: int) -> None:
        """Make room for `room` hashes, as far as there is room for so many at all."""
        blocks = _FIRST_BLOCKS
        while blocks * _IDS_A_BLOCK < room and blocks < _MOST_BLOCKS:
            blocks *= 2
        self._blocks = _aligned(blocks)
        self._shift = np.uint64(64 - blocks.bit_length() + 1)
        self.count = 0

    @property
    def room(self) -> int:
        """Hashes that it can tell apart well."""
        return len(self._blocks) * _IDS_A_BLOCK

    @property
    def should_grow(self) -> bool:
        """Whether a new one, with more room, should be told everything anew."""
        return self.count > self.room and len(self._blocks) < _MOST_BLOCKS

    def add(self, hashes: U64) -> None:
        """Note hashes, which must be in order."""
        if not len(hashes):
            return
        if set_bits is None:
            self._set_bits(hashes)
        else:
            set_bits(self._blocks, hashes)
        self.count += len(hashes)

    def perhaps(self, hashes: U64) -> list[int]:
        """Return the places in `hashes` of those that it may have been told; the others it was surely not."""
        if perhaps_set is not None:
            return perhaps_set(self._blocks, hashes)
        missing = ~self._blocks.take(self._places(hashes), axis=0) & _bits(hashes)
        return np.flatnonzero(~missing.any(axis=1)).tolist()

    def _set_bits(self, hashes: U64) -> None:
        blocks = self._places(hashes)
        # Of one block all bits at once: `|=` by a list of places takes only one of those that are the same.
        starts = np.flatnonzero(np.diff(blocks, prepend=-1))
        self._blocks[blocks.take(starts)] |= np.bitwise_or.reduceat(_bits(hashes), starts)

    def _places(self, hashes: U64) -> NDArray[np.int64]:
        return (hashes >> self._shift).view(np.int64)  # numpy converts places that are unsigned


def _aligned(blocks: int) -> U64:
    """Return so many empty blocks, none of which lies in two lines of the processor's cache."""
    # Not `zeros`: of what is empty at first numpy has Linux make pages of 2 MiB, which are found in half the time.
    memory = np.empty((blocks + 1) * _WORDS, np.uint64)
    first = -memory.ctypes.data % _LINE_BYTES // memory.itemsize
    made = memory[first : first + blocks * _WORDS].reshape(blocks, _WORDS)
    made.fill(0)
    return made


def _bits(hashes: U64) -> U64:
    """Return the bit of each word that each hash sets."""
    mixed = (hashes * _MULTIPLIER)[:, np.newaxis]
    return np.uint64(1) << ((mixed >> _SHIFTS) & _BIT_MASK)
