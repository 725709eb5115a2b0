from libc.stdint cimport uint8_t

cdef enum Judgement:
    UNKNOWN
    AS_IT_IS
    WITHOUT_CURRENCY


cdef class Settler:
    cdef object _table
    cdef readonly bytes currency

    cdef Judgement judge(self, const uint8_t* at, const uint8_t* end) except *
