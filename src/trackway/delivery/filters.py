"""Does this destination get this event? (Segment's rules for `integrations` and for what the device already sent.)"""

from collections.abc import Collection
from typing import Any, cast

import msgspec
from msgspec import Struct, field

from trackway.events.records import EventRecord

SOURCE_NOT_CONNECTED = "SOURCE_NOT_CONNECTED"
SENT_CLIENT_SIDE = "MESSAGE_SENT_CLIENT_SIDE"
BY_INTEGRATIONS = "FILTERED_BY_INTEGRATIONS_OBJECT"


class _Wishes(Struct):
    """The parts of an event that say where it goes."""

    integrations: Any = None
    metadata: Any = field(name="_metadata", default=None)


_decode = msgspec.json.Decoder(_Wishes).decode


class Filter:
    """Tells why a destination is not to get an event."""

    def __init__(self, name: str, sources: Collection[str] | None = None) -> None:
        """`name` is the destination's in `integrations`, case and all; `sources` None means all of them."""
        self._name = name
        self._sources = None if sources is None else frozenset(sources)

    def reason(self, event: EventRecord) -> str | None:
        """Return the discard reason, or None when the event is to be sent."""
        if self._sources is not None and event.source not in self._sources:
            return SOURCE_NOT_CONNECTED
        body = event.body
        # Most events say neither, and looking for bytes is cheaper than decoding. A key may be written with escapes.
        if b'"integrations"' not in body and b'"_metadata"' not in body and b"\\u" not in body:
            return None
        wishes = _decode(body)
        if _sent_by_device(wishes.metadata, self._name):
            return SENT_CLIENT_SIDE
        return None if wanted(wishes.integrations, self._name) else BY_INTEGRATIONS


def wanted(integrations: Any, name: str) -> bool:
    """Say whether an event's `integrations` lets it go to the destination `name`.

    The name's own value decides, if there is one: `false` is no; `true`, an object and anything else is yes; null
    counts as absent. Else `All` (or `all`) decides if it is true or false; else the answer is yes.
    """
    if not isinstance(integrations, dict):
        return True
    values = cast("dict[str, Any]", integrations)
    if (own := values.get(name)) is not None:
        return own is not False
    for every in ("All", "all"):
        if isinstance(everything := values.get(every), bool):
            return everything
    return True


def _sent_by_device(metadata: Any, name: str) -> bool:
    bundled = cast("dict[str, Any]", metadata).get("bundled") if isinstance(metadata, dict) else None
    return isinstance(bundled, list) and name in bundled
