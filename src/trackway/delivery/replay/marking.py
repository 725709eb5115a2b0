"""What a replayed event says of itself, so that nobody takes it for a live one."""

from collections.abc import Callable
from typing import Any, cast

import msgspec

from trackway.delivery.items import End
from trackway.events.records import EventRecord

Remake = Callable[[EventRecord], EventRecord | End]
"""Make an event anew by today's pipeline, or say how it ends there."""


def mark(event: EventRecord, replay: int, name: str) -> EventRecord:
    """Return the event as replay number `replay` sends it to the destination that `integrations` knows as `name`.

    As Segment does it, `integrations` names this destination alone; options for it stay. `context.trackway.replay` is
    the number. Message id, times and all else are the event's own.
    """
    body = cast("dict[str, Any]", msgspec.json.decode(event.body))
    options = _object(body.get("integrations")).get(name)
    body["integrations"] = {"All": False, name: options if isinstance(options, dict) else True}
    context = _object(body.get("context"))
    body["context"] = {**context, "trackway": {**_object(context.get("trackway")), "replay": replay}}
    return msgspec.structs.replace(event, body=msgspec.json.encode(body))


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
