"""What a pure function over an event's members reports about what it found and replaced."""

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


def shown(value: Any) -> str:
    """Return a value as a detail quotes it, cut to 80 characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
