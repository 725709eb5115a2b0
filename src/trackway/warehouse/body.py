"""The parts of an event's body that become columns, whatever the body looks like."""

import json
import math
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

_LONGEST_INTEGER = 4000
_NO_OBJECT = Raw(b"{}")


class Body(Struct, rename="camel", gc=False):
    """An event as far as the warehouse stores it; values of any type, as nothing here was promised by anybody.

    `context`, `properties` and `traits` are JSON text, which may be of no object.
    """

    context: Raw = _NO_OBJECT
    properties: Raw = _NO_OBJECT
    traits: Raw = _NO_OBJECT
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
    """Return the body, or None when `text` is no JSON object or one nested too deeply to read."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = mend(text)
        return None if mended is None else _decode(mended)
    except RecursionError:
        return None


def read_object(text: Raw | bytes) -> dict[str, Any]:
    """Return the JSON object in `text`, or an empty one when there is none that can be read."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = mend(bytes(text))
        value = None if mended is None else msgspec.json.decode(mended)
    except RecursionError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def mend(text: bytes) -> bytes | None:
    """Return the JSON object in `text` as strict JSON, or None when it is none.

    What JSON allows but UTF-8 or a double does not is kept as near as can be: half a surrogate pair becomes U+FFFD, a
    number beyond the range of a double its own text.
    """
    try:
        value = json.loads(
            text.decode("utf-8", "replace"), parse_float=_read_float, parse_int=_read_integer, parse_constant=str
        )
        clean = _without_surrogates(value)
        return encode_json(clean) if isinstance(clean, dict) else None
    except (ValueError, RecursionError):
        return None


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
