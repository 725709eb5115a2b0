"""Read JSON that strict parsers refuse, because clients do send it and a refused batch is lost whole.

Python's client writes the literals NaN and Infinity and lone surrogates; others send bytes that are no UTF-8.
"""

import json
import math
from typing import Any, cast

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

MAX_DEPTH = 200
"""Deeper nesting is refused: no event needs it, and every recursive reader after us would have to guard against it."""

_TOO_DEEP = "it is nested too deeply"


class NotJson(ValueError):
    """The text is not JSON, whatever one forgives; the message says where it breaks."""


def loads(text: bytes | memoryview) -> tuple[Any, bool]:
    """Return the value of `text` and whether it had to be repaired.

    Non-finite numbers become null, broken characters U+FFFD.

    Raises:
        NotJson: no reading makes sense of it, or it nests deeper than `MAX_DEPTH`.
    """
    try:
        return _decode(text), False
    except (msgspec.DecodeError, UnicodeDecodeError):
        return mend(read_loosely(bytes(text)))[0], True
    except RecursionError:
        raise NotJson(_TOO_DEEP) from None


def dumps(value: Any) -> bytes:
    """Return `value` as compact, strict UTF-8 JSON."""
    return _encode(value)


def read_loosely(text: bytes) -> Any:
    """Return the value of `text` as it stands, with NaN and lone surrogates in it; `mend` its parts one by one.

    Raises:
        NotJson: no reading makes sense of it.
    """
    try:
        return json.loads(text.decode("utf-8-sig", "replace"))
    except RecursionError:
        raise NotJson(_TOO_DEEP) from None
    except ValueError as error:
        raise NotJson(str(error)) from None


def mend(value: Any) -> tuple[Any, bool]:
    """Return `value` without what strict JSON cannot hold, and whether anything had to be changed.

    Raises:
        NotJson: it nests deeper than `MAX_DEPTH`.
    """
    try:
        mended = _clean(value, MAX_DEPTH)
    except RecursionError:
        raise NotJson(_TOO_DEEP) from None
    return mended, mended != value


def _clean(value: Any, depth: int) -> Any:
    if depth == 0:
        raise RecursionError
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_clean(item, depth - 1) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {_clean(key, depth): _clean(item, depth - 1) for key, item in items}
    return value
