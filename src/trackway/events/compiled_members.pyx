# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Tables of members (`members.py`), compiled: they look at an object's bytes and make no Python object of it.

As `members.Table` they say yes or do not know. What they say yes to is JSON to the last byte.
"""

import math

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from trackway.events.json_text cimport Text, past_space, read_text, word_at

from msgspec import Raw, json

from trackway.events.members import Shape, look_of
from trackway.events.reserved import MONETARY

cdef extern from "Python.h":
    double PyOS_string_to_double(const char* text, char** end, PyObject* overflow) except? -1.0

cdef enum Type:
    STRING = 1
    INTEGER = 2
    FLOAT = 4
    BOOLEAN = 8
    ARRAY = 16
    OBJECT = 32
    NONE = 64

cdef enum:
    DEEPEST = 64
    MOST_DIGITS = 17  # of a number with a point or an exponent
    MOST_DIGITS_WHOLE = 19

cdef dict _TYPES = {
    str: STRING, int: INTEGER, float: INTEGER | FLOAT, bool: BOOLEAN, list: ARRAY, dict: OBJECT, type(None): NONE
}
cdef enum:
    CURRENCY = 1
cdef dict _MARKS = {name: 2**number for number, name in enumerate(["currency", *MONETARY])}  # a bit for each
_decode_any = json.Decoder().decode

cdef struct Slot:
    const uint8_t* name
    Py_ssize_t size
    PyObject* node
    uint64_t bit  # of a member that must be there, or one of whose group must; else 0
    uint64_t mark  # of a member that says something of money; else 0

cdef struct Money:
    # The marks of all members, of numbers and of nulls. Of a member that comes twice the last one counts.
    uint64_t all
    uint64_t numbers
    uint64_t nulls


@cython.final
cdef class _Node:
    """What one value must be like: a `Shape`."""

    cdef int types
    cdef frozenset enum  # of UTF-8
    cdef bint bounded
    cdef double minimum, maximum
    cdef _Node items
    cdef _Table members
    cdef object look

    def __init__(self, shape, bint nested):
        self.types = 0
        for kind in shape.types:
            self.types |= <int>_TYPES[kind]
        if shape.look is not None:
            if nested:
                self.types = 0
            else:
                self.look = look_of(shape)
        if not shape.is_exact:
            self.types = 0
        if shape.enum is not None:
            self.enum = frozenset(text.encode() for text in shape.enum)
        self.minimum, self.maximum = shape.minimum, shape.maximum
        self.bounded = not (math.isinf(shape.minimum) and math.isinf(shape.maximum))
        self.items = None if shape.items is None else _Node(shape.items, True)
        self.members = None if shape.members is None else _Table(shape.members)


@cython.final
cdef class _Table:
    """What an object must be like: `Members`."""

    cdef bytes names  # of all slots, one behind the other
    cdef list nodes  # what the slots point to
    cdef Slot* slots
    cdef uint64_t mask
    cdef uint64_t required
    cdef list groups
    cdef bint others

    def __dealloc__(self):
        PyMem_Free(self.slots)

    def __init__(self, members, marks=None):
        cdef uint64_t size = 8
        cdef uint64_t bit = 1
        cdef dict bits = {}
        cdef Slot* slot
        shapes = dict(members.shapes)
        for name in members.required:
            shapes.setdefault(name, Shape() if members.others else Shape(frozenset()))
        groups = [[name for name in group if name in shapes] for group in members.one_of if members.required.isdisjoint(group)]
        needed = dict.fromkeys([*members.required, *(name for group in groups for name in group)])
        if len(needed) > 64:
            raise ValueError("too many members are needed")
        for name in needed:
            bits[name] = bit
            bit <<= 1
        self.others = members.others
        self.required = sum(bits[name] for name in members.required)
        self.groups = [sum(bits[name] for name in set(group)) for group in groups]
        while size < <uint64_t>(2 * len(shapes)):
            size *= 2
        self.mask = size - 1
        self.slots = <Slot*>PyMem_Calloc(size, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError
        self.nodes = []
        self.names = b"".join(name.encode() for name in shapes)
        cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(self.names)
        for name, shape in shapes.items():
            node = _Node(shape, marks is None)
            self.nodes.append(node)
            slot = self.free_slot(at, len(name.encode()))
            slot.name, slot.size, slot.node, slot.bit = at, len(name.encode()), <PyObject*>node, bits.get(name, 0)
            slot.mark = 0 if marks is None else marks.get(name, 0)
            at += slot.size

    cdef Slot* free_slot(self, const uint8_t* name, Py_ssize_t size) noexcept:
        cdef uint64_t place = _hash(name, size)
        while self.slots[place & self.mask].node != NULL:
            place += 1
        return &self.slots[place & self.mask]

    cdef Slot* find(self, const uint8_t* name, Py_ssize_t size) noexcept:
        """Return the slot of a name; NULL if there is none."""
        cdef uint64_t place = _hash(name, size)
        cdef Slot* slot
        while True:
            slot = &self.slots[place & self.mask]
            if slot.node == NULL:
                return NULL
            if slot.size == size and memcmp(slot.name, name, size) == 0:
                return slot
            place += 1


cdef inline uint64_t _hash(const uint8_t* name, Py_ssize_t size) noexcept:
    """Return a hash of a name: names come from the workspace, so no one can choose them to be alike."""
    cdef uint64_t word = 0
    cdef uint64_t hash = size
    while size >= 8:
        hash = (hash ^ word_at(name)) * 0x9E3779B97F4A7C15ULL
        name += 8
        size -= 8
    memcpy(&word, name, size)
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL
    return hash >> 40


cdef const uint8_t* _read_object(
    _Table table, const uint8_t* at, const uint8_t* end, int depth, Money* money
) except? NULL:
    """Return what is behind an object that begins at `at`, if it is surely as `table` says; else NULL.

    `money` is told of the members that are marked, unless it is NULL.
    """
    cdef const uint8_t* start
    cdef Text name
    cdef Slot* slot
    cdef uint64_t found = 0
    cdef uint64_t group
    if at[0] != c"{" or depth > DEEPEST:
        return NULL
    at = past_space(at + 1)
    if at[0] == c"}":
        at += 1
    else:
        while True:
            if at[0] != c'"':
                return NULL
            at = read_text(at + 1, end, &name)
            if at == NULL or not name.plain:
                return NULL
            at = past_space(at)
            if at[0] != c":":
                return NULL
            at = past_space(at + 1)
            slot = NULL if table is None else table.find(name.at, name.size)
            if slot != NULL:
                found |= slot.bit
                start = at
                at = _read_value(<_Node>slot.node, at, end, depth)
                if slot.mark and money != NULL:
                    _tell(money, slot.mark, start[0])
            elif table is None or table.others:
                at = _read_value(None, at, end, depth)
            else:
                return NULL
            if at == NULL:
                return NULL
            at = past_space(at)
            if at[0] == c"}":
                at += 1
                break
            if at[0] != c",":
                return NULL
            at = past_space(at + 1)
    if table is not None:
        if table.required & ~found:
            return NULL
        for group in table.groups:
            if not group & found:
                return NULL
    return at


cdef inline void _tell(Money* money, uint64_t mark, uint8_t first) noexcept nogil:
    """Tell of a member whose value begins with `first`."""
    money.all |= mark
    money.numbers &= ~mark
    money.nulls &= ~mark
    if first == c"-" or c"0" <= first <= c"9":
        money.numbers |= mark
    elif first == c"n":
        money.nulls |= mark


cdef const uint8_t* _read_list(_Node items, const uint8_t* at, const uint8_t* end, int depth) except? NULL:
    if depth > DEEPEST:
        return NULL
    at = past_space(at + 1)
    if at[0] == c"]":
        return at + 1
    while True:
        at = _read_value(items, at, end, depth)
        if at == NULL:
            return NULL
        at = past_space(at)
        if at[0] == c"]":
            return at + 1
        if at[0] != c",":
            return NULL
        at = past_space(at + 1)


cdef const uint8_t* _read_value(_Node node, const uint8_t* at, const uint8_t* end, int depth) except? NULL:
    """Return what is behind a value that begins at `at`, if it is surely as `node` says; else NULL. Without one any will do."""
    cdef int types = ~0 if node is None or node.look is not None else node.types
    cdef const uint8_t* start = at
    cdef Text text
    if at[0] == c'"':
        if not types & STRING:
            return NULL
        at = read_text(at + 1, end, &text)
        if node is not None and node.look is None and node.enum is not None and at != NULL:
            if not text.plain or PyBytes_FromStringAndSize(<const char*>text.at, text.size) not in node.enum:
                return NULL
    elif at[0] == c"{":
        if not types & OBJECT:
            return NULL
        at = _read_object(None if node is None or node.look is not None else node.members, at, end, depth + 1, NULL)
    elif at[0] == c"[":
        if not types & ARRAY:
            return NULL
        at = _read_list(None if node is None or node.look is not None else node.items, at, end, depth + 1)
    elif at[0] == c"t":
        at = at + 4 if types & BOOLEAN and end - at >= 4 and memcmp(at, b"true", 4) == 0 else NULL
    elif at[0] == c"f":
        at = at + 5 if types & BOOLEAN and end - at >= 5 and memcmp(at, b"false", 5) == 0 else NULL
    elif at[0] == c"n":
        at = at + 4 if types & NONE and end - at >= 4 and memcmp(at, b"null", 4) == 0 else NULL
    else:
        at = _read_number(None if node is None or node.look is not None else node, types, at)
    if at != NULL and node is not None and node.look is not None:
        if not node.look(_decode_any(PyBytes_FromStringAndSize(<const char*>start, at - start))):
            return NULL
    return at


cdef const uint8_t* _read_number(_Node node, int types, const uint8_t* at) except? NULL:
    """Return what is behind a number; NULL for one that may be none of Python's, or not exactly."""
    cdef const uint8_t* start = at
    cdef char copy[MOST_DIGITS_WHOLE + 8]
    cdef int digits = 0
    cdef int kind = INTEGER
    cdef double number
    if at[0] == c"-":
        at += 1
    if at[0] == c"0":
        at += 1
        digits = 1
    else:
        while c"0" <= at[0] <= c"9":
            at += 1
            digits += 1
    # Whole numbers of up to 64 bits; those of up to 19 digits that do not begin with a nine.
    if digits == 0 or digits > MOST_DIGITS_WHOLE or (digits == MOST_DIGITS_WHOLE and at[-digits] == c"9"):
        return NULL
    if at[0] == c".":
        kind = FLOAT
        at += 1
        if not c"0" <= at[0] <= c"9":
            return NULL
        while c"0" <= at[0] <= c"9":
            at += 1
            digits += 1
    if at[0] == c"e" or at[0] == c"E":
        kind = FLOAT
        at += 2 if at[1] == c"-" or at[1] == c"+" else 1
        if not c"0" <= at[0] <= c"9":
            return NULL
        at += 2 if c"0" <= at[1] <= c"9" else 1  # two digits at the most
    if c"0" <= at[0] <= c"9" or not types & kind or (kind == FLOAT and digits > MOST_DIGITS):
        return NULL
    if node is not None and node.bounded:
        memcpy(copy, start, at - start)
        copy[at - start] = 0
        number = PyOS_string_to_double(copy, NULL, NULL)
        if not node.minimum <= number <= node.maximum:
            return NULL
    return at


