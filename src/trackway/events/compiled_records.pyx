# cython: language_level=3, boundscheck=False, wraparound=False
"""What the pipeline has to know of raw records before it works on them, read without the records becoming objects."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from trackway.events.raw_record cimport Part, RawFields, read_raw


def read_heads(records):
    """Return the columns of `records.Heads`; None if a record is not of today's form.

    Raises:
        UnicodeDecodeError: a source is no UTF-8.
    """
    cdef list sources = []
    cdef list message_ids = []
    cdef list received_ms = []
    cdef list refused = []
    cdef dict known = {}
    cdef RawFields fields
    cdef Part last
    cdef object source = None
    cdef bytes record
    cdef bytes before = None  # kept, since `last` points into it
    last.at, last.size = NULL, 0
    for record in records:
        if record is None:
            raise TypeError("a record is bytes")
        if not read_raw(<const uint8_t*>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record), &fields):
            return None
        # Neighbours nearly always are of a few sources.
        if source is None or fields.source.size != last.size or memcmp(fields.source.at, last.at, last.size) != 0:
            source = PyUnicode_DecodeUTF8(<const char*>fields.source.at, fields.source.size, NULL)
            source = known.setdefault(source, source)
            last, before = fields.source, record
        if fields.refused:
            refused.append(len(sources))
        sources.append(source)
        message_ids.append(PyBytes_FromStringAndSize(<const char*>fields.message_id.at, fields.message_id.size))
        received_ms.append(fields.received_ms)
    return sources, message_ids, received_ms, refused
