"""The parts of an event's body that become columns, whatever the body looks like."""

import json
import math
from typing import Any, cast

import msgspec
from msgspec import Struct

_LONGEST_INTEGER = 4000


class Body(Struct, rename="camel", gc=False):
    """An event as far as the warehouse stores it; values of any type, as nothing here was promised by anybody."""

    context: Any = None
    properties: Any = None
    traits: Any = None
    integrations: Any = None
    name: Any = None
    category: Any = None
    group_id: Any = None
    previous_id: Any = None
    sent_at: Any = None
    original_timestamp: Any = None


_decode = msgspec.json.Decoder(Body).decode
encode_json = msgspec.json.Encoder().encode


def read_body(text: bytes) -> Body | None:
    """Return the body, or None when `text` is no JSON object or one nested too deeply to read.

    What JSON allows but UTF-8 or a double does not is kept as near as can be: half a surrogate pair becomes U+FFFD, a
    number beyond the range of a double its own text.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_odd_body(text)
    except RecursionError:
        return None


def _read_odd_body(text: bytes) -> Body | None:
    try:
        value = json.loads(
            text.decode("utf-8", "replace"), parse_float=_read_float, parse_int=_read_integer, parse_constant=str
        )
        clean = _without_surrogates(value)
    except (ValueError, RecursionError):
        return None
    return msgspec.convert(clean, Body) if isinstance(clean, dict) else None


def _read_float(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _read_integer(text: str) -> int | str:
    return int(text) if len(text) < _LONGEST_INTEGER else text


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {_without_surrogates(key): _without_surrogates(item) for key, item in members.items()}
    return value
