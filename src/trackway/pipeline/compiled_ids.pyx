# cython: language_level=3, boundscheck=False, wraparound=False
"""What the dedup index does with many ids or in many runs, compiled: `id_columns`, and the bits of `id_filter`.

Other threads run while it waits for files or merges.
"""

import os
from itertools import starmap

import numpy as np

from libc.errno cimport EINTR, errno
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy
from posix.unistd cimport pread

cdef extern from *:
    """
    typedef unsigned __int128 trackway_wide;
    """
    ctypedef unsigned long long wide "trackway_wide"  # which is twice as wide
    void prefetch "__builtin_prefetch" (const void* at) nogil
    int trailing_zeros "__builtin_ctzll" (unsigned long long word) nogil

cdef enum:
    ROOM = 256  # hashes of a file that are read without memory having to be found
    WIDTH = 3  # words of a row
    LANES = 8  # words of the filter's block
    UNUSED = 16  # bits of a mixed hash that choose no bit
    AHEAD = 64  # blocks of the filter that are under way from memory at once

cdef Py_ssize_t MOST = <Py_ssize_t>1 << 58  # hashes of a file, with their rows: there are no longer files

cdef struct Hashes:
    const uint64_t* at  # all of them; of a file's, the first of each block
    Py_ssize_t size  # what `at` has
    Py_ssize_t block  # 0: in memory
    Py_ssize_t count  # what the file has
    int file


cdef struct Places:
    Py_ssize_t start
    Py_ssize_t end


cdef inline Py_ssize_t below(const uint64_t* at, Py_ssize_t size, uint64_t hash_) noexcept nogil:
    """Return how many of `size` hashes in order are smaller."""
    cdef Py_ssize_t first = 0
    cdef Py_ssize_t half
    while size > 0:
        half = size >> 1
        if at[first + half] < hash_:
            first += half + 1
            size -= half + 1
        else:
            size = half
    return first


cdef inline Py_ssize_t past(const uint64_t* at, Py_ssize_t first, Py_ssize_t size, uint64_t hash_) noexcept nogil:
    """Return the first place from `first` on whose hash is another one; there all are that hash or larger."""
    while first < size and at[first] == hash_:
        first += 1
    return first


cdef int read_hashes(int file, uint64_t* into, Py_ssize_t first, Py_ssize_t count) noexcept nogil:
    """Read hashes; return 0, or what `errno` is, or -1 where the file ends too early."""
    cdef Py_ssize_t size = count * sizeof(uint64_t)
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t now
    while done < size:
        now = pread(file, <char*>into + done, size - done, first * sizeof(uint64_t) + done)
        if now == 0:
            return -1
        if now < 0 and errno != EINTR:
            return errno
        done += max(now, 0)
    return 0


cdef int search(const Hashes* hashes, uint64_t hash_, Places* found) noexcept nogil:
    """Find where a hash stands, or would stand; return as `read_hashes` does."""
    cdef uint64_t[ROOM] room
    cdef uint64_t* read = room
    cdef Py_ssize_t after, first, count
    cdef int failure
    if hashes.block == 0:
        found.start = below(hashes.at, hashes.size, hash_)
        found.end = past(hashes.at, found.start, hashes.size, hash_)
        return 0
    after = below(hashes.at, hashes.size, hash_)
    first = hashes.block * max(0, after - 1)
    after = past(hashes.at, after, hashes.size, hash_)
    count = max(0, min(hashes.count, hashes.block * after) - first)
    if count > ROOM:
        read = <uint64_t*>malloc(count * sizeof(uint64_t))
        if read == NULL:
            return errno
    failure = read_hashes(hashes.file, read, first, count)
    if failure == 0:
        found.start = below(read, count, hash_)
        found.end = first + past(read, found.start, count, hash_)
        found.start += first
    if read != room:
        free(read)
    return failure


cdef int tell(int failure) except -1:
    if failure == 0:
        return 0
    if failure < 0:
        raise OSError("a file of message ids became shorter while it was in use")
    raise OSError(failure, os.strerror(failure))


