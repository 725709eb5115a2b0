"""The fields of a `records.RawRecord` in msgpack, as it stands in the log; what is not read of them may be anything."""

from libc.stdint cimport int64_t, uint8_t, uint64_t


cdef struct Part:
    const uint8_t* at  # NULL for nil
    Py_ssize_t size


cdef struct RawFields:
    Part source
    Part type
    Part message_id
    int64_t received_ms
    Part body
    Part sent_at
    Part shared
    Part ip
    Part user_agent
    bint client_side
    bint refused
    bint repaired  # not told of a refused one


cdef inline bint read_raw(const uint8_t* at, Py_ssize_t size, RawFields* fields) noexcept nogil:
    """Read the fields of a record of today's form, thirteen of them; False for any other."""
    cdef const uint8_t* end = at + size
    cdef uint64_t number
    cdef bint client_side
    if size < 1 or at[0] != 0x9D:
        return False
    at += 1
    if (
        not read_part(&at, end, &fields.source) or not read_part(&at, end, &fields.type)
        or not read_part(&at, end, &fields.message_id) or not read_number(&at, end, &number)
        or not read_part(&at, end, &fields.body) or not read_part(&at, end, &fields.sent_at)
        or not read_part(&at, end, &fields.shared) or not read_part(&at, end, &fields.ip)
        or not read_part(&at, end, &fields.user_agent)
    ):
        return False
    if fields.source.at == NULL or fields.type.at == NULL or fields.message_id.at == NULL or fields.body.at == NULL:
        return False
    if fields.shared.at == NULL or fields.ip.at == NULL or fields.user_agent.at == NULL or end - at < 3:
        return False
    if at[0] & 0xFE != 0xC2 or number > 0x7FFFFFFFFFFFFFFFULL:
        return False
    fields.received_ms = number
    fields.client_side = at[0] == 0xC3
    fields.refused = at[1] != 0xC0
    fields.repaired = at[2] != 0xC2
    return True


cdef inline bint read_part(const uint8_t** where, const uint8_t* end, Part* part) noexcept nogil:
    """Read a text, bytes or nil, and move on behind it; False for anything else."""
    cdef const uint8_t* at = where[0]
    cdef int count, place
    cdef Py_ssize_t size = 0
    if end - at < 1:
        return False
    if at[0] == 0xC0:
        part.at, part.size = NULL, 0
        where[0] = at + 1
        return True
    if at[0] & 0xE0 == 0xA0:
        size = at[0] & 0x1F
        count = 0
    elif 0xD9 <= at[0] <= 0xDB:
        count = 1 << (at[0] - 0xD9)
    elif 0xC4 <= at[0] <= 0xC6:
        count = 1 << (at[0] - 0xC4)
    else:
        return False
    at += 1
    if end - at < count:
        return False
    for place in range(count):
        size = size << 8 | at[place]
    at += count
    if end - at < size:
        return False
    part.at, part.size = at, size
    where[0] = at + size
    return True


cdef inline bint read_number(const uint8_t** where, const uint8_t* end, uint64_t* number) noexcept nogil:
    """Read a whole number that is not negative, and move on behind it; False for anything else."""
    cdef const uint8_t* at = where[0]
    cdef int count, place
    if end - at < 1:
        return False
    if at[0] < 0x80:
        number[0] = at[0]
        where[0] = at + 1
        return True
    if not 0xCC <= at[0] <= 0xCF:
        return False
    count = 1 << (at[0] - 0xCC)
    at += 1
    if end - at < count:
        return False
    number[0] = 0
    for place in range(count):
        number[0] = number[0] << 8 | at[place]
    where[0] = at + count
    return True
