"""Read a batch that strict readers refuse, so that what is wrong with one call costs the others nothing.

Where each call begins and ends is found in the text itself: what can be kept as it came is, to the byte.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from trackway.collector.refused import Refused
from trackway.events import lenient_json

_read_value = json.JSONDecoder().raw_decode
_check = msgspec.json.Decoder().decode
_BLANKS = re.compile(r"[ \t\n\r]*")


def load_object(body: bytes) -> dict[str, Any]:
    """Return a body that is no strict JSON as it stands, with NaN and lone surrogates in it.

    Raises:
        Refused: no reading makes an object of it.
    """
    try:
        value = lenient_json.read_loosely(body)
    except lenient_json.NotJson as error:
        raise Refused("body_not_json", f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise Refused("body_not_object")
    return cast("dict[str, Any]", value)


def read_calls(body: bytes) -> tuple[list[bytes], frozenset[int]]:
    """Return the calls of `body`, which `load_object` can read and whose `batch` is an array, and which were changed.

    A call that nobody can read strictly is mended; one that cannot be mended is left to be refused.
    """
    text = body.decode("utf-8-sig", "replace")
    broken = "\ufffd" in text and not _is_utf8(body)
    calls: list[bytes] = []
    changed: set[int] = set()
    for number, (value, item) in enumerate(_items(text)):
        call = item.encode("utf-8", "replace")
        if _is_strict(call):
            if broken and "\ufffd" in item:
                changed.add(number)
        else:
            try:
                mended, was_changed = lenient_json.mend(value)
            except lenient_json.NotJson:
                pass
            else:
                call = lenient_json.dumps(mended)
                if was_changed:
                    changed.add(number)
        calls.append(call)
    return calls, frozenset(changed)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_strict(call: bytes) -> bool:
    try:
        _check(call)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _items(text: str) -> Iterator[tuple[Any, str]]:
    """Yield value and text of each item of the last `batch` of an object; of repeated names the last counts."""
    at, start = _skip(text, 0) + 1, 0
    while text[at := _skip(text, at)] != "}":
        if text[at] == ",":
            at = _skip(text, at + 1)
        name, at = _read_value(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if name == "batch":
            start = at
        _, at = _read_value(text, at)
    at = start + 1
    while text[at := _skip(text, at)] != "]":
        if text[at] == ",":
            at = _skip(text, at + 1)
        value, end = _read_value(text, at)
        yield value, text[at:end]
        at = end


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
