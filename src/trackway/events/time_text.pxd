"""Times as texts, of the years from 1970 to 9999."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, memcpy

cdef enum:
    TIME_SIZE = 24  # of `2026-11-20T10:00:00.120Z`


cdef inline int number_at(const uint8_t* at, int count) noexcept nogil:
    """Return a number of `count` digits; -1 if they are none."""
    cdef int number = 0
    cdef int place
    for place in range(count):
        if at[place] < c"0" or at[place] > c"9":
            return -1
        number = number * 10 + (at[place] - c"0")
    return number


cdef inline int days_in(int year, int month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


cdef inline int64_t day_number(int year, int month, int day) noexcept nogil:
    """Return the days from 1970-01-01 to a day of the Gregorian calendar, by years that begin in March."""
    if month <= 2:
        year -= 1
        month += 12
    return <int64_t>365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469


cdef inline int64_t read_time(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    """Return a time as clients send it as epoch milliseconds; -1 for any other form and what was before 1970.

    That is `2026-11-20T10:00:00`, perhaps a fraction of up to nine digits, and `Z` or `+00:00`.
    """
    cdef const uint8_t* end = at + size
    cdef int year, month, day, hour, minute, second
    cdef int millisecond = 0
    cdef int digits = 0
    if size < 20:
        return -1
    if at[4] != c"-" or at[7] != c"-" or at[10] != c"T" or at[13] != c":" or at[16] != c":":
        return -1
    year, month, day = number_at(at, 4), number_at(at + 5, 2), number_at(at + 8, 2)
    hour, minute, second = number_at(at + 11, 2), number_at(at + 14, 2), number_at(at + 17, 2)
    if year < 1970 or month < 1 or month > 12 or day < 1 or day > days_in(year, month):
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
    return (((day_number(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * <int64_t>1000 + millisecond


cdef inline void write_pair(uint8_t* into, int number) noexcept nogil:
    into[0] = c"0" + number // 10
    into[1] = c"0" + number % 10


cdef inline void write_time(uint8_t* into, int64_t time_ms) noexcept nogil:
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
    write_pair(into, year // 100)
    write_pair(into + 2, year % 100)
    write_pair(into + 5, month)
    write_pair(into + 8, day)
    write_pair(into + 11, rest // 3_600_000)
    write_pair(into + 14, rest // 60_000 % 60)
    write_pair(into + 17, rest // 1000 % 60)
    write_pair(into + 20, rest % 1000 // 10)
    into[22] = c"0" + rest % 10
