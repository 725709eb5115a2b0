"""What is written into memory that has room for it: bytes, and msgpack in its shortest forms."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy


cdef struct Out:
    uint8_t* at


cdef inline void put(Out* out, const void* text, Py_ssize_t size) noexcept nogil:
    memcpy(out.at, text, size)
    out.at += size


cdef inline void put_bytes(Out* out, bytes text) noexcept:
    put(out, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


cdef inline void pack_number(Out* out, uint64_t number) noexcept nogil:
    """Write a number in the shortest form that msgpack has for it."""
    cdef int size, place
    if number < 0x80:
        out.at[0] = number
        out.at += 1
        return
    size = 1 if number < 0x100 else 2 if number < 0x10000 else 4 if number <= 0xFFFFFFFFU else 8
    out.at[0] = 0xCC if size == 1 else 0xCD if size == 2 else 0xCE if size == 4 else 0xCF
    for place in range(size):
        out.at[1 + place] = (number >> (8 * (size - 1 - place))) & 0xFF
    out.at += 1 + size


cdef inline void pack_text(Out* out, const void* text, Py_ssize_t size) noexcept nogil:
    if size < 32:
        out.at[0] = 0xA0 | size
        out.at += 1
    else:
        pack_size(out, 0xD9, size)
    put(out, text, size)


cdef inline void pack_size(Out* out, int short_form, Py_ssize_t size) noexcept nogil:
    """Write the head of a text or of bytes, of which the form for sizes below 256 is `short_form`."""
    cdef int count = 1 if size < 0x100 else 2 if size < 0x10000 else 4
    cdef int place
    out.at[0] = short_form + (0 if count == 1 else 1 if count == 2 else 2)
    for place in range(count):
        out.at[1 + place] = (size >> (8 * (count - 1 - place))) & 0xFF
    out.at += 1 + count
