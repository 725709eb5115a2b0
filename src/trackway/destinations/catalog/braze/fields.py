"""Fields of Braze's actions, with Segment's names and usual sources."""

from trackway.destinations import kit
from trackway.destinations.kit import Field, at, each, first_of

SYNC_MODE = "__segment_internal_sync_mode"
"""Under this name Segment exports what to do about users that Braze does not know."""

_ALIAS = {"alias_name": Field.text(), "alias_label": Field.text()}
USER_ALIAS = Field.object(members=_ALIAS, about="A name of the user besides the external id, and what kind of name.")
EXTERNAL_ID = Field.text(at("userId"))
_UPDATE_ONLY = {"_update_existing_only": Field.flag(False, about="Leave alone users that Braze does not know.")}
_ADD_OR_UPDATE = {
    SYNC_MODE: Field.text("add", choices=("add", "update"), about="`update`: only users that Braze knows.")
}
_TIME = Field.time(first_of(at("receivedAt"), at("timestamp")), required=True, about="As with Segment: when it came.")
_EMAIL = Field.text(first_of(at("context.traits.email"), at("properties.email")))
_WHO = {
    "external_id": EXTERNAL_ID,
    "user_alias": USER_ALIAS,
    "braze_id": Field.text(at("properties.braze_id"), null=True, about="Braze's own id of the user."),
}

_EVENT = {
    **_WHO,
    "email": _EMAIL,
    "name": Field.text(at("event"), required=True),
    "time": _TIME,
    "properties": Field.object(at("properties")),
}
EVENT = _EVENT | _UPDATE_ONLY
EVENT2 = _EVENT | _ADD_OR_UPDATE

_PURCHASE = {
    **_WHO,
    "email": Field.text(at("traits.email")),
    "time": _TIME,
    "products": Field.items(
        at("properties.products"),
        required=True,
        members={
            "product_id": Field.text(),
            "currency": Field.text(about="Default: USD."),
            "price": Field.number(),
            "quantity": Field.whole(),
        },
        others=True,
    ),
    "properties": Field.object(at("properties")),
}
PURCHASE = _PURCHASE | _UPDATE_ONLY
PURCHASE2 = _PURCHASE | _ADD_OR_UPDATE

_TOKEN = {"app_id": Field.text(), "token": Field.text(), "device_id": Field.text()}
_GROUP = {
    "subscription_group_id": Field.text(),
    "subscription_state": Field.text(choices=("subscribed", "unsubscribed")),
}
_COUNTS = ("followers_count", "friends_count", "statuses_count")
PROFILE = {
    "country": Field.text(at("context.location.country"), null=True),
    "current_location": Field.object(
        kit.fields(latitude=at("context.location.latitude"), longitude=at("context.location.longitude")),
        members={"latitude": Field.number(), "longitude": Field.number()},
        null=True,
    ),
    "date_of_first_session": Field.text(null=True),
    "date_of_last_session": Field.text(null=True),
    "dob": Field.text(null=True, about="Date of birth."),
    "email": Field.text(at("traits.email"), null=True),
    "email_subscribe": Field.text(about="`opted_in`, `subscribed` or `unsubscribed`."),
    "email_open_tracking_disabled": Field.flag(),
    "email_click_tracking_disabled": Field.flag(),
    "facebook": Field.object(members={"id": Field.text(), "likes": Field.any(), "num_friends": Field.whole()}),
    "first_name": Field.text(at("traits.firstName"), null=True),
    "gender": Field.text(at("traits.gender"), null=True, about="Braze knows M, F, O(ther), N(ot applicable), P."),
    "home_city": Field.text(at("traits.address.city"), null=True),
    "image_url": Field.text(at("traits.avatar"), null=True),
    "language": Field.text(null=True),
    "last_name": Field.text(at("traits.lastName")),
    "marked_email_as_spam_at": Field.text(null=True),
    "phone": Field.text(at("traits.phone"), null=True),
    "push_subscribe": Field.text(about="`opted_in`, `subscribed` or `unsubscribed`."),
    "push_tokens": Field.items(members=_TOKEN),
    "time_zone": Field.text(about="Such as `Europe/Berlin`."),
    "twitter": Field.object(
        members={"id": Field.text(), "screen_name": Field.text(), **dict.fromkeys(_COUNTS, Field.whole())}
    ),
}
"""What Braze knows of a user under names of its own."""
_USER = {
    **_WHO,
    **PROFILE,
    "subscription_groups": Field.items(members=_GROUP),
    "custom_attributes": Field.object(at("traits")),
}
USER = _USER | _UPDATE_ONLY
USER2 = _USER | {SYNC_MODE: Field.text("update", choices=("update",))}

ORDER_PLACED, ORDER_REFUNDED = "ecommerce.order_placed", "ecommerce.order_refunded"
ORDER_CANCELLED, CHECKOUT_STARTED = "ecommerce.order_cancelled", "ecommerce.checkout_started"
CART_UPDATED, PRODUCT_VIEWED = "ecommerce.cart_updated", "ecommerce.product_viewed"


def _product_id(parent: str = "") -> kit.Expression:
    return first_of(at(f"{parent}product_id"), at(f"{parent}sku"))


def product(parent: str = "") -> dict[str, kit.Expression]:
    """Return where the members of a product come from: an item of a list, or the object at `parent`."""
    return {
        "product_id": _product_id(parent),
        "product_name": at(f"{parent}name"),
        # Braze wants one always; a product without variants is its own.
        "variant_id": first_of(at(f"{parent}variant"), at(f"{parent}sku"), at(f"{parent}product_id")),
        "image_url": at(f"{parent}image_url"),
        "product_url": at(f"{parent}url"),
        "price": kit.money(at(f"{parent}price")),
    }


