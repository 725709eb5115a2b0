# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""Columns out of the JSON text of many objects, without a Python object for each value.

Arrow reads the text of all objects at once. What it has no column for goes the slow way through Python (`flatten.py`,
which says what is right), key by key of the outermost object, not for all:

    a key whose values have several types    Arrow refuses the text; the key is cut out of it, and remembered
    arrays                                   Arrow reads them, but has no text of them
    few of very many keys in each object     Arrow takes time for each that is not there
    numbers beyond 2^53 among doubles        an integer has lost digits there
    text that looks like a time to Arrow     it forgets the text; the next time it is told that this is text
    key paths that share a column            which value is first depends on the object
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, Raw

from trackway.warehouse.body import encode_json, read_object
from trackway.warehouse.columns import EXACT, Values, array_of
from trackway.warehouse.flatten import DEEPEST, Columns, SparseColumns

NameOf = Callable[[Sequence[str]], str]
_FEW = 3
"""So few objects are sooner read one by one."""
_MOST_ASIDE = 200
"""With more keys of several types, everything goes the slow way."""
_TRIES = 20
_WIDE, _SPARSE = 200, 6
"""Objects of more columns are looked at for how many of them each has: fewer than one in so many is few."""
_LOOKED_AT = 200
"""Objects of a new kind."""
_SAMPLE, _MOST_DIFFERENT = 2000, 0.9
"""Alike texts are looked for when fewer of so many differ."""
_COMPLAINT = re.compile(r"Column\((/.*)\) (?:changed from|was specified twice).* in row ([0-9]+)\Z", re.DOTALL)
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_Path = tuple[str, ...]


class Shape:
    """What was learned about objects of one kind, so that it need not be found out at each load."""

    def __init__(self, name_of: NameOf) -> None:
        self.name_of = lru_cache(maxsize=1 << 14)(name_of)
        self.texts: set[_Path] = set()
        """Paths whose values are text, whatever they look like."""
        self.aside: set[str] = set()
        """Keys whose values have several types."""
        self.width = 0
        """How many columns the objects of the last load had; 0 before the first."""

    @property
    def schema(self) -> pa.Schema | None:
        """What Arrow has to be told of the objects."""
        tree: dict[str, Any] = {}
        for path in self.texts:
            if path[0] not in self.aside:
                node = tree
                for key in path[:-1]:
                    node = node.setdefault(key, {})
                node[path[-1]] = None
        return pa.schema(_fields(tree)) if tree else None


def _fields(tree: dict[str, Any]) -> list[pa.Field]:
    return [pa.field(key, pa.string() if below is None else pa.struct(_fields(below))) for key, below in tree.items()]


def distinct(texts: Sequence[Raw]) -> tuple[Sequence[Raw], pa.Array | None]:
    """Return texts that differ, and the place among them of each of `texts`; or all, and None, when few are alike."""
    first = {bytes(text) for text in texts[:_SAMPLE]}
    if len(texts) < _SAMPLE or len(first) > _SAMPLE * _MOST_DIFFERENT:
        return texts, None
    places: dict[bytes, int] = {}
    found = [places.setdefault(bytes(text), len(places)) for text in texts]
    return list(map(Raw, places)), pa.array(found, pa.int32())


class Objects:
    """The columns of objects, one a row."""

    def __init__(self, texts: Sequence[Raw], shape: Shape) -> None:
        """Read the JSON `texts`; one that is no object counts as an empty one."""
        self.count = len(texts)
        self.values: dict[str, Values] = {}
        """By column: the values of all rows; see `flatten.Columns.values`."""
        self._texts = texts
        self._shape = shape
        self._joined = b""
        self._read()

    def nulls(self) -> dict[str, list[int]]:
        """Return by column the rows whose objects have null there."""
        if self._joined and b"null" not in self._joined and not self._shape.aside:
            return {}
        rows = [row for row, text in enumerate(self._texts) if b"null" in bytes(text)]
        columns = Columns(self._shape.name_of)
        for row in rows:
            columns.add(read_object(self._texts[row]))
        columns.finish()
        return {name: [rows[place] for place in places] for name, places in columns.nulls.items()}

    def _read(self) -> None:
        if self.count <= _FEW:
            self._read_slowly(None)
            return
        if self._shape.width == 0:
            self._shape.width = len({key for text in self._texts[:_LOOKED_AT] for key in read_object(text)})
        if self._shape.width > _WIDE and self._are_sparse():
            self._read_sparsely()
        else:
            self._read_quickly()
        self._shape.width = len(self.values)

    def _are_sparse(self) -> bool:
        """Whether objects have so few of all keys that Arrow would mostly be busy with what is not there."""
        members = sum(bytes(text).count(b'":') for text in self._texts)
        return self._shape.width * self.count > _SPARSE * members

    def _read_sparsely(self) -> None:
        columns = SparseColumns(self._shape.name_of)
        for text in self._texts:
            columns.add(read_object(text))
        for name, (rows, values) in columns.columns.items():
            array = array_of(values)
            if array is None:
                spread: list[Any] = [None] * self.count
                for row, value in zip(rows, values, strict=True):
                    spread[row] = value
                self.values[name] = spread
            else:
                self.values[name] = pc.scatter(array, pa.array(rows, pa.int32()), max_index=self.count - 1)

    def _read_quickly(self) -> None:
        table = self._parse()
        if table is None:
            self._read_slowly(None)
            return
        leaves = _Leaves(self._shape)
        for number, field in enumerate(table.schema):
            leaves.walk((field.name,), _whole(table.column(number)))
        slow = leaves.slow | self._shape.aside
        slow |= leaves.shared()
        while True:
            self.values = {name: array for name, (key, array) in leaves.found.items() if key not in slow}
            if not slow:
                return
            shared = {leaves.found[name][0] for name in self._read_slowly(slow) if name in leaves.found} - slow
            if not shared:
                return
            slow |= shared

    def _parse(self) -> pa.Table | None:
        """What Arrow reads, without the keys that the shape sets aside; None when it cannot read on."""
        mended = False
        for _ in range(_TRIES):
            shape = self._shape
            if len(shape.aside) > _MOST_ASIDE:
                return None
            lines: Sequence[Raw | bytes] = _tidied(self._texts, mend_all=mended)
            if shape.aside:
                lines = [_without(line, shape.aside) for line in lines]
            self._joined = b"\n".join(lines)
            try:
                table = _parse(self._joined, shape.schema)
            except pa.ArrowInvalid as error:
                if self._learn(str(error), lines):
                    continue
                if mended:
                    return None
                mended = True
            else:
                return table if table.num_rows == self.count else None
        return None

    def _learn(self, complaint: str, lines: Sequence[Raw | bytes]) -> bool:
        """Note which keys Arrow complains of, and return whether it is any."""
        found = _COMPLAINT.search(complaint)
        if found is None or int(found[2]) >= len(lines):
            return False
        path = found[1]
        keys = {key for key in _members(lines[int(found[2])]) if path == f"/{key}" or path.startswith(f"/{key}/")}
        self._shape.aside |= keys
        return bool(keys)

    def _read_slowly(self, keys: set[str] | None) -> Iterable[str]:
        """Put the values below these keys, or of all, into `values` by way of Python, and return their columns."""
        columns = Columns(self._shape.name_of)
        for row in map(_picker(keys), self._texts):
            columns.add(row)
        columns.finish()
        for name, values in columns.values.items():
            array = array_of(values)
            self.values[name] = values if array is None else array
        return columns.values


