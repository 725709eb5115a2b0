"""Clean events for the catalogue's tests."""

import json
from typing import Any

from trackway.events.records import EventRecord, Place


def event(
    name: str = "Order Completed",
    members: Any = None,
    *,
    kind: str = "track",
    source: str = "web",
    at_ms: int = 1_000,
    message_id: str = "m",
) -> EventRecord:
    """Return an event whose properties or traits are `members`."""
    table = "traits" if kind in ("identify", "group") else "properties"
    body = json.dumps({"type": kind, table: members} if members is not None else {"type": kind}).encode()
    return EventRecord(source, kind, message_id, name, "u", None, at_ms, at_ms, Place(0, 0), body)
