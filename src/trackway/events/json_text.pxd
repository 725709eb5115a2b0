"""JSON as bytes: where a text ends, and whether it is JSON.

A NUL, which no JSON holds, ends all reading. There must be one behind the JSON, but other bytes may come before it: what
was read is JSON only if it ends where it should, which is for the caller to see.
"""

from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t trackway_word(const uint8_t *at)
    {
        uint64_t word;
        memcpy(&word, at, 8);
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
    #endif
        return word;
    }
    """
    uint64_t word_at "trackway_word" (const uint8_t* at) nogil  # eight bytes, the first of them lowest
    int first_bit "__builtin_ctzll" (uint64_t word) nogil


cdef inline uint64_t places_of(uint64_t word, uint64_t byte) noexcept nogil:
    """Return a word that has a bit for the first byte of `word` that is `byte`, and perhaps others behind it."""
    word ^= 0x0101010101010101ULL * byte
    return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL


cdef inline bint is_utf8(const uint8_t* at, Py_ssize_t size) except -1:
    try:
        PyUnicode_DecodeUTF8(<const char*>at, size, NULL)
    except UnicodeDecodeError:
        return False
    return True


cdef inline const uint8_t* past_space(const uint8_t* at) noexcept nogil:
    while at[0] == c" " or at[0] == c"\n" or at[0] == c"\t" or at[0] == c"\r":
        at += 1
    return at


cdef struct Text:
    const uint8_t* at
    Py_ssize_t size
    bint plain  # without escapes


cdef inline const uint8_t* past_escape(const uint8_t* at) noexcept nogil:
    """Return what is behind the escape that begins at `at`; NULL if it is none, or that of a surrogate."""
    cdef int place
    if at[1] != c"u":
        return at + 2 if at[1] in (c'"', c"\\", c"/", c"b", c"f", c"n", c"r", c"t") else NULL
    for place in range(2, 6):
        if not (c"0" <= at[place] <= c"9" or c"a" <= at[place] | 0x20 <= c"f"):
            return NULL
    if at[2] | 0x20 == c"d" and not c"0" <= at[3] <= c"7":
        return NULL
    return at + 6


cdef inline const uint8_t* read_text(const uint8_t* at, const uint8_t* end, Text* text) except? NULL:
    """Read a text that begins behind a quote at `at`, and return what is behind its closing one; NULL if it is no JSON.

    NULL, too, for texts with escapes of surrogates, of which some are no characters.
    """
    cdef uint64_t word
    cdef bint ascii = True
    text.at, text.plain = at, True
    while True:
        while end - at >= 8:
            word = word_at(at)
            # Bytes from which 0x20 cannot be taken are control characters. The lowest bit is true, if any is.
            word = (
                places_of(word, c'"') | places_of(word, c"\\")
                | (((word - 0x2020202020202020ULL) & ~word) | word) & 0x8080808080808080ULL
            )
            if word:
                at += first_bit(word) >> 3
                break
            at += 8
        while at[0] >= 0x20 and at[0] < 0x80 and at[0] != c'"' and at[0] != c"\\":
            at += 1
        if at[0] == c'"':
            break
        if at[0] >= 0x80:
            ascii = False
            at += 1
        elif at[0] == c"\\":
            text.plain = False
            at = past_escape(at)
            if at == NULL:
                return NULL
        else:
            return NULL
    text.size = at - text.at
    if not ascii and not is_utf8(text.at, text.size):
        return NULL
    return at + 1
