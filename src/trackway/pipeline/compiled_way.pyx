# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The short way of the most usual calls, compiled.

It makes of a call what `short_way.py` does, byte for byte, and knows less: what it is not sure of it leaves to that. The
members of the call are found in its bytes, and the bytes of the event are put together of them, so that no Python object
is made for any member but the open one, which msgspec reads as before (`usual_members.py`). What contexts become is asked
of `usual_contexts.py` and remembered here by their bytes.

Whatever is taken over as it came is JSON: texts are looked at here, properties and traits are read by msgspec, and
contexts and the other objects are remembered only once they have been.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from trackway.events.compiled_members cimport AS_IT_IS, WITHOUT_CURRENCY, Judgement, Settler
from trackway.events.raw_record cimport Part, RawFields, read_raw
from trackway.events.json_text cimport Text, first_bit, past_space, places_of, read_text, word_at

import secrets

from msgspec import Raw

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef extern from "string.h":
    void* memmem(const void* text, size_t size, const void* part, size_t part_size) nogil


# ---- Members of a call ----

cdef enum Form:
    ABSENT
    NULL_VALUE
    TEXT  # without escapes; without its quotes
    OBJECT

cdef struct Value:
    Form form
    const uint8_t* at
    Py_ssize_t size

cdef const uint8_t* NOTHING = b""  # for texts that are not there: C's functions take no NULL, not even of size 0

cdef enum:
    EVENT, NAME, CATEGORY, GROUP_ID, PROPERTIES, TRAITS, TYPE, MESSAGE_ID, USER_ID, ANONYMOUS_ID, INTEGRATIONS, CONTEXT
    METADATA, TIMESTAMP, SENT_AT, WRITE_KEY
    MEMBERS


cdef inline int _member(const uint8_t* key, Py_ssize_t size) noexcept nogil:
    """Return which member a key names; -1 for any other."""
    if size == 4:
        if memcmp(key, b"type", 4) == 0:
            return TYPE
        return NAME if memcmp(key, b"name", 4) == 0 else -1
    if size == 5:
        return EVENT if memcmp(key, b"event", 5) == 0 else -1
    if size == 6:
        if memcmp(key, b"userId", 6) == 0:
            return USER_ID
        if memcmp(key, b"sentAt", 6) == 0:
            return SENT_AT
        return TRAITS if memcmp(key, b"traits", 6) == 0 else -1
    if size == 7:
        if memcmp(key, b"context", 7) == 0:
            return CONTEXT
        return GROUP_ID if memcmp(key, b"groupId", 7) == 0 else -1
    if size == 8:
        if memcmp(key, b"writeKey", 8) == 0:
            return WRITE_KEY
        return CATEGORY if memcmp(key, b"category", 8) == 0 else -1
    if size == 9:
        if memcmp(key, b"messageId", 9) == 0:
            return MESSAGE_ID
        if memcmp(key, b"timestamp", 9) == 0:
            return TIMESTAMP
        return METADATA if memcmp(key, b"_metadata", 9) == 0 else -1
    if size == 10:
        return PROPERTIES if memcmp(key, b"properties", 10) == 0 else -1
    if size == 11:
        return ANONYMOUS_ID if memcmp(key, b"anonymousId", 11) == 0 else -1
    if size == 12:
        return INTEGRATIONS if memcmp(key, b"integrations", 12) == 0 else -1
    return -1