def line(parent: str = "") -> dict[str, kit.Expression]:
    """Return where the members of a line of a cart or order come from, like `product`."""
    return product(parent) | {"quantity": first_of(at(f"{parent}quantity"), 1)}


PRODUCT = {
    "product_id": Field.text(),
    "product_name": Field.text(),
    "variant_id": Field.text(),
    "image_url": Field.text(),
    "product_url": Field.text(),
    "price": Field.number(),
}
LINE = PRODUCT | {"quantity": Field.number()}
_PLATFORM = kit.when(kit.filled(at("context.device.type")), kit.lower(at("context.device.type")), "web")
_SHOP = {
    "name": Field.text(
        required=True, choices=(CART_UPDATED, CHECKOUT_STARTED, ORDER_PLACED, ORDER_CANCELLED, ORDER_REFUNDED)
    ),
    "external_id": EXTERNAL_ID,
    "user_alias": USER_ALIAS,
    "email": _EMAIL,
    "phone": Field.text(first_of(at("context.traits.phone"), at("properties.phone")), null=True),
    "braze_id": Field.text(first_of(at("context.traits.braze_id"), at("properties.braze_id")), null=True),
    "cancel_reason": Field.text(at("properties.reason")),
    "time": Field.time(at("timestamp"), required=True),
    "checkout_id": Field.text(first_of(at("properties.checkout_id"), at("properties.order_id"))),
    "order_id": Field.text(at("properties.order_id")),
    "cart_id": Field.text(at("properties.cart_id")),
    "total_value": Field.number(
        first_of(
            kit.money(at("properties.total")),
            kit.money(at("properties.value")),
            kit.money(at("properties.revenue")),
            kit.order_value(at("properties.products")),
        )
    ),
    "action": Field.text(at("properties.action"), choices=("add", "remove", "replace")),
    "subtotal_value": Field.number(kit.money(at("properties.subtotal"))),
    "tax": Field.number(kit.money(at("properties.tax"))),
    "shipping": Field.number(kit.money(at("properties.shipping"))),
    "total_discounts": Field.number(kit.money(at("properties.discount"))),
    "discounts": Field.items(
        each("properties.discount_items", {"code": at("code"), "amount": at("amount")}),
        members={"code": Field.text(), "amount": Field.number()},
    ),
    "currency": Field.text(first_of(at("properties.currency"), "USD"), required=True),
    "source": Field.text(
        kit.when(kit.filled(at("properties.source")), at("properties.source"), _PLATFORM),
        required=True,
        about="Where the event comes from, such as `web`, `ios` or `android`.",
    ),
    "metadata": Field.object(about="More about the event."),
    **_ADD_OR_UPDATE,
}
SHOP = _SHOP | {
    "products": Field.items(
        each("properties.products", line()),
        members=LINE,
        others=True,
        required=True,
        about="Members that Braze does not know become the product's metadata.",
    )
}
SHOP_ONE = _SHOP | {
    "name": Field.text(required=True, choices=(PRODUCT_VIEWED,)),
    "catalog_type": Field.any(at("properties.type"), about="`price_drop`, `back_in_stock` or both."),
    "product": Field.object(kit.fields(product("properties.")), members=PRODUCT, required=True),
}

ALIAS = {
    "external_id": Field.text(null=True),
    "alias_name": Field.text(required=True),
    "alias_label": Field.text(required=True),
}
_CHOICES = ("unidentified", "most_recently_updated", "least_recently_updated")


def _priorities(choices: tuple[str, ...]) -> Field:
    members = {name: Field.text(choices=choices) for name in ("first_priority", "second_priority")}
    return Field.object(members=members, about="Which user counts where several have the address.")


IDENTIFY = {
    "external_id": Field.text(required=True),
    "user_alias": USER_ALIAS,
    "email_to_identify": Field.text(),
    "prioritization": _priorities(_CHOICES),
    "merge_behavior": Field.text(choices=("none", "merge"), about="`merge`: the alias's history becomes the user's."),
}
_RECIPIENTS = Field.items(
    each(
        at(""),
        {"external_user_id": at("userId"), "email": kit.when(kit.exists(at("userId")), None, at("traits.email"))},
    ),
    members={
        "external_user_id": Field.text(),
        "user_alias": Field.object(members=_ALIAS),
        "email": Field.text(),
        "trigger_properties": Field.object(),
        "canvas_entry_properties": Field.object(),
        "send_to_existing_only": Field.flag(),
        "attributes": Field.object(),
    },
)
_SEND = {
    "broadcast": Field.flag(about="Send to all whom the campaign or canvas is for, instead of recipients."),
    "recipients": _RECIPIENTS,
    "prioritization": _priorities(("identified", *_CHOICES)),
    "audience": Field.object(about="Which of them, in Braze's terms."),
}
CAMPAIGN = {
    "campaign_id": Field.text(required=True),
    "send_id": Field.text(),
    "trigger_properties": Field.object(at("properties")),
    "attachments": Field.items(members={"file_name": Field.text(), "url": Field.text()}),
    **_SEND,
}
CANVAS = {
    "canvas_id": Field.text(required=True),
    "canvas_entry_properties": Field.object(at("properties")),
    **_SEND,
}
CATALOG_ITEM = {
    "catalog_name": Field.text(required=True),
    "item_id": Field.text(required=True, about="At most 250 letters, digits, hyphens and underscores."),
    "item": Field.object(about="The item's fields, without its id."),
    SYNC_MODE: Field.text("upsert", choices=("upsert", "delete")),
}
