"""Ids: what may identify a person, and message ids for calls that have none."""

import os
import time
from typing import Any

MESSAGE_ID_MAX = 100
"""Characters; Segment refuses longer ones downstream."""


def new_message_id(*, time_ms: int | None = None) -> str:
    """Return a fresh message id: a UUID of version 7, so that ids sort by the time they were made (RFC 9562, 5.7)."""
    stamp = (time.time_ns() // 1_000_000 if time_ms is None else time_ms) & 0xFFFF_FFFF_FFFF
    noise = int.from_bytes(os.urandom(10), "big")
    value = stamp << 80 | 0x7 << 76 | (noise >> 68 & 0xFFF) << 64 | 0b10 << 62 | noise & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


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
