"""A call as JSON: where its members stand, if it is of the most usual form."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp

from trackway.events.json_text cimport Text, first_bit, past_space, places_of, read_text, word_at

cdef enum Form:
    ABSENT
    NULL_VALUE
    TEXT  # without escapes; without its quotes
    OBJECT

cdef struct Value:
    Form form
    const uint8_t* at
    Py_ssize_t size

cdef enum:
    EVENT, NAME, CATEGORY, GROUP_ID, PROPERTIES, TRAITS, TYPE, MESSAGE_ID, USER_ID, ANONYMOUS_ID, INTEGRATIONS, CONTEXT
    METADATA, TIMESTAMP, SENT_AT, WRITE_KEY
    MEMBERS


cdef inline int member_of(const uint8_t* key, Py_ssize_t size) noexcept nogil:
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


cdef inline const uint8_t* end_of_object(const uint8_t* at, const uint8_t* end) noexcept nogil:
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


cdef inline bint find_members(const uint8_t* at, const uint8_t* end, Value* values) except -1:
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
        member = member_of(text.at, text.size)
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
            at = end_of_object(at, end)
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

cdef enum Kind:
    NO_KIND
    TRACK
    PAGE
    SCREEN
    IDENTIFY
    GROUP


cdef inline Kind kind_of(const char* text, Py_ssize_t size) noexcept nogil:
    if size == 5:
        if memcmp(text, b"track", 5) == 0:
            return TRACK
        return GROUP if memcmp(text, b"group", 5) == 0 else NO_KIND
    if size == 4:
        return PAGE if memcmp(text, b"page", 4) == 0 else NO_KIND
    if size == 6:
        return SCREEN if memcmp(text, b"screen", 6) == 0 else NO_KIND
    return IDENTIFY if size == 8 and memcmp(text, b"identify", 8) == 0 else NO_KIND


cdef inline bint has_its_members(Kind kind, Value* values) noexcept nogil:
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
