"""What goes wrong in real data: calls that will be refused, and names that an old app spells its own way."""

from random import Random
from typing import Any, NamedTuple

from trackway.cli.shop.calls import Call, Channel

INVALID = 0.005
"""Share of calls that the collector has to refuse."""
OLD_APP = 0.06
"""Share of phones with an app from before the naming rules."""
_OLD_NAMES = {
    "Product Viewed": "Viewed Product",
    "Product Added": "product_added",
    "Product Clicked": "productClicked",
    "Cart Viewed": "cart viewed",
}


class Fault(NamedTuple):
    """A mistake in a client's code."""

    call: Call
    spoil: dict[str, Any]
    """Top-level fields of the dressed call that are put in place of its own."""
    reason: str
    """With which the collector refuses it."""


def invalid_call(dice: Random, channel: Channel) -> Fault:
    """Return a call that will be refused, such as are made on this channel."""
    return dice.choice(_FAULTS[channel])


def old_names(call: Call) -> Call:
    """Return the call as the old app makes it; orders are spelled right even there."""
    name = call.fields.get("event", "")
    if name not in _OLD_NAMES:
        return call
    properties = dict(call.fields["properties"])
    if "product_id" in properties:
        properties["productId"] = properties.pop("product_id")
    if "price" in properties:
        properties["price"] = f"{properties['price']:.2f}"
    fields = {"event": _OLD_NAMES[name], "properties": properties}
    return Call(call.type, fields, call.pause_s, call.by_server, call.context, call.age_ms)


def _call(event: str) -> Call:
    return Call("track", {"event": event, "properties": {"component": "footer"}})


_FAULTS: dict[Channel, tuple[Fault, ...]] = {
    "web": (
        Fault(_call("Consent Banner Closed"), {"userId": None, "anonymousId": None}, "no_user_anon_id"),
        Fault(_call("Link Clicked"), {"event": None}, "event_not_defined"),
        Fault(_call("Link Clicked"), {"event": ""}, "event_not_defined"),
    ),
    "app": (
        Fault(_call("Sensor Read"), {"properties": ["tilt", 12]}, "properties_not_object"),
        Fault(_call("Sensor Read"), {"event": 4711}, "event_not_string"),
    ),
    "server": (
        Fault(Call("group", {"groupId": "x", "traits": {}}), {"groupId": None}, "group_id_required"),
        Fault(Call("identify", {"traits": {}}), {"traits": "vip"}, "traits_not_object"),
        Fault(_call("Stock Counted"), {"userId": None, "anonymousId": None}, "no_user_anon_id"),
    ),
}