cdef const uint8_t* _end_of_object(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Return what is behind an object that begins at `at`, if it is JSON; NULL if it has no end."""
    cdef Py_ssize_t depth = 0
    cdef uint64_t word
    cdef uint8_t byte
    while at < end:
        byte = at[0]
        at += 1
        if byte == c'"':
            while True:
                while end - at >= 8:
                    word = word_at(at)
                    word = places_of(word, c'"') | places_of(word, c"\\")
                    if word:
                        at += first_bit(word) >> 3
                        break
                    at += 8
                while at < end and at[0] != c'"' and at[0] != c"\\":
                    at += 1
                if at >= end:
                    return NULL
                if at[0] == c'"':
                    at += 1
                    break
                at += 2  # an escape, of which no part but the one behind the backslash can be a quote
                if at > end:
                    return NULL
        elif byte == c"{" or byte == c"[":
            depth += 1
        elif byte == c"}" or byte == c"]":
            depth -= 1
            if depth == 0:
                return at
    return NULL


cdef bint _find_members(const uint8_t* at, const uint8_t* end, Value* values) except -1:
    """Find the members of a call in its JSON; False if it is not of the most usual form.

    Members are known, come once, and are texts without escapes, objects or null. What is in objects is not looked at.
    A text without an end is read beyond `end`, up to a NUL: the last one is that of the raw record's Python bytes.
    """
    cdef const uint8_t* start
    cdef int member
    cdef Text text
    cdef Value* value
    at = past_space(at)
    if at[0] != c"{":
        return False
    while True:
        at = past_space(at + 1)
        if at[0] != c'"':
            return False
        at = read_text(at + 1, end, &text)
        if at == NULL:
            return False
        member = _member(text.at, text.size)
        if member < 0 or values[member].form != ABSENT:
            return False
        value = &values[member]
        at = past_space(at)
        if at[0] != c":":
            return False
        at = past_space(at + 1)
        if at[0] == c'"':
            at = read_text(at + 1, end, &text)
            if at == NULL or not text.plain:
                return False
            value.form, value.at, value.size = TEXT, text.at, text.size
        elif at[0] == c"{":
            start = at
            at = _end_of_object(at, end)
            if at == NULL:
                return False
            value.form, value.at, value.size = OBJECT, start, at - start
        elif end - at > 4 and memcmp(at, b"null", 4) == 0:
            value.form = NULL_VALUE
            at += 4
        else:
            return False
        at = past_space(at)
        if at[0] == c"}":
            return past_space(at + 1) == end
        if at[0] != c",":
            return False


# ---- Times ----

cdef enum:
    TIME_SIZE = 24  # of `2026-11-20T10:00:00.120Z`
cdef const int64_t LAST_MS = 253402300800000LL  # of the year 9999


cdef inline int _digits(const uint8_t* at, int count) noexcept nogil:
    """Return a number of `count` digits; -1 if they are none."""
    cdef int number = 0
    cdef int place
    for place in range(count):
        if at[place] < c"0" or at[place] > c"9":
            return -1
        number = number * 10 + (at[place] - c"0")
    return number


cdef int64_t _read_time(Value* value) noexcept nogil:
    """Return a time as clients send it as epoch milliseconds; -1 for any other form and what was before 1970.

    That is `2026-11-20T10:00:00`, perhaps a fraction of up to nine digits, and `Z` or `+00:00`.
    """
    cdef const uint8_t* at = value.at
    cdef const uint8_t* end = value.at + value.size
    cdef int year, month, day, hour, minute, second
    cdef int millisecond = 0
    cdef int digits = 0
    if value.form != TEXT or value.size < 20:
        return -1
    if at[4] != c"-" or at[7] != c"-" or at[10] != c"T" or at[13] != c":" or at[16] != c":":
        return -1
    year, month, day = _digits(at, 4), _digits(at + 5, 2), _digits(at + 8, 2)
    hour, minute, second = _digits(at + 11, 2), _digits(at + 14, 2), _digits(at + 17, 2)
    if year < 1970 or month < 1 or month > 12 or day < 1 or day > _days_in(year, month):
        return -1
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return -1
    at += 19
    if at[0] == c".":
        at += 1
        while at < end and c"0" <= at[0] <= c"9":
            if digits < 3:
                millisecond = millisecond * 10 + (at[0] - c"0")
            digits += 1
            at += 1
        if digits == 0 or digits > 9:
            return -1
        millisecond *= 100 if digits == 1 else 10 if digits == 2 else 1
    if not (end - at == 1 and at[0] == c"Z") and not (end - at == 6 and memcmp(at, b"+00:00", 6) == 0):
        return -1
    return (((_day_number(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * <int64_t>1000 + millisecond


cdef inline int _days_in(int year, int month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


cdef inline int64_t _day_number(int year, int month, int day) noexcept nogil:
    """Return the days from 1970-01-01 to a day of the Gregorian calendar, by years that begin in March."""
    if month <= 2:
        year -= 1
        month += 12
    return <int64_t>365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469


cdef inline void _write_pair(uint8_t* into, int number) noexcept nogil:
    into[0] = c"0" + number // 10
    into[1] = c"0" + number % 10


cdef void _write_time(uint8_t* into, int64_t time_ms) noexcept nogil:
    """Write epoch milliseconds, from 1970 on, as `2026-11-20T10:00:00.120Z`."""
    cdef int64_t days = time_ms // 86_400_000
    cdef int rest = time_ms % 86_400_000
    # Days from 0000-03-01 on, in cycles of 400 years; then of the cycle, of the year and of the month.
    cdef int64_t since = days + 719468
    cdef int cycle = since // 146097
    cdef int of_cycle = since - <int64_t>cycle * 146097
    cdef int year_of_cycle = (of_cycle - of_cycle // 1460 + of_cycle // 36524 - of_cycle // 146096) // 365
    cdef int of_year = of_cycle - (365 * year_of_cycle + year_of_cycle // 4 - year_of_cycle // 100)
    cdef int month = (5 * of_year + 2) // 153
    cdef int day = of_year - (153 * month + 2) // 5 + 1
    cdef int year = year_of_cycle + cycle * 400
    month = month + 3 if month < 10 else month - 9
    if month <= 2:
        year += 1
    memcpy(into, b"0000-00-00T00:00:00.000Z", TIME_SIZE)
    _write_pair(into, year // 100)
    _write_pair(into + 2, year % 100)
    _write_pair(into + 5, month)
    _write_pair(into + 8, day)
    _write_pair(into + 11, rest // 3_600_000)
    _write_pair(into + 14, rest // 60_000 % 60)
    _write_pair(into + 17, rest // 1000 % 60)
    _write_pair(into + 20, rest % 1000 // 10)
    into[22] = c"0" + rest % 10


# ---- What is remembered ----

cdef enum:
    WAYS = 4  # entries at which a key may stand
    LONGEST = 2048  # bytes of a context

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


@cython.final
cdef class _Known:
    """Answers by bytes, at most `size` of them, a power of two: a new one takes the place of one whose key has a like hash."""

    cdef Entry* entries
    cdef uint64_t sets
    cdef uint64_t seed
    cdef int turn

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

    cdef inline uint64_t hash(self, Key* key) noexcept:
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

    cdef inline bint is_of(self, Entry* entry, Key* key) noexcept:
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
        if size > 2 * LONGEST:
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


cdef inline uint64_t _mixed(uint64_t hash, uint64_t word, uint64_t seed) noexcept nogil:
    hash = (hash ^ word) * (seed * 2 + <uint64_t>0x9E3779B97F4A7C15ULL)
    return hash ^ (hash >> 32)


cdef inline void _begin(Key* key, int64_t case) noexcept nogil:
    cdef int piece
    key.case = case
    for piece in range(3):
        key.at[piece], key.size[piece] = NOTHING, 0


cdef inline void _add(Key* key, int piece, const void* at, Py_ssize_t size) noexcept nogil:
    key.at[piece], key.size[piece] = <const uint8_t*>at, size


@cython.final
cdef class _Buffer:
    """Memory that is written over for each call."""

    cdef uint8_t* at
    cdef Py_ssize_t room

    def __cinit__(self):
        self.at, self.room = NULL, 0

    def __dealloc__(self):
        PyMem_Free(self.at)

    cdef inline int make_room(self, Py_ssize_t size) except -1:
        return 0 if size <= self.room else self.grow(2 * size)

    cdef int grow(self, Py_ssize_t size) except -1:
        cdef uint8_t* at = <uint8_t*>PyMem_Realloc(self.at, size)
        if at == NULL:
            raise MemoryError
        self.at, self.room = at, size
        return 0


# ---- The event ----

cdef enum Kind:
    NO_KIND
    TRACK
    PAGE
    SCREEN
    IDENTIFY
    GROUP

cdef enum:
    ROOM = 1024  # for the names of all members, times and the record's fields beside what is copied

cdef const char* PAGE_MEMBER = b'"page":{'
cdef enum:
    PAGE_SIZE = 8

cdef struct Out:
    uint8_t* at


cdef inline void _put(Out* out, const void* text, Py_ssize_t size) noexcept nogil:
    memcpy(out.at, text, size)
    out.at += size


cdef inline void _put_bytes(Out* out, bytes text) noexcept:
    _put(out, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


cdef inline void _put_text(Out* out, const char* name, Py_ssize_t name_size, Value* value) noexcept nogil:
    """Write a member that is a text; `name` is `,"name":"`."""
    _put(out, name, name_size)
    _put(out, value.at, value.size)
    out.at[0] = c'"'
    out.at += 1


cdef inline void _put_time(Out* out, const char* name, Py_ssize_t name_size, int64_t time_ms) noexcept nogil:
    _put(out, name, name_size)
    _write_time(out.at, time_ms)
    out.at[TIME_SIZE] = c'"'
    out.at += TIME_SIZE + 1


cdef inline void _pack_number(Out* out, uint64_t number) noexcept nogil:
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


cdef inline void _pack_text(Out* out, const void* text, Py_ssize_t size) noexcept nogil:
    if size < 32:
        out.at[0] = 0xA0 | size
        out.at += 1
    else:
        _pack_size(out, 0xD9, size)
    _put(out, text, size)


cdef inline void _pack_size(Out* out, int short_form, Py_ssize_t size) noexcept nogil:
    """Write the head of a text or of bytes, of which the form for sizes below 256 is `short_form`."""
    cdef int count = 1 if size < 0x100 else 2 if size < 0x10000 else 4
    cdef int place
    out.at[0] = short_form + (0 if count == 1 else 1 if count == 2 else 2)
    for place in range(count):
        out.at[1 + place] = (size >> (8 * (count - 1 - place))) & 0xFF
    out.at += 1 + count


cdef inline void _pack_id(Out* out, Value* value) noexcept nogil:
    if _says_something(value):
        _pack_text(out, value.at, value.size)
    else:
        _put(out, b"\xc0", 1)


cdef inline bint _says_something(Value* value) noexcept nogil:
    return value.form == TEXT and value.size > 0


cdef Kind _kind_of(const char* text, Py_ssize_t size) noexcept nogil:
    if size == 5:
        if memcmp(text, b"track", 5) == 0:
            return TRACK
        return GROUP if memcmp(text, b"group", 5) == 0 else NO_KIND
    if size == 4:
        return PAGE if memcmp(text, b"page", 4) == 0 else NO_KIND
    if size == 6:
        return SCREEN if memcmp(text, b"screen", 6) == 0 else NO_KIND
    return IDENTIFY if size == 8 and memcmp(text, b"identify", 8) == 0 else NO_KIND


cdef bint _has_its_members(Kind kind, Value* values) noexcept nogil:
    """Tell whether a call of a kind has the members that it must have, and none of another kind's."""
    if kind == TRACK:
        return (
            values[EVENT].form == TEXT and values[NAME].form == ABSENT and values[CATEGORY].form == ABSENT
            and values[GROUP_ID].form == ABSENT and values[TRAITS].form == ABSENT
        )
    if values[EVENT].form != ABSENT:
        return False
    if kind == PAGE or kind == SCREEN:
        return values[GROUP_ID].form == ABSENT and values[TRAITS].form == ABSENT
    if values[NAME].form != ABSENT or values[CATEGORY].form != ABSENT or values[PROPERTIES].form != ABSENT:
        return False
    return values[GROUP_ID].form == (TEXT if kind == GROUP else ABSENT)


@cython.final
cdef class CompiledWay:
    """The short way of one source's most usual calls."""

    cdef dict settlers
    cdef object contexts, objects
    cdef frozenset suppressed
    cdef int64_t skew_ms, soonest_ms, late_ms
    cdef bint parted
    cdef _Known known_settlers, known_contexts, known_pages, known_objects
    cdef _Buffer context, record

    def __init__(self, *, dict settlers, contexts, objects, frozenset suppressed, bounds_ms):
        """Take what is asked about what is not known yet.

        `settlers` is by kind as `UsualMembers.settlers`, `contexts` the source's `UsualContexts`, `objects` as
        `usual_calls.OBJECTS`, `suppressed` the ids of users, and `bounds_ms` as `Times.bounds_ms`.
        """
        self.settlers = settlers
        self.contexts = contexts
        self.parted = contexts.parted
        self.objects = objects
        self.suppressed = suppressed
        self.skew_ms, self.soonest_ms, self.late_ms = bounds_ms
        self.known_settlers, self.known_objects = _Known(1024), _Known(64)
        self.known_contexts, self.known_pages = _Known(4096), _Known(4096)
        self.context, self.record = _Buffer(), _Buffer()

    def take(self, bytes record not None, place not None):
        """As `short_way.Take`; None, too, for calls that are usual but not of the most usual form."""
        cdef RawFields raw
        cdef Value values[MEMBERS]
        cdef Kind kind
        cdef int64_t time_ms
        cdef int member
        if not read_raw(<const uint8_t*>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record), &raw):
            return None
        kind = _kind_of(<const char*>raw.type.at, raw.type.size)
        if kind == NO_KIND or raw.shared.size > 0 or raw.refused or raw.repaired:
            return None
        memset(values, 0, sizeof(values))
        if not _find_members(raw.body.at, raw.body.at + raw.body.size, values) or not _has_its_members(kind, values):
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
        return self.write(kind, &raw, values, open, ending, channel, time_ms, place)

    cdef int64_t time_of(self, Value* original, Value* sent, int64_t received_ms) noexcept:
        """As `Times.unremarkable_time`; negative for None."""
        cdef int64_t original_ms, before_ms, time_ms
        cdef int64_t sent_ms = received_ms
        if not 0 <= received_ms < LAST_MS:
            return -1
        if original.form != TEXT:
            return -1 if sent.form == TEXT else received_ms
        original_ms = _read_time(original)
        if sent.form == TEXT:
            sent_ms = _read_time(sent)
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
        _begin(&key, kind)
        if kind == TRACK:
            _add(&key, 0, event.at, event.size)
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
        _begin(&key, 0)
        _add(&key, 0, value.at, value.size)
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
        _put_bytes(&out, head)
        _put(&out, page.at, page.size)
        _put_bytes(&out, follows)
        _put_bytes(&out, added)
        context.at, context.size = self.context.at, out.at - self.context.at
        return <str>(<tuple>made)[2]

    cdef object of_context(self, Value* before, Value* after, RawFields* raw):
        """Return the `usual_contexts.Made` of a whole context, or of what stands before and after its page; or None."""
        cdef Key key
        cdef uint64_t hash
        cdef PyObject* known
        _begin(&key, 2 * (after != NULL) + raw.client_side)
        _add(&key, 0, before.at, before.size)
        if after != NULL:
            _add(&key, 1, after.at, after.size)
        _add(&key, 2, raw.user_agent.at, raw.user_agent.size)
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
        _begin(&key, 0)
        _add(&key, 0, page.at, page.size)
        hash = self.known_pages.hash(&key)
        known = self.known_pages.find(&key, hash)
        if known != NULL:
            return <object>known
        follows = self.contexts.page[_bytes_of(page)]
        self.known_pages.remember(&key, hash, follows)
        return follows

    cdef bytes write(
        self, Kind kind, RawFields* raw, Value* values, Value* open, bytes ending, str channel, int64_t time_ms, place
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
            _put(&out, b',"traits":', 10)
        else:
            _put(&out, b',"properties":', 14)
        _put(&out, open.at, open.size)
        _put_bytes(&out, ending)
        _put(&out, b',"type":"', 9)
        _put(&out, raw.type.at, raw.type.size)
        _put_text(&out, b'","messageId":"', 15, &values[MESSAGE_ID])
        if _says_something(&values[USER_ID]):
            _put_text(&out, b',"userId":"', 11, &values[USER_ID])
        if _says_something(&values[ANONYMOUS_ID]):
            _put_text(&out, b',"anonymousId":"', 16, &values[ANONYMOUS_ID])
        _put(&out, b',"integrations":', 16)
        if values[INTEGRATIONS].form == OBJECT:
            _put(&out, values[INTEGRATIONS].at, values[INTEGRATIONS].size)
        else:
            _put(&out, b"{}", 2)
        _put(&out, b',"context":', 11)
        _put(&out, values[CONTEXT].at, values[CONTEXT].size)
        if values[METADATA].form == OBJECT:
            _put(&out, b',"_metadata":', 13)
            _put(&out, values[METADATA].at, values[METADATA].size)
        elif values[METADATA].form == NULL_VALUE:
            _put(&out, b',"_metadata":null', 17)
        if values[TIMESTAMP].form == TEXT:
            _put_text(&out, b',"originalTimestamp":"', 22, &values[TIMESTAMP])
        else:
            _put_time(&out, b',"originalTimestamp":"', 22, raw.received_ms)
        if values[SENT_AT].form == TEXT:
            _put_text(&out, b',"sentAt":"', 11, &values[SENT_AT])
        _put_time(&out, b',"receivedAt":"', 15, raw.received_ms)
        _put_time(&out, b',"timestamp":"', 14, time_ms)
        _put(&out, b',"channel":"', 12)
        _put(&out, channel_text, channel_size)
        _put(&out, b'"}', 2)
        body[0] = c"{"
        body_size = out.at - body
        # What stands before it in an `EventRecord`, written behind it.
        cdef uint8_t* head = out.at
        _put(&out, b"\x9b", 1)
        _pack_text(&out, raw.source.at, raw.source.size)
        _pack_text(&out, raw.type.at, raw.type.size)
        _pack_text(&out, values[MESSAGE_ID].at, values[MESSAGE_ID].size)
        if _says_something(name):
            _pack_text(&out, name.at, name.size)
        else:
            _pack_text(&out, NOTHING, 0)
        _pack_id(&out, &values[USER_ID])
        _pack_id(&out, &values[ANONYMOUS_ID])
        _pack_number(&out, raw.received_ms)
        _pack_number(&out, time_ms)
        _put(&out, b"\x92", 1)
        _pack_number(&out, place[0])
        _pack_number(&out, place[1])
        _pack_size(&out, 0xC4, body_size)
        head_size = out.at - head
        cdef bytes record = PyBytes_FromStringAndSize(NULL, head_size + body_size + 1)
        cdef char* into = PyBytes_AS_STRING(record)
        memcpy(into, head, head_size)
        memcpy(into + head_size, body, body_size)
        memcpy(into + head_size + body_size, b"\x90", 1)  # no findings
        return record


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