cdef class Column:
    """Either kind of column."""

    cdef Hashes hashes
    cdef object kept

    cdef Places find(self, uint64_t hash_) except *:
        cdef Places found
        cdef int failure
        with nogil:
            failure = search(&self.hashes, hash_, &found)
        tell(failure)
        return found

    def below(self, uint64_t hash_):
        """See `id_columns`."""
        return self.find(hash_).start

    def places(self, uint64_t hash_):
        """See `id_columns`."""
        cdef Places found = self.find(hash_)
        return (found.start, found.end) if found.start < found.end else None


cdef class MemoryColumn(Column):
    """See `id_columns`."""

    def __cinit__(self, const uint64_t[::1] hashes):
        self.kept = hashes
        self.hashes.at, self.hashes.size = &hashes[0], hashes.shape[0]


cdef class FileColumn(Column):
    """See `id_columns`."""

    def __cinit__(self, int file, Py_ssize_t count, const uint64_t[::1] fence, Py_ssize_t block):
        if block < 1 or not 0 <= count <= MOST or fence.shape[0] != count // block + (count % block > 0):
            raise ValueError("a fence has the first hash of each block, of one hash or more")
        self.kept = fence
        self.hashes.at, self.hashes.size, self.hashes.file = &fence[0], fence.shape[0], file
        self.hashes.count, self.hashes.block = count, block


def newest_with(columns, uint64_t hash_):
    """See `id_columns`."""
    cdef tuple kept = tuple(columns)  # by another thread theirs may be changed meanwhile
    cdef Py_ssize_t number = len(kept)
    cdef Py_ssize_t at
    cdef int failure = 0
    cdef Places found
    cdef Hashes* all_hashes = <Hashes*>malloc(max(1, number) * sizeof(Hashes))
    if all_hashes == NULL:
        raise MemoryError
    try:
        for at in range(number):
            all_hashes[at] = (<Column?>kept[at]).hashes
        with nogil:
            while number > 0 and failure == 0:
                number -= 1
                failure = search(&all_hashes[number], hash_, &found)
                if failure == 0 and found.start < found.end:
                    break
            else:
                number = -1
    finally:
        free(all_hashes)
    tell(failure)
    return number


cdef struct Head:
    const uint64_t* hash_
    const uint64_t* end
    const uint64_t* row


cdef inline wide next_of(const Head* head, Py_ssize_t run) noexcept nogil:
    """Return the next hash of a run and its number as one, that is compared at once; all ones if there is none."""
    return (<wide>head.hash_[0] << 64) | <wide>run if head.hash_ < head.end else ~<wide>0


cdef void merge_heads(Head* heads, wide* losers, Py_ssize_t leaves, uint64_t* hashes, uint64_t* rows) noexcept nogil:
    """Merge as many runs as a tree has leaves, a power of two, with a tournament: each node keeps who lost there.

    `losers` has room for twice the leaves. Nothing here jumps by what the hashes are: nobody can foretell it.
    """
    cdef wide first, second, winner
    cdef Py_ssize_t node, run
    for run in range(leaves):
        losers[leaves + run] = next_of(&heads[run], run)
    for node in range(leaves - 1, 0, -1):
        losers[node] = min(losers[2 * node], losers[2 * node + 1])  # the winners, at first
    winner = losers[1]
    for node in range(1, leaves):
        losers[node] = max(losers[2 * node], losers[2 * node + 1])
    while ~winner:
        run = <Py_ssize_t><uint64_t>winner
        hashes[0] = <uint64_t>(winner >> 64)
        memcpy(rows, heads[run].row, WIDTH * sizeof(uint64_t))
        hashes += 1
        rows += WIDTH
        heads[run].hash_ += 1
        heads[run].row += WIDTH
        winner = next_of(&heads[run], run)
        node = (leaves + run) >> 1
        while node:
            first, second = losers[node], winner
            winner = first if first < second else second
            losers[node] = second if first < second else first
            node >>= 1


