"""Which of Segment's events become which of Google's."""

from trackway.destinations import kit
from trackway.destinations.catalog.google_analytics_4.actions import parameters
from trackway.destinations.kit import Mapping, at, first_of

# Without shipping and tax, as Google says; and an amount only where there is a currency.
_HAS_CURRENCY = kit.exists(at("properties.currency"))


def _worth(*names: str, of: kit.Expression) -> dict[str, kit.Expression]:
    """Return the source of an event's value: the first of the properties `names` that is there, else its products'."""
    told = [kit.money(at(f"properties.{name}")) for name in names]
    return {"value": kit.when(_HAS_CURRENCY, first_of(*told, of))}


_LINES = kit.order_value(at("properties.products"))
_ONE = _worth("value", of=kit.times(at("properties.price"), at("properties.quantity")))
_SEVERAL = _worth("value", "revenue", "subtotal", "total", of=_LINES)
_VALUES = {
    "purchase": _worth("revenue", "subtotal", "total", of=_LINES),
    "refund": _worth("total", "revenue", "value", of=_LINES),
    **dict.fromkeys(("addToCart", "removeFromCart", "addToWishlist", "viewItem"), _ONE),
    **dict.fromkeys(("viewCart", "beginCheckout", "addPaymentInfo"), _SEVERAL),
}
_EVENTS = {
    "Order Completed": "purchase",
    "Order Refunded": "refund",
    "Product Added": "addToCart",
    "Product Removed": "removeFromCart",
    "Product Added to Wishlist": "addToWishlist",
    "Product Viewed": "viewItem",
    "Product Clicked": "selectItem",
    "Product List Viewed": "viewItemList",
    "Products Searched": "search",
    "Cart Viewed": "viewCart",
    "Checkout Started": "beginCheckout",
    "Payment Info Entered": "addPaymentInfo",
    "Promotion Viewed": "viewPromotion",
    "Promotion Clicked": "selectPromotion",
    "Signed Up": "signUp",
    "Signed In": "login",
}
_VIDEO = {"Video Playback Started": "video_start", "Video Playback Completed": "video_complete"}
"""The names that Google's own measurement of videos uses."""
_VIDEO_PARAMETERS = kit.call(
    parameters,
    kit.merge(
        kit.fields(
            video_current_time=at("properties.position"),
            video_duration=at("properties.total_length"),
            video_title=at("properties.title"),
            video_provider=at("properties.video_player"),
            video_session_id=at("properties.session_id"),
        ),
        kit.without(at("properties"), "session_id"),
    ),
)
_OTHERS = ", ".join(f"'{name}'" for name in (*_EVENTS, *_VIDEO))
MAPPINGS = {
    **{
        name.lower().replace(" ", "_"): Mapping(
            action=action, trigger=f"type = 'track' and event = '{name}'", fields=_VALUES.get(action, {})
        )
        for name, action in _EVENTS.items()
    },
    **{
        name: Mapping(
            action="customEvent",
            trigger=f"type = 'track' and event = '{event}'",
            fields={"name": name, "params": _VIDEO_PARAMETERS},
        )
        for event, name in _VIDEO.items()
    },
    "page": Mapping(action="pageView", trigger="type = 'page'"),
    "screen": Mapping(
        action="customEvent",
        trigger="type = 'screen'",
        fields={
            "name": "screen_view",
            "params": kit.fields(screen_name=at("name"), app_version=at("context.app.version")),
        },
    ),
    "group": Mapping(
        action="customEvent",
        trigger="type = 'group'",
        fields={"name": "join_group", "params": kit.fields(group_id=at("groupId"))},
    ),
    "track": Mapping(
        action="customEvent",
        trigger=f"type = 'track' and !(event in [{_OTHERS}])",
        fields={"params": kit.call(parameters, at("properties"))},
    ),
}