@cython.final
cdef class Settler:
    """As `usual_members.Settle`: looks at an object, and puts a currency behind amounts that have none."""

    def __init__(self, members, bytes currency not None=b""):
        """Hold objects to `members`; `currency` is the member to add, with the comma before it and the closing brace.

        Raises:
            ValueError: the table asks for more members than can be told apart here.
        """
        self._table = _Table(members, _MARKS)
        self.currency = currency

    def __call__(self, text):
        """Return a `Raw` with the currency, True for what stays as it is, None for what may be remarkable."""
        cdef bytes copy = bytes(text)
        cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(copy)
        cdef Judgement judgement = self.judge(at, at + PyBytes_GET_SIZE(copy))
        if judgement == UNKNOWN:
            return None
        return True if judgement == AS_IT_IS else Raw(copy[:len(copy) - 1] + self.currency)

    cdef Judgement judge(self, const uint8_t* at, const uint8_t* end) except *:
        """Tell what is to be done with the object from `at` to `end`, behind which there is something that is no JSON.

        With `WITHOUT_CURRENCY` its last byte is the brace in whose place the currency goes.
        """
        cdef Money money
        memset(&money, 0, sizeof(money))
        at = _read_object(<_Table>self._table, at, end, 0, &money)
        if at != end:
            return UNKNOWN
        if not self.currency or not money.all & ~CURRENCY:
            return AS_IT_IS
        if money.all & CURRENCY:
            # Nothing is added to null, but the stage has something to say of that beside an amount.
            return UNKNOWN if money.nulls & CURRENCY else AS_IT_IS
        return WITHOUT_CURRENCY if money.numbers else AS_IT_IS