cdef class Run:
    """A run's columns, which stay in memory as long as this does."""

    cdef const uint64_t[::1] hashes
    cdef const uint64_t[:, ::1] rows

    def __cinit__(self, const uint64_t[::1] hashes, const uint64_t[:, ::1] rows):
        if rows.shape[0] != hashes.shape[0] or rows.shape[1] != WIDTH:
            raise ValueError("each hash needs a row of three words")
        self.hashes, self.rows = hashes, rows


def merge_columns(hashes, rows):
    """See `id_columns`."""
    cdef tuple runs = tuple(starmap(Run, zip(hashes, rows, strict=True)))
    cdef Run run
    cdef Py_ssize_t leaves = 1
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t number
    cdef uint64_t[::1] all_hashes
    cdef uint64_t[:, ::1] all_rows
    cdef Head* heads = NULL
    cdef wide* losers = NULL
    while leaves < len(runs):
        leaves *= 2
    for run in runs:
        count += run.hashes.shape[0]
    made = np.empty(count, np.uint64), np.empty((count, WIDTH), np.uint64)
    all_hashes, all_rows = made
    try:
        heads = <Head*>calloc(leaves, sizeof(Head))
        losers = <wide*>malloc(2 * leaves * sizeof(wide))
        if heads == NULL or losers == NULL:
            raise MemoryError
        for number, run in enumerate(runs):
            heads[number].hash_, heads[number].row = &run.hashes[0], &run.rows[0, 0]
            heads[number].end = heads[number].hash_ + run.hashes.shape[0]
        with nogil:
            merge_heads(heads, losers, leaves, &all_hashes[0], &all_rows[0, 0])
    finally:
        free(heads)
        free(losers)
    return made


cdef uint64_t MULTIPLIER = 0x9E3779B97F4A7C15


cdef int shift_for(Py_ssize_t blocks, Py_ssize_t lanes) except -1:
    """Return by how many bits a hash is shifted to get the number of its block."""
    if lanes != LANES or blocks < 2 or blocks & (blocks - 1):
        raise ValueError("a filter has two blocks or a higher power of two, of eight words each")
    return 64 - trailing_zeros(blocks)


def set_bits(uint64_t[:, ::1] blocks, const uint64_t[::1] hashes):
    """Set the bits of `hashes`; see `id_filter`."""
    cdef int shift = shift_for(blocks.shape[0], blocks.shape[1])
    cdef Py_ssize_t number, lane
    cdef Py_ssize_t count = hashes.shape[0]
    cdef uint64_t* block
    cdef uint64_t mixed
    with nogil:
        for number in range(count):
            if number + AHEAD < count:
                prefetch(&blocks[hashes[number + AHEAD] >> shift, 0])
            block = &blocks[hashes[number] >> shift, 0]
            mixed = hashes[number] * MULTIPLIER >> UNUSED
            for lane in range(LANES):
                block[lane] |= <uint64_t>1 << (mixed & 63)
                mixed >>= 6


def perhaps_set(const uint64_t[:, ::1] blocks, const uint64_t[::1] hashes):
    """Return the places of those of `hashes` all of whose bits are set; see `id_filter`."""
    cdef int shift = shift_for(blocks.shape[0], blocks.shape[1])
    cdef Py_ssize_t number, lane
    cdef Py_ssize_t count = hashes.shape[0]
    cdef const uint64_t* block
    cdef uint64_t mixed, all_set
    cdef list places = []
    for number in range(min(AHEAD, count)):
        prefetch(&blocks[hashes[number] >> shift, 0])
    for number in range(count):
        if number + AHEAD < count:
            prefetch(&blocks[hashes[number + AHEAD] >> shift, 0])
        block = &blocks[hashes[number] >> shift, 0]
        mixed = hashes[number] * MULTIPLIER >> UNUSED
        all_set = 1
        for lane in range(LANES):
            all_set &= block[lane] >> (mixed & 63)
            mixed >>= 6
        if all_set:
            places.append(number)
    return places
