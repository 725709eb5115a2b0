# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The short way of the most usual calls, compiled.

It makes of a call what `short_way.py` does, byte for byte, and knows less: what it is not sure of it leaves to that. The
members of the call are found in its bytes (`call_text.pxd`), the open member is held to its compiled table
(`events/compiled_members.pyx`), and the bytes of the event are put together of all that, so that no Python object is made
but the event's record. What contexts become is asked of `usual_contexts.py` and remembered by their bytes.

Whatever is taken over as it came is JSON: texts, properties and traits are read to their last byte, and contexts and the
other objects are remembered only once they have been.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from trackway.events.compiled_members cimport AS_IT_IS, WITHOUT_CURRENCY, Judgement, Settler
from trackway.events.msgpack_text cimport Out, pack_number, pack_size, pack_text, put, put_bytes
from trackway.events.raw_record cimport Part, RawFields, read_raw
from trackway.events.time_text cimport TIME_SIZE, read_time, write_time
from trackway.pipeline.byte_memo cimport Buffer, ByteMemo, Key, add, begin
from trackway.pipeline.call_text cimport (
    ABSENT, ANONYMOUS_ID, CATEGORY, CONTEXT, EVENT, GROUP, GROUP_ID, IDENTIFY, INTEGRATIONS, MEMBERS, MESSAGE_ID,
    METADATA, NAME, NO_KIND, NULL_VALUE, OBJECT, PROPERTIES, SENT_AT, TEXT, TIMESTAMP, TRACK, TRAITS, USER_ID,
    Kind, Value, find_members, has_its_members, kind_of,
)

from msgspec import Raw

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef extern from "string.h":
    void* memmem(const void* text, size_t size, const void* part, size_t part_size) nogil

cdef const uint8_t* NOTHING = b""  # for texts that are not there: C's functions take no NULL, not even of size 0
cdef const int64_t LAST_MS = 253402300800000LL  # of the year 9999
cdef enum:
    LONGEST = 2048  # bytes of a context
    ROOM = 1024  # for the names of all members, times and the record's fields beside what is copied

cdef const char* PAGE_MEMBER = b'"page":{'
cdef enum:
    PAGE_SIZE = 8


cdef inline void _pack_id(Out* out, Value* value) noexcept nogil:
    if _says_something(value):
        pack_text(out, value.at, value.size)
    else:
        put(out, b"\xc0", 1)


cdef inline bint _says_something(Value* value) noexcept nogil:
    return value.form == TEXT and value.size > 0


cdef inline void _put_text(Out* out, const char* name, Py_ssize_t name_size, Value* value) noexcept nogil:
    """Write a member that is a text; `name` is `,"name":"`."""
    put(out, name, name_size)
    put(out, value.at, value.size)
    out.at[0] = c'"'
    out.at += 1


cdef inline void _put_time(Out* out, const char* name, Py_ssize_t name_size, int64_t time_ms) noexcept nogil:
    put(out, name, name_size)
    write_time(out.at, time_ms)
    out.at[TIME_SIZE] = c'"'
    out.at += TIME_SIZE + 1


