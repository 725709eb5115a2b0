# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Answers that are remembered by bytes, which need not become Python's; as `events/memo.py` does by objects."""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from trackway.events.json_text cimport word_at

import secrets


cdef inline uint64_t _mixed(uint64_t hash, uint64_t word, uint64_t seed) noexcept nogil:
    hash = (hash ^ word) * (seed * 2 + <uint64_t>0x9E3779B97F4A7C15ULL)
    return hash ^ (hash >> 32)


@cython.final
cdef class ByteMemo:
    """Answers by bytes, at most `size` of them, a power of two: a new one takes the place of one whose key has a like hash."""

    def __cinit__(self, uint64_t size):
        self.sets = size // WAYS
        self.entries = <Entry*>PyMem_Calloc(self.sets * WAYS, sizeof(Entry))
        if self.entries == NULL:
            raise MemoryError
        # So that nobody can tell from outside which keys share a place.
        self.seed = secrets.randbits(63)
        self.turn = 0

    def __dealloc__(self):
        cdef uint64_t number
        if self.entries == NULL:
            return
        for number in range(self.sets * WAYS):
            PyMem_Free(self.entries[number].text)
            Py_XDECREF(self.entries[number].answer)
        PyMem_Free(self.entries)

    cdef uint64_t hash(self, Key* key) noexcept:
        cdef uint64_t hash = self.seed ^ <uint64_t>key.case
        cdef uint64_t word
        cdef Py_ssize_t left
        cdef const uint8_t* at
        cdef int piece
        for piece in range(3):
            at, left = key.at[piece], key.size[piece]
            while left >= 8:
                hash = _mixed(hash, word_at(at), self.seed)
                at += 8
                left -= 8
            word = <uint64_t>left << 56
            while left > 0:
                left -= 1
                word |= <uint64_t>at[left] << (8 * left)
            hash = _mixed(hash, word, self.seed)
        return hash ^ (hash >> 29)

    cdef PyObject* find(self, Key* key, uint64_t hash) noexcept:
        """Return the answer, borrowed; NULL if it is not known."""
        cdef Entry* entry = &self.entries[(hash & (self.sets - 1)) * WAYS]
        cdef int way
        for way in range(WAYS):
            if entry.hash == hash and entry.answer != NULL and self.is_of(entry, key):
                return entry.answer
            entry += 1
        return NULL

    cdef bint is_of(self, Entry* entry, Key* key) noexcept:
        cdef int piece
        cdef uint8_t* text = entry.text
        if entry.case != key.case:
            return False
        for piece in range(3):
            if entry.size[piece] != key.size[piece] or memcmp(text, key.at[piece], key.size[piece]) != 0:
                return False
            text += key.size[piece]
        return True

    cdef int remember(self, Key* key, uint64_t hash, object answer) except -1:
        cdef Entry* entry = &self.entries[(hash & (self.sets - 1)) * WAYS]
        cdef Entry* old = entry
        cdef Py_ssize_t size = key.size[0] + key.size[1] + key.size[2]
        cdef uint8_t* text
        cdef int way, piece
        if size > LONGEST_KEY:
            return 0
        for way in range(WAYS):
            if entry.answer == NULL:
                old = entry
                break
            entry += 1
        else:
            self.turn = (self.turn + 1) % WAYS
            old += self.turn
        text = <uint8_t*>PyMem_Realloc(old.text, size + 1)
        if text == NULL:
            raise MemoryError
        old.text = text
        for piece in range(3):
            memcpy(text, key.at[piece], key.size[piece])
            text += key.size[piece]
            old.size[piece] = key.size[piece]
        cdef PyObject* gone = old.answer
        Py_INCREF(answer)
        old.hash, old.case, old.answer = hash, key.case, <PyObject*>answer
        Py_XDECREF(gone)
        return 0


@cython.final
cdef class Buffer:
    """Memory that is written over for each call."""

    def __cinit__(self):
        self.at, self.room = NULL, 0

    def __dealloc__(self):
        PyMem_Free(self.at)

    cdef int make_room(self, Py_ssize_t size) except -1:
        return 0 if size <= self.room else self.grow(2 * size)

    cdef int grow(self, Py_ssize_t size) except -1:
        cdef uint8_t* at = <uint8_t*>PyMem_Realloc(self.at, size)
        if at == NULL:
            raise MemoryError
        self.at, self.room = at, size
        return 0
