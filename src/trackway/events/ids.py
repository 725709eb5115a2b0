"""Ids: what may identify a person, and message ids for calls that have none."""

import time
from random import SystemRandom
from typing import Any

_random = SystemRandom()

MESSAGE_ID_MAX = 100
"""Characters; Segment refuses longer ones downstream."""


def new_message_id(*, time_ms: int | None = None) -> str:
    """Return a fresh message id: a UUID of version 7, so that ids sort by the time they were made (RFC 9562, 5.7)."""
    stamp = (time.time_ns() // 1_000_000 if time_ms is None else time_ms) & 0xFFFF_FFFF_FFFF
    noise = _random.getrandbits(74)
    low = 0b10 << 62 | noise >> 12
    return f"{stamp >> 16:08x}-{stamp & 0xFFFF:04x}-7{noise & 0xFFF:03x}-{low >> 48:04x}-{low & 0xFFFF_FFFF_FFFF:012x}"


def as_id(value: Any) -> str | None:
    """Return an id as text: null and the empty text are absent, whole numbers become their decimal text.

    Never trimmed and never folded: ids are case-sensitive.

    Raises:
        ValueError: it is neither text nor a whole number.
    """
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("an id is text")