@cython.final
cdef class CompiledWay:
    """The short way of one source's most usual calls."""

    cdef object otherwise, fault
    cdef dict settlers
    cdef object contexts, objects
    cdef frozenset suppressed
    cdef int64_t skew_ms, soonest_ms, late_ms
    cdef bint parted
    cdef ByteMemo known_settlers, known_contexts, known_pages, known_objects
    cdef Buffer context, record

    def __cinit__(self, otherwise, *, fault, dict settlers, contexts, objects, frozenset suppressed, bounds_ms):
        """Take what is asked about what is not known yet, what `otherwise` takes calls, and what is told of faults.

        `settlers` is by kind as `UsualMembers.settlers`, `contexts` the source's `UsualContexts`, `objects` as
        `usual_calls.OBJECTS`, `suppressed` the ids of users, and `bounds_ms` as `Times.bounds_ms`.
        """
        self.otherwise, self.fault = otherwise, fault
        self.settlers = settlers
        self.contexts = contexts
        self.parted = contexts.parted
        self.objects = objects
        self.suppressed = suppressed
        self.skew_ms, self.soonest_ms, self.late_ms = bounds_ms
        self.known_settlers, self.known_objects = ByteMemo(1024), ByteMemo(64)
        self.known_contexts, self.known_pages = ByteMemo(4096), ByteMemo(4096)
        self.context, self.record = Buffer(), Buffer()

    def __call__(self, bytes record not None, place not None):
        """As `short_way.Take`."""
        partition, offset = place
        return self.take(record, partition, offset)

    cdef bytes take(self, bytes record, uint64_t partition, uint64_t offset):
        """Return the record of the event that a call becomes, taken otherwise if need be; None if it is not usual."""
        cdef bytes made
        try:
            made = self.take_most_usual(record, partition, offset)
            return self.otherwise(record, (partition, offset)) if made is None else made
        except Exception as error:  # a fault of ours must cost its event alone: the stages see to it
            self.fault((partition, offset), error)
            return None

    cdef bytes take_most_usual(self, bytes record, uint64_t partition, uint64_t offset):
        """Return the record of an event; None, too, for calls that are usual but not of the most usual form."""
        cdef RawFields raw
        cdef Value values[MEMBERS]
        cdef Kind kind
        cdef int64_t time_ms
        cdef int member
        if not read_raw(<const uint8_t*>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record), &raw):
            return None
        kind = kind_of(<const char*>raw.type.at, raw.type.size)
        if kind == NO_KIND or raw.shared.size > 0 or raw.refused or raw.repaired:
            return None
        memset(values, 0, sizeof(values))
        if not find_members(raw.body.at, raw.body.at + raw.body.size, values) or not has_its_members(kind, values):
            return None
        for member in range(MEMBERS):
            if values[member].form == (TEXT if _is_object(member) else OBJECT):
                return None
        if values[MESSAGE_ID].form != TEXT or not _is_same(&values[MESSAGE_ID], &raw.message_id):
            return None
        if values[SENT_AT].form != TEXT and raw.sent_at.at != NULL:
            # As all calls of a request share it. It is read as a time below, so it is a text without escapes.
            values[SENT_AT].form, values[SENT_AT].at, values[SENT_AT].size = TEXT, raw.sent_at.at, raw.sent_at.size
        time_ms = self.time_of(&values[TIMESTAMP], &values[SENT_AT], raw.received_ms)
        if time_ms < 0:
            return None
        if self.suppressed and values[USER_ID].form == TEXT and _text_of(&values[USER_ID]) in self.suppressed:
            return None
        cdef Value* open = &values[TRAITS if kind == IDENTIFY or kind == GROUP else PROPERTIES]
        if open.form == NULL_VALUE:
            return None
        if open.form == ABSENT:
            open.at, open.size = <const uint8_t*>b"{}", 2
        cdef bytes ending = self.settle(kind, &raw.type, &values[EVENT], open)
        if ending is None:
            return None
        if not self.is_object(&values[INTEGRATIONS]) or not self.is_object(&values[METADATA]):
            return None
        if values[CONTEXT].form == NULL_VALUE:
            return None
        if values[CONTEXT].form == ABSENT:
            values[CONTEXT].at, values[CONTEXT].size = <const uint8_t*>b"{}", 2
        cdef str channel = self.complete(&values[CONTEXT], &raw)
        if channel is None:
            return None
        return self.write(kind, &raw, values, open, ending, channel, time_ms, partition, offset)

    cdef int64_t time_of(self, Value* original, Value* sent, int64_t received_ms) noexcept:
        """As `Times.unremarkable_time`; negative for None."""
        cdef int64_t original_ms, before_ms, time_ms
        cdef int64_t sent_ms = received_ms
        if not 0 <= received_ms < LAST_MS:
            return -1
        if original.form != TEXT:
            return -1 if sent.form == TEXT else received_ms
        original_ms = read_time(original.at, original.size)
        if sent.form == TEXT:
            sent_ms = read_time(sent.at, sent.size)
        if original_ms < 0 or sent_ms < 0 or not -self.skew_ms <= sent_ms - received_ms <= self.skew_ms:
            return -1
        before_ms = sent_ms - original_ms
        time_ms = received_ms - before_ms
        return time_ms if self.soonest_ms <= before_ms <= self.late_ms and 0 <= time_ms < LAST_MS else -1

    cdef bytes settle(self, Kind kind, Part* kind_text, Value* event, Value* open):
        """Put what the stages make of an open member in its place, and return what is to follow it in it.

        None where a stage may remark on it.
        """
        cdef Key key
        cdef uint64_t hash
        cdef PyObject* known
        cdef Judgement judgement
        begin(&key, kind)
        if kind == TRACK:
            add(&key, 0, event.at, event.size)
        hash = self.known_settlers.hash(&key)
        known = self.known_settlers.find(&key, hash)
        if known == NULL:
            settle = self.settlers[_text_at(kind_text)][_text_of(event) if kind == TRACK else ""]
            self.known_settlers.remember(&key, hash, settle)
        else:
            settle = <object>known
        if type(settle) is Settler:
            judgement = (<Settler>settle).judge(open.at, open.at + open.size)
            if judgement == WITHOUT_CURRENCY:
                open.size -= 1
                return (<Settler>settle).currency
            return b"" if judgement == AS_IT_IS else None
        settled = settle(_bytes_of(open))
        if type(settled) is Raw:
            # All of it follows, nothing of what was sent.
            open.size = 0
            return bytes(settled)
        return None if settled is None else b""

    cdef bint is_object(self, Value* value) except -1:
        """Tell whether what is taken over as it came is an object, or nothing."""
        cdef Key key
        cdef uint64_t hash
        if value.form != OBJECT:
            return True
        begin(&key, 0)
        add(&key, 0, value.at, value.size)
        hash = self.known_objects.hash(&key)
        if self.known_objects.find(&key, hash) != NULL:
            return True
        if self.objects[_bytes_of(value)] is None:
            return False
        self.known_objects.remember(&key, hash, True)
        return True

    cdef str complete(self, Value* context, RawFields* raw):
        """Put what a context becomes in its place, and return the channel; None where that is not usual."""
        cdef const uint8_t* end = context.at + context.size
        cdef const uint8_t* start = NULL
        cdef const uint8_t* brace = NULL
        cdef Value before, page, after
        cdef object made = None
        cdef bytes follows = b""
        if context.size > LONGEST:
            return None
        if self.parted:
            start = <const uint8_t*>memmem(context.at, context.size, PAGE_MEMBER, PAGE_SIZE)
        if start != NULL:
            brace = <const uint8_t*>memchr(start + PAGE_SIZE, c"}", end - start - PAGE_SIZE)
        page.at, page.size = NOTHING, 0
        if brace != NULL:
            before.at, before.size = context.at, start - context.at
            page.at, page.size = start + PAGE_SIZE, brace - start - PAGE_SIZE
            after.at, after.size = brace + 1, end - brace - 1
            made = self.of_context(&before, &after, raw)
            if made is not None:
                told = self.of_page(&page)
                if told is None:
                    made = None
                else:
                    follows = <bytes>told
        if made is None:
            page.size = 0
            made = self.of_context(context, NULL, raw)
            if made is None:
                return None
        cdef bytes head = <bytes>(<tuple>made)[0]
        by_ip = (<tuple>made)[1]
        cdef bytes added = b"}"
        if by_ip is not None and raw.ip.size > 0:
            added = <bytes>by_ip[_text_at(&raw.ip)]
        cdef Out out
        self.context.make_room(PyBytes_GET_SIZE(head) + page.size + PyBytes_GET_SIZE(follows) + PyBytes_GET_SIZE(added))
        out.at = self.context.at
        put_bytes(&out, head)
        put(&out, page.at, page.size)
        put_bytes(&out, follows)
        put_bytes(&out, added)
        context.at, context.size = self.context.at, out.at - self.context.at
        return <str>(<tuple>made)[2]

    cdef object of_context(self, Value* before, Value* after, RawFields* raw):
        """Return the `usual_contexts.Made` of a whole context, or of what stands before and after its page; or None."""
        cdef Key key
        cdef uint64_t hash
        cdef PyObject* known
        begin(&key, 2 * (after != NULL) + raw.client_side)
        add(&key, 0, before.at, before.size)
        if after != NULL:
            add(&key, 1, after.at, after.size)
        add(&key, 2, raw.user_agent.at, raw.user_agent.size)
        hash = self.known_contexts.hash(&key)
        known = self.known_contexts.find(&key, hash)
        if known != NULL:
            return <object>known
        agent = _text_at(&raw.user_agent)
        if after != NULL:
            made = self.contexts.rest[_bytes_of(before), _bytes_of(after), agent, bool(raw.client_side)]
        else:
            made = self.contexts.whole[_bytes_of(before), agent, bool(raw.client_side)]
        self.known_contexts.remember(&key, hash, made)
        return made

    cdef object of_page(self, Value* page):
        """Return what stands behind a page; None if it is none."""
        cdef Key key
        cdef uint64_t hash
        cdef PyObject* known
        begin(&key, 0)
        add(&key, 0, page.at, page.size)
        hash = self.known_pages.hash(&key)
        known = self.known_pages.find(&key, hash)
        if known != NULL:
            return <object>known
        follows = self.contexts.page[_bytes_of(page)]
        self.known_pages.remember(&key, hash, follows)
        return follows

    cdef bytes write(
        self, Kind kind, RawFields* raw, Value* values, Value* open, bytes ending, str channel, int64_t time_ms,
        uint64_t partition, uint64_t offset,
    ):
        """Return the record of an event."""
        cdef Py_ssize_t channel_size, body_size, head_size, room
        cdef const char* channel_text = PyUnicode_AsUTF8AndSize(channel, &channel_size)
        cdef Value* name = &values[EVENT if kind == TRACK else NAME]
        cdef int member
        cdef Out out
        room = ROOM + open.size + PyBytes_GET_SIZE(ending) + raw.source.size + channel_size
        for member in range(MEMBERS):
            room += 2 * values[member].size  # ids and names stand in both parts
        self.record.make_room(room)
        cdef uint8_t* body = self.record.at
        # The event. Its first comma becomes its brace.
        out.at = body
        if kind == TRACK:
            _put_text(&out, b',"event":"', 10, name)
        elif _says_something(name):
            _put_text(&out, b',"name":"', 9, name)
        if _says_something(&values[CATEGORY]):
            _put_text(&out, b',"category":"', 13, &values[CATEGORY])
        if kind == GROUP:
            _put_text(&out, b',"groupId":"', 12, &values[GROUP_ID])
        if kind == IDENTIFY or kind == GROUP:
            put(&out, b',"traits":', 10)
        else:
            put(&out, b',"properties":', 14)
        put(&out, open.at, open.size)
        put_bytes(&out, ending)
        put(&out, b',"type":"', 9)
        put(&out, raw.type.at, raw.type.size)
        _put_text(&out, b'","messageId":"', 15, &values[MESSAGE_ID])
        if _says_something(&values[USER_ID]):
            _put_text(&out, b',"userId":"', 11, &values[USER_ID])
        if _says_something(&values[ANONYMOUS_ID]):
            _put_text(&out, b',"anonymousId":"', 16, &values[ANONYMOUS_ID])
        put(&out, b',"integrations":', 16)
        if values[INTEGRATIONS].form == OBJECT:
            put(&out, values[INTEGRATIONS].at, values[INTEGRATIONS].size)
        else:
            put(&out, b"{}", 2)
        put(&out, b',"context":', 11)
        put(&out, values[CONTEXT].at, values[CONTEXT].size)
        if values[METADATA].form == OBJECT:
            put(&out, b',"_metadata":', 13)
            put(&out, values[METADATA].at, values[METADATA].size)
        elif values[METADATA].form == NULL_VALUE:
            put(&out, b',"_metadata":null', 17)
        if values[TIMESTAMP].form == TEXT:
            _put_text(&out, b',"originalTimestamp":"', 22, &values[TIMESTAMP])
        else:
            _put_time(&out, b',"originalTimestamp":"', 22, raw.received_ms)
        if values[SENT_AT].form == TEXT:
            _put_text(&out, b',"sentAt":"', 11, &values[SENT_AT])
        _put_time(&out, b',"receivedAt":"', 15, raw.received_ms)
        _put_time(&out, b',"timestamp":"', 14, time_ms)
        put(&out, b',"channel":"', 12)
        put(&out, channel_text, channel_size)
        put(&out, b'"}', 2)
        body[0] = c"{"
        body_size = out.at - body
        # What stands before it in an `EventRecord`, written behind it.
        cdef uint8_t* head = out.at
        put(&out, b"\x9b", 1)
        pack_text(&out, raw.source.at, raw.source.size)
        pack_text(&out, raw.type.at, raw.type.size)
        pack_text(&out, values[MESSAGE_ID].at, values[MESSAGE_ID].size)
        if _says_something(name):
            pack_text(&out, name.at, name.size)
        else:
            pack_text(&out, NOTHING, 0)
        _pack_id(&out, &values[USER_ID])
        _pack_id(&out, &values[ANONYMOUS_ID])
        pack_number(&out, raw.received_ms)
        pack_number(&out, time_ms)
        put(&out, b"\x92", 1)
        pack_number(&out, partition)
        pack_number(&out, offset)
        pack_size(&out, 0xC4, body_size)
        head_size = out.at - head
        cdef bytes record = PyBytes_FromStringAndSize(NULL, head_size + body_size + 1)
        cdef char* into = PyBytes_AS_STRING(record)
        memcpy(into, head, head_size)
        memcpy(into + head_size, body, body_size)
        memcpy(into + head_size + body_size, b"\x90", 1)  # no findings
        return record


@cython.boundscheck(True)
def take_each(list made not None, records, sources, dict takes not None, uint64_t partition, uint64_t offset, numbers):
    """As `short_way.take_each`."""
    cdef Py_ssize_t number
    for number in numbers:
        take = takes[sources[number]]
        if type(take) is CompiledWay:
            made[number] = (<CompiledWay>take).take(<bytes?>records[number], partition, offset + number)
        else:
            made[number] = take(records[number], (partition, offset + number))


cdef inline bint _is_object(int member) noexcept nogil:
    return member == PROPERTIES or member == TRAITS or member == INTEGRATIONS or member == CONTEXT or member == METADATA


cdef inline bytes _bytes_of(Value* value):
    return PyBytes_FromStringAndSize(<const char*>value.at, value.size)


cdef inline bint _is_same(Value* value, Part* part) noexcept nogil:
    return value.size == part.size and memcmp(value.at, part.at, part.size) == 0


cdef inline str _text_at(Part* part):
    return PyUnicode_DecodeUTF8(<const char*>part.at, part.size, NULL)


cdef inline str _text_of(Value* value):
    return PyUnicode_DecodeUTF8(<const char*>value.at, value.size, NULL)
