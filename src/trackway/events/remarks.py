"""What a pure function over an event's members reports about what it found and replaced."""

import json
from typing import Any, NamedTuple

from msgspec import UNSET


class Remark(NamedTuple):
    """One thing found."""

    code: str
    """From `trackway.events.reasons.FINDINGS`."""
    pointer: str
    """JSON pointer from the event's root."""
    detail: str = ""
    original: Any = UNSET
    """What stood there before, if it was replaced."""


def escape(key: str) -> str:
    """Return a key as one step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1") if "~" in key or "/" in key else key


_KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
}


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in words."""
    return next((words for kind, words in _KINDS.items() if type(value) is kind), "null")


def shown(value: Any) -> str:
    """Return a value as a detail quotes it, as JSON but for text, cut to 80 characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
