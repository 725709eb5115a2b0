from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum:
    WAYS = 4  # entries at which a key may stand
    LONGEST_KEY = 4096  # bytes

cdef struct Key:
    # Up to three pieces, and a number that tells cases apart.
    const uint8_t* at[3]
    Py_ssize_t size[3]
    int64_t case

cdef struct Entry:
    uint64_t hash
    Py_ssize_t size[3]
    int64_t case
    uint8_t* text  # the pieces, one behind the other
    PyObject* answer


cdef class ByteMemo:
    cdef Entry* entries
    cdef uint64_t sets
    cdef uint64_t seed
    cdef int turn

    cdef uint64_t hash(self, Key* key) noexcept
    cdef PyObject* find(self, Key* key, uint64_t hash) noexcept
    cdef bint is_of(self, Entry* entry, Key* key) noexcept
    cdef int remember(self, Key* key, uint64_t hash, object answer) except -1


cdef class Buffer:
    cdef uint8_t* at
    cdef Py_ssize_t room

    cdef int make_room(self, Py_ssize_t size) except -1
    cdef int grow(self, Py_ssize_t size) except -1


cdef inline void begin(Key* key, int64_t case) noexcept nogil:
    cdef int piece
    key.case = case
    for piece in range(3):
        key.at[piece], key.size[piece] = <const uint8_t*>b"", 0


cdef inline void add(Key* key, int piece, const void* at, Py_ssize_t size) noexcept nogil:
    key.at[piece], key.size[piece] = <const uint8_t*>at, size
