# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownParameterType=false
"""What PostgreSQL cannot hold, put into the row's `_rest` before it refuses the load.

A text cannot have the character NUL: its column has U+FFFD there, and `_rest` the text as it was, as `{"json": "…"}`,
since PostgreSQL's functions refuse any JSON with a NUL in it, be it escaped. A row has to fit a
page of 8 kB: long texts move out of it, but each leaves a pointer of 18 bytes, and numbers stay; some hundreds of
values in one row are too many, and the last of them are in `_rest` alone.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trackway.warehouse.body import encode_json
from trackway.warehouse.chunks import REST
from trackway.warehouse.evolution import Change, merged
from trackway.warehouse.fitting import plain, rest_of

_SURELY_FITS = 300
"""Values that fit whatever they are: 18 bytes and up to 7 between them, each."""
_MOST_BYTES = 7_600
_INLINE_TEXT = 18
_ALIGNMENT = 7
_NUL = "\\u0000"
_Misfits = list[tuple[str, dict[int, Any]]]


def make_storable(change: Change, rows: int) -> None:
    """Change `change.values` into ones that PostgreSQL stores."""
    misfits: _Misfits = []
    if len(change.values) > _SURELY_FITS:
        _slim(change, misfits)
    for name, values in change.values.items():
        if name != REST and pa.types.is_string(values.type) and _has_nul(values):
            _put_aside(change, misfits, name, pc.fill_null(pc.match_substring(values, "\0"), False))
            change.values[name] = pc.replace_substring(values, "\0", "\ufffd")
    if misfits:
        change.values[REST] = merged(rest_of(misfits, rows), change.values.get(REST))
    if REST in change.values:
        texts = change.values[REST].to_pylist()
        change.values[REST] = pa.array([text and _without_nul(text) for text in texts], pa.string())


def _without_nul(text: str) -> str:
    if _NUL not in text:
        return text
    members = {name: encode_json(value).decode() for name, value in json.loads(text).items()}
    shown = {name: {"json": value} if _NUL in value else json.loads(value) for name, value in members.items()}
    return encode_json(shown).decode()


def _slim(change: Change, misfits: _Misfits) -> None:
    used: pa.Array = None
    for name, values in list(change.values.items()):
        if name == REST:
            continue
        width = _widths(values)
        total = width if used is None else pc.add(used, width)
        over = pc.and_(pc.greater(total, _MOST_BYTES), pc.is_valid(values))
        if pc.any(over).as_py():
            _put_aside(change, misfits, name, over)
            change.values[name] = pc.if_else(over, pa.scalar(None, values.type), values)
            total = pc.if_else(over, used, total)
        used = total


def _put_aside(change: Change, misfits: _Misfits, name: str, which: pa.Array) -> None:
    values = change.values[name]
    rows = [row for row, odd in enumerate(which.to_pylist()) if odd]
    misfits.append((name, {row: plain(values[row].as_py()) for row in rows}))
    change.diverted[name] = change.diverted.get(name, 0) + len(rows)


def _has_nul(values: pa.Array) -> bool:
    data = values.buffers()[2]
    return data is not None and b"\0" in data.to_pybytes()


def _widths(values: pa.Array) -> pa.Array:
    """The most bytes that each value takes in its row's page."""
    if pa.types.is_string(values.type):
        text = pc.min_element_wise(pc.add(pc.binary_length(values), 4), _INLINE_TEXT)
        return pc.fill_null(pc.add(text, _ALIGNMENT), 0)
    size = 32 if pa.types.is_decimal(values.type) else 8
    return pc.if_else(pc.is_valid(values), pa.scalar(size, pa.int32()), pa.scalar(0, pa.int32()))
