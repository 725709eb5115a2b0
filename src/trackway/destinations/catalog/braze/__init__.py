"""Braze, messages to people: events, orders, users, aliases, triggered messages and catalogs by the REST API.

Source:   https://www.braze.com/docs/api/endpoints/user_data/post_user_track, …/post_user_alias, …/post_user_identify,
          …/messaging/send_messages/post_send_triggered_campaigns, …/post_send_triggered_canvases,
          …/catalogs/catalog_items/, https://www.braze.com/docs/api/errors, …/api_limits and the recommended events for
          shops; actions and field names as in Segment's open-source Braze Cloud Mode; read 2026-11-23. Braze's REST API
          has no version. Answers by …/docs/api/errors, read 2026-11-26.
Limits:   75 objects and 4 MB in a request to `/users/track`, 50 in others; 3000 such requests in 3 seconds.
Repeats:  Braze knows no repeated events: an event or purchase that is sent twice counts twice. The rest sets values.
Deletes:  people, by …/user_data/post_user_delete (read 2026-11-26); the API key needs `users.delete`.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.braze import fields, objects
from trackway.destinations.catalog.braze.answers import judge
from trackway.destinations.kit import Action, Mapping, at

NAME = "Braze Cloud Mode (Actions)"
LIMITS = kit.Limits(events=75, bytes=3_900_000, wait_s=1.0, concurrency=16)

__all__ = [
    "ACTIONS",
    "LIMITS",
    "MAPPINGS",
    "NAME",
    "Settings",
    "check",
    "delete_user",
    "judge",
    "request",
    "rows_together",
]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The workspace that gets the data."""

    api_key: kit.Secret
    """Braze: Settings > APIs and Identifiers > API Keys; with `users.track`, and what else is used."""
    app_id: str | None = None
    """Braze: Settings > APIs and Identifiers > App Identifiers; the app that events and purchases count for."""
    endpoint: str = "https://rest.iad-01.braze.com"
    """Your instance's REST endpoint, such as `https://rest.fra-02.braze.eu`."""

    def __post_init__(self) -> None:
        """Refuse an address that cannot be an instance's."""
        parts = urlsplit(self.endpoint)
        if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("endpoint must be an address like https://rest.iad-01.braze.com")


_TRACK, _PURCHASE = "An event.", "A purchase of each product, in Braze's older form."
ACTIONS = {
    "trackEvent": Action(fields=fields.EVENT, build=objects.track, about=_TRACK),
    "trackEvent2": Action(fields=fields.EVENT2, build=objects.track, about=_TRACK),
    "trackPurchase": Action(fields=fields.PURCHASE, build=objects.purchase, about=_PURCHASE),
    "trackPurchase2": Action(fields=fields.PURCHASE2, build=objects.purchase, about=_PURCHASE),
    "ecommerce": Action(fields=fields.SHOP, build=objects.shop, about="A change of a cart or an order."),
    "ecommerceSingleProduct": Action(fields=fields.SHOP_ONE, build=objects.shop_one, about="A view of a product."),
    "updateUserProfile": Action(fields=fields.USER, build=objects.user, about="Sets a user's attributes."),
    "updateUserProfile2": Action(fields=fields.USER2, build=objects.user, about="Sets a known user's attributes."),
    "createAlias": Action(fields=fields.ALIAS, build=objects.new_alias, about="Gives a user one more name."),
    "createAlias2": Action(fields=fields.ALIAS, build=objects.new_alias, about="Gives a user one more name."),
    "identifyUser": Action(fields=fields.IDENTIFY, build=objects.identify, about="Makes an alias's owner a user."),
    "identifyUser2": Action(fields=fields.IDENTIFY, build=objects.identify, about="Makes an alias's owner a user."),
    "triggerCampaign": Action(
        fields=fields.CAMPAIGN, build=objects.send("campaigns/trigger/send"), about="Sends a campaign's message."
    ),
    "triggerCanvas": Action(
        fields=fields.CANVAS, build=objects.send("canvas/trigger/send"), about="Sends people into a canvas."
    ),
    "upsertCatalogItem": Action(fields=fields.CATALOG_ITEM, build=objects.item, about="Sets an item of a catalog."),
}


def _shop(event: str, name: str, **more: Any) -> Mapping:
    return Mapping(action="ecommerce", trigger=f'event = "{event}"', fields={"name": name, **more})


