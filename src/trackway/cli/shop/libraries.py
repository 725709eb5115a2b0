"""Dressing calls as the stock client libraries do: their order of fields, their nulls, their ways to write a time.

Source: recorded requests of analytics-next 1.84, analytics-kotlin, analytics-swift and analytics-python 2.4.
"""

from typing import Any

from trackway.cli.shop.calls import Call, Shop, Visitor
from trackway.cli.shop.devices import SERVER_LIBRARY, new_uuid
from trackway.events.clock_skew import format_ms

_METADATA: dict[str, list[str]] = {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []}
_SERVER_NULLS = {
    "track": (),
    "identify": (),
    "group": (),
    "alias": (),
    "page": ("name", "category"),
    "screen": ("name", "category"),
}


def browser_event(visitor: Visitor, call: Call, shop: Shop, clock_ms: int) -> dict[str, Any]:
    """Return the call as the browser library queues it; `sentAt` and `writeKey` come when it is sent."""
    device = visitor.device
    context = {"page": visitor.page(), **(device.context if device else {}), **call.context}
    if visitor.campaign:
        context["campaign"] = visitor.campaign.context
    if visitor.group_id:
        context["groupId"] = visitor.group_id
    return {
        "timestamp": format_ms(clock_ms),
        "integrations": {"Segment.io": True},
        "type": call.type,
        **call.fields,
        "context": context,
        "messageId": f"ajs-next-{clock_ms}-{shop.uuid()}",
        "userId": call.fields.get("userId", visitor.user_id),
        "anonymousId": visitor.anonymous_id,
        "_metadata": _METADATA,
    }


def app_event(visitor: Visitor, call: Call, shop: Shop, clock_ms: int) -> dict[str, Any]:
    """Return the call as the Kotlin and Swift libraries write it into their queue file."""
    device = visitor.device
    swift = device is not None and device.library == "swift"
    event: dict[str, Any] = {
        "type": call.type,
        "messageId": new_uuid(shop.ids, upper=swift),
        "timestamp": format_ms(clock_ms),
        "anonymousId": visitor.anonymous_id,
        "context": {**(device.context if device else {}), **call.context},
        "integrations": {},
        **call.fields,
        "_metadata": {"bundled": [], "unbundled": [], "bundledIds": []},
    }
    if visitor.group_id:
        event["context"]["groupId"] = visitor.group_id
    if visitor.user_id and "userId" not in event:
        event["userId"] = visitor.user_id
    return event


def server_event(visitor: Visitor, call: Call, shop: Shop, clock_ms: int) -> dict[str, Any]:
    """Return the call as the Python library queues it."""
    context: dict[str, Any] = {"library": SERVER_LIBRARY, **call.context}
    return {
        "integrations": {},
        "anonymousId": visitor.anonymous_id or None,
        "timestamp": format_ms(clock_ms).replace("Z", "+00:00"),
        "context": context,
        "userId": visitor.user_id,
        "type": call.type,
        **dict.fromkeys(_SERVER_NULLS[call.type]),
        **call.fields,
        "messageId": shop.uuid(),
    }
