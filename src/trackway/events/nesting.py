"""How deep a call may nest: every reader after the collector goes down as many levels, most of them by recursion."""

import re
from array import array
from itertools import accumulate, chain
from typing import Any, cast

from trackway.events import lenient_json
from trackway.events.records import Refusal
from trackway.events.verdicts import refuse

DEEPEST = 200
NEVER_TOO_DEEP = 1000
"""Bytes that cannot hold more than 166 objects in each other, nor more than 500 arrays, which hurt nobody.

So small calls, which are most, cost nothing here: counting brackets would be a tenth of what judging a call costs.
"""
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STEPS = bytes(1 if one in b"{[" else 255 if one in b"}]" else 0 for one in range(256))
_OTHERS = bytes(one for one in range(256) if one not in b"{[]}")


def find_too_deep(call: bytes) -> Refusal | None:
    """Return the refusal of a call, which is an object that can be read, if it nests deeper than `DEEPEST`."""
    if call.count(b"{") + call.count(b"[") <= DEEPEST:
        return None
    brackets = _STRINGS.sub(b"", call).translate(_STEPS, _OTHERS)
    if max(accumulate(array("b", brackets))) <= DEEPEST:
        return None
    pointer = _point(lenient_json.loads(call)[0])
    return refuse("nested_too_deeply", pointer)


def _point(call: dict[str, Any]) -> str:
    """Return the pointer to the first member of a call that is too deep."""
    for name, member in call.items():
        level: list[Any] = [member]
        for _ in range(DEEPEST - 1):  # the call itself is a level
            level = list(chain.from_iterable(_children(value) for value in level))
        if any(isinstance(value, dict | list) for value in level):
            return "/" + name.replace("~", "~0").replace("/", "~1")
    return ""


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []
