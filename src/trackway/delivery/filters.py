"""Does this destination get this event, and how much of it?

Segment's rules in Segment's order: what the device already sent, consent, `integrations`, filters, the trigger.
"""

from collections.abc import Collection
from typing import Any, Self, cast

import msgspec
from msgspec import Struct, field

from trackway.delivery.consent import consented
from trackway.delivery.functions import DestinationFunctions, with_body
from trackway.delivery.items import End
from trackway.destinations.filters import DestinationFilters
from trackway.destinations.kit.outlines import Outline
from trackway.events import canary, lenient_json
from trackway.events.records import EventRecord
from trackway.events.verdicts import CONSENT_EVENT
from trackway.workspace.model import Workspace

CANARY = "CANARY"
SOURCE_NOT_CONNECTED = "SOURCE_NOT_CONNECTED"
SENT_CLIENT_SIDE = "MESSAGE_SENT_CLIENT_SIDE"
BY_CONSENT = "FILTERED_BY_END_USER_CONSENT"
BY_INTEGRATIONS = "FILTERED_BY_INTEGRATIONS_OBJECT"
_IN_RECORD = frozenset({"type", "event", "messageId", "userId", "anonymousId"})
"""Fields of an event that its record has beside the body."""


class _Wishes(Struct):
    """The parts of an event that say where it goes, and what its person allows."""

    context: Any = None
    integrations: Any = None
    metadata: Any = field(name="_metadata", default=None)


_NONE = (None, None)
_decode_wishes = msgspec.json.Decoder(_Wishes).decode
_decode_event = msgspec.json.Decoder(dict[str, Any]).decode


class Filter:
    """Tells why a destination is not to get an event, and takes out of it what the destination is not to see."""

    def __init__(
        self,
        name: str,
        sources: Collection[str] | None = None,
        *,
        consent: Collection[str] = (),
        filters: DestinationFilters | None = None,
        functions: DestinationFunctions | None = None,
    ) -> None:
        """`name` is the destination's in `integrations`, case and all; `sources` None means all of them.

        `consent` are the categories that the destination is for.
        """
        self._name = name
        self._sources = None if sources is None else frozenset(sources)
        self._consent = frozenset(consent)
        self._filters = filters or DestinationFilters([])
        self._functions = functions
        self._in_record = self._filters.fields <= _IN_RECORD
        self._passes_all = self._filters.passes_all

    @classmethod
    def of(cls, name: str, workspace: Workspace, key: str) -> Self:
        """Return the filter of the destination `key` as the workspace says.

        Raises:
            FunctionError: it names a function that does not exist.
        """
        settings = workspace.destinations[key]
        filters = DestinationFilters(settings.filters, settings.trigger)
        functions = DestinationFunctions.of(workspace, key)
        return cls(name, settings.sources, consent=settings.consent, filters=filters, functions=functions)

    @property
    def changing(self) -> bool:
        """True when `prepared` may return another event than it is given."""
        return self._filters.changing or self._functions is not None

    @property
    def asks_outline(self) -> bool:
        """True when an event's outline is enough for `reason`."""
        return not self._consent and (self._passes_all or self._in_record)

    def reason(
        self, event: EventRecord, plain: dict[str, Any] | None = None, outline: Outline | None = None
    ) -> str | None:
        """Return the discard reason, or None when the event is to be sent.

        `plain` is its JSON, if that is at hand, or `outline` what is known of it where this `asks_outline`.
        """
        if event.source == canary.SOURCE:
            return CANARY
        if self._sources is not None and event.source not in self._sources:
            return SOURCE_NOT_CONNECTED
        if outline is not None:
            wishes = outline.integrations, outline.metadata
            reason = None if wishes == _NONE else self._by_wishes(event, None, *wishes)
        elif plain is None:
            reason = self._by_body(event)
        elif self._consent or "integrations" in plain or "_metadata" in plain:
            reason = self._by_wishes(event, plain.get("context"), plain.get("integrations"), plain.get("_metadata"))
        else:
            reason = None
        if reason is not None or self._passes_all:
            return reason
        return self._filters.reason(self._asked(event) if plain is None or self._in_record else plain)

    def prepared(self, event: EventRecord) -> EventRecord | End:
        """Return the event as the destination is to see it, or how it ends in a function."""
        changed = self.changed(event)
        return changed if self._functions is None else self._functions.apply(changed)

    def changed(self, event: EventRecord) -> EventRecord:
        """Return the event without what the destination is not to see."""
        if not self._filters.changing:
            return event
        before = _decode_event(event.body)
        after = self._filters.changed(before)
        if after == before:
            return event
        return with_body(event, lenient_json.dumps(after))

    def _by_body(self, event: EventRecord) -> str | None:
        """Return why the device, the person or the event's sender keep it from the destination."""
        body = event.body
        # Most events say nothing, and looking for bytes is cheaper than decoding. A key may be written with escapes.
        told = b'"integrations"' in body or b'"_metadata"' in body or b"\\u" in body
        if not told and not (self._consent and b'"consent"' in body):
            return None
        wishes = _decode_wishes(body)
        return self._by_wishes(event, wishes.context, wishes.integrations, wishes.metadata)

    def _by_wishes(self, event: EventRecord, context: Any, integrations: Any, metadata: Any) -> str | None:
        if metadata is not None and _sent_by_device(metadata, self._name):
            return SENT_CLIENT_SIDE
        # The event that reports the preferences themselves goes to everybody.
        if self._consent and event.name != CONSENT_EVENT and not consented(context, integrations, self._consent):
            return BY_CONSENT
        return None if integrations is None or wanted(integrations, self._name) else BY_INTEGRATIONS

    def _asked(self, event: EventRecord) -> dict[str, Any]:
        """Return what the filters look at; most look only at fields that need no decoding."""
        if not self._in_record:
            return _decode_event(event.body)
        return {
            "type": event.type,
            "event": event.name if event.type == "track" else None,
            "messageId": event.message_id,
            "userId": event.user_id,
            "anonymousId": event.anonymous_id,
        }


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
