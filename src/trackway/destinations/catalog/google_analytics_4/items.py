"""Products as the items of Google's ecommerce events.

Source: the `items` parameters in Google's reference of recommended events, read 2026-11-23.
"""

from collections.abc import Mapping as MappingOf
from typing import Any

from trackway.destinations import kit
from trackway.destinations.kit import Field, at, each

_ITEM_TEXTS = (
    "item_id", "item_name", "affiliation", "coupon", "currency", "item_brand", "item_category", "item_category2",
    "item_category3", "item_category4", "item_category5", "item_list_id", "item_list_name", "item_variant",
    "location_id",
)  # fmt: skip
_ITEM = {
    **{name: Field.text() for name in _ITEM_TEXTS},
    "discount": Field.number(),
    "index": Field.number(),
    "price": Field.number(),
    "quantity": Field.whole(),
}
PROMOTION_ITEM = _ITEM | {
    name: Field.text() for name in ("creative_name", "creative_slot", "promotion_name", "promotion_id")
}
_PRODUCT = {
    "item_id": at("product_id"),
    "item_name": at("name"),
    "affiliation": at("affiliation"),
    "coupon": at("coupon"),
    "item_brand": at("brand"),
    "item_category": at("category"),
    "item_variant": at("variant"),
    "price": at("price"),
    "quantity": at("quantity"),
}
ORDER = each("properties.products", _PRODUCT | {"index": at("position")})
SINGLE = each("properties", _PRODUCT)


def items_of(source: kit.Expression, *, members: MappingOf[str, Field] = _ITEM, required: bool = True) -> Field:
    """Return the field of an event's items, taken from `source`."""
    return Field.items(source, members=members, others=True, required=required)


def named(items: Any) -> bool:
    """Say whether every item has an id or a name, as Google wants."""
    return items is None or all("item_id" in one or "item_name" in one for one in items)


def priced(items: Any) -> bool:
    """Say whether the currencies that items name are ones."""
    return items is None or all(kit.is_currency(one["currency"]) for one in items if one.get("currency"))


def first_has_currency(items: Any) -> bool:
    """Say whether the first item names a currency."""
    return bool(items) and bool(items[0].get("currency"))