class _Leaves:
    """The columns among what Arrow read, and the keys that have to go the slow way."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self.found: dict[str, tuple[str, pa.Array]] = {}
        """By column: the outermost key, and the values."""
        self.slow: set[str] = set()
        self._shared: set[str] = set()

    def walk(self, path: _Path, values: pa.Array) -> None:
        kind = values.type
        if pa.types.is_struct(kind):
            if len(path) >= DEEPEST:
                self.slow.add(path[0])
                return
            for number in range(kind.num_fields):
                self.walk((*path, kind.field(number).name), values.field(number))
        elif values.null_count < len(values):
            self._add(path, values, kind)

    def _add(self, path: _Path, values: pa.Array, kind: pa.DataType) -> None:
        if pa.types.is_timestamp(kind):
            self._shape.texts.add(path)
            self.slow.add(path[0])
        elif pa.types.is_list(kind) or (pa.types.is_floating(kind) and _is_large(values)):
            self.slow.add(path[0])
        name = self._shape.name_of(path)
        if name in self.found:
            self._shared |= {path[0], self.found[name][0]}
        self.found[name] = (path[0], values)

    def shared(self) -> set[str]:
        """The outermost keys of paths that share a column."""
        return self._shared


def _is_large(numbers: pa.Array) -> bool:
    edges = pc.min_max(numbers)
    return not (edges["min"].as_py() > -EXACT and edges["max"].as_py() < EXACT)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _parse(text: bytes, schema: pa.Schema | None) -> pa.Table:
    import pyarrow.json as arrow_json

    return arrow_json.read_json(
        pa.BufferReader(text),
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema),
    )


def _tidied(texts: Sequence[Raw], *, mend_all: bool) -> Sequence[Raw | bytes]:
    """The texts such that Arrow may read them: on what is no object it crashes, and it checks no UTF-8."""
    joined = b"\n".join(texts)
    lines = len(texts) - 1
    usual = joined.startswith(b"{") and joined.count(b"\n") == lines and joined.count(b"\n{") == lines
    if usual and not mend_all and _is_utf8(joined):
        return texts
    return [_tidy(bytes(text), mend_all=mend_all) for text in texts]


def _tidy(text: bytes, *, mend_all: bool) -> bytes:
    text = text.strip()
    if not text.startswith(b"{"):
        return b"{}"
    if mend_all or not _is_utf8(text):
        return encode_json(read_object(text))
    return text


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _without(text: Raw | bytes, keys: set[str]) -> bytes:
    try:
        members = _members(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        members = _members(encode_json(read_object(text)))
    return encode_json({key: value for key, value in members.items() if key not in keys})


def _picker(keys: set[str] | None) -> Callable[[Raw], dict[str, Any]]:
    """A function that reads an object, or only these keys of it."""
    if keys is None:
        return read_object
    if len(keys) == 1:
        return _picker_of(*keys)
    # Which comes first matters where keys share a column.
    return lambda text: {key: value for key, value in read_object(text).items() if key in keys}


@lru_cache(maxsize=256)
def _picker_of(key: str) -> Callable[[Raw], dict[str, Any]]:
    try:
        picked = msgspec.defstruct("Picked", [("value", Any, UNSET)], rename={"value": key}, gc=False)
    except ValueError:  # a name that msgspec does not take
        return lambda text: {name: value for name, value in read_object(text).items() if name == key}
    decode = msgspec.json.Decoder(picked).decode

    def pick(text: Raw) -> dict[str, Any]:
        try:
            value = decode(text).value
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = read_object(text)
            return {key: found[key]} if key in found else {}
        return {} if value is UNSET else {key: value}

    return pick
