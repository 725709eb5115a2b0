"""Which ids are certainly new: a Bloom filter whose bits for one id lie in one word.

Nearly every id is new, and the filter says so for some hundred ids in a few calls of numpy, with one access to memory
an id. It never calls an id new that it was told; where it says perhaps, the runs are searched. So an error here costs
time, but never an event.
"""

import numpy as np
from numpy.typing import NDArray

from trackway.pipeline.id_runs import U64

_FIRST_WORDS = 1 << 12
_MOST_WORDS = 1 << 24
"""128 MiB. From then on the filter says perhaps of more and more new ids."""
_IDS_A_WORD = 4
"""When so many ids of a word, on average, are in a filter, it is full: it says perhaps of 4 new ids in 1000."""
_PIECE = 12
"""Bits of a hash that choose two bits of a word."""


def _two_bits_each() -> U64:
    """Return the two bits of a word that each piece of a hash chooses."""
    pieces = np.arange(1 << _PIECE, dtype=np.uint64)
    one = np.uint64(1)
    return (one << (pieces & np.uint64(63))) | (one << (pieces >> np.uint64(6)))


_BITS = _two_bits_each()
_PIECE_MASK = (1 << _PIECE) - 1


class IdFilter:
    """Tells which hashes it may have been told: their top bits choose a word, their low 36 bits the bits in it."""

    def __init__(self, room: int) -> None:
        """Make room for `room` hashes, as far as there is room for so many at all."""
        words = _FIRST_WORDS
        while words * _IDS_A_WORD < room and words < _MOST_WORDS:
            words *= 2
        self._words: U64 = np.zeros(words, np.uint64)
        self._shift = np.uint64(64 - words.bit_length() + 1)
        self.count = 0

    @property
    def room(self) -> int:
        """Hashes that it can tell apart well."""
        return len(self._words) * _IDS_A_WORD

    @property
    def should_grow(self) -> bool:
        """Whether a new one, with more room, should be told everything anew."""
        return self.count > self.room and len(self._words) < _MOST_WORDS

    def add(self, hashes: U64) -> None:
        """Note hashes, which must be in order."""
        if not len(hashes):
            return
        words = self._places(hashes)
        # Of one word all bits at once: `|=` by a list of places takes only one of those that are the same.
        starts = np.flatnonzero(np.diff(words, prepend=-1))
        self._words[words.take(starts)] |= np.bitwise_or.reduceat(_bits(hashes), starts)
        self.count += len(hashes)

    def perhaps(self, hashes: U64) -> list[int]:
        """Return the places in `hashes` of those that it may have been told; the others it was surely not."""
        missing = ~self._words.take(self._places(hashes)) & _bits(hashes)
        return np.flatnonzero(missing == 0).tolist()

    def _places(self, hashes: U64) -> NDArray[np.int64]:
        return (hashes >> self._shift).view(np.int64)


def _bits(hashes: U64) -> U64:
    pieces = hashes.view(np.int64)  # numpy converts places that are unsigned
    return (
        _BITS.take(pieces & _PIECE_MASK)
        | _BITS.take((pieces >> _PIECE) & _PIECE_MASK)
        | _BITS.take((pieces >> 2 * _PIECE) & _PIECE_MASK)
    )