_SHOPPED = (
    "Order Completed", "Checkout Started", "Order Refunded", "Order Cancelled", "Product Viewed", "Product Added",
    "Product Removed",
)  # fmt: skip
_STATUS = {"order_status_url": at("properties.order_status_url")}
_ONE = kit.listed(kit.fields(fields.line("properties.")))
MAPPINGS = {
    "track": Mapping(
        action="trackEvent", trigger=" and ".join(['type = "track"', *(f'event != "{name}"' for name in _SHOPPED)])
    ),
    "order_placed": _shop("Order Completed", fields.ORDER_PLACED, metadata=_STATUS),
    "checkout_started": _shop(
        "Checkout Started", fields.CHECKOUT_STARTED, metadata={"checkout_url": at("properties.checkout_url")}
    ),
    "order_refunded": _shop("Order Refunded", fields.ORDER_REFUNDED, metadata=_STATUS),
    "order_cancelled": _shop("Order Cancelled", fields.ORDER_CANCELLED, metadata=_STATUS),
    "product_viewed": Mapping(
        action="ecommerceSingleProduct",
        trigger='event = "Product Viewed"',
        fields={"name": fields.PRODUCT_VIEWED},
    ),
    "product_added": _shop("Product Added", fields.CART_UPDATED, action="add", products=_ONE),
    "product_removed": _shop("Product Removed", fields.CART_UPDATED, action="remove", products=_ONE),
    "identify": Mapping(action="updateUserProfile", trigger='type = "identify"'),
    # Each event and attribute costs at Braze: these are for those who want them.
    "page": Mapping(
        action="trackEvent",
        trigger='type = "page"',
        fields={"name": kit.template("Viewed {{name}} Page")},
        enabled=False,
    ),
    "screen": Mapping(
        action="trackEvent",
        trigger='type = "screen"',
        fields={"name": kit.template("Viewed {{name}} Screen")},
        enabled=False,
    ),
    "group": Mapping(
        action="updateUserProfile",
        trigger='type = "group"',
        fields={
            **dict.fromkeys(fields.PROFILE, kit.nothing()),
            "custom_attributes": {"group_id": at("groupId"), "group_name": at("traits.name")},
        },
        enabled=False,
    ),
    "alias": Mapping(
        action="identifyUser",
        trigger='type = "alias"',
        fields={
            "external_id": at("userId"),
            "user_alias": {"alias_name": at("previousId"), "alias_label": "previous_id"},
            "merge_behavior": "merge",
        },
        enabled=False,
    ),
}

_TRACKED = ("events", "attributes", "purchases")
_BY_LIST = {
    "user_aliases": "users/alias/new",
    "aliases_to_identify": "users/identify",
    "emails_to_identify": "users/identify",
}


def rows_together(settings: Settings, route: str) -> int:
    """Return how many rows share a request.

    A message goes alone, since its request names a campaign or canvas; so does an item of a catalog, since one that is
    wrong would spoil the others.
    """
    if route in _TRACKED:
        return LIMITS.events
    return 50 if route.partition(" ")[0] in _BY_LIST else 1


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return a list of objects of one kind, or a message to send."""
    route, _, more = rows[0].route.partition(" ")
    together = [row.value for row in rows]
    if route in _TRACKED:
        headers = {"X-Braze-Batch": "true"} if len(rows) > 1 else {}
        return _request(settings, "POST", "users/track", {route: together}, headers)
    if route in _BY_LIST:
        behavior = {"merge_behavior": more} if more else {}
        return _request(settings, "POST", _BY_LIST[route], {route: together} | behavior)
    if route in ("PUT", "DELETE"):
        return _request(settings, route, f"catalogs/{quote(more, safe='')}/items", {"items": together})
    return _request(settings, "POST", route, rows[0].value)


def check(settings: Settings) -> kit.Request:
    """Return an update of a user whom nobody is, and who is not to be created."""
    nobody = {"external_id": "trackway-check", "_update_existing_only": True}
    return _request(settings, "POST", "users/track", {"attributes": [nobody]})


def delete_user(settings: Settings, person: kit.Person, cache: kit.Cache) -> kit.Request:
    """Return the request that deletes a user and what is known of him, for good."""
    return _request(settings, "POST", "users/delete", {"external_ids": [person.user_id]})


def _request(
    settings: Settings, method: str, path: str, body: Any, headers: dict[str, str] | None = None
) -> kit.Request:
    return kit.Request(
        method=method,
        url=f"{settings.endpoint.rstrip('/')}/{path}",
        headers={
            "Authorization": f"Bearer {settings.api_key.reveal()}",
            "Content-Type": "application/json",
            **(headers or {}),
        },
        json=body,
        timeout_s=30,
    )
