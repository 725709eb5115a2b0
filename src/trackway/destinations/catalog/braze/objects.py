"""Braze's objects: events, purchases, attributes of users, and what else an action becomes, as plain data."""

import re
from collections.abc import Callable
from typing import Any

from trackway.destinations import kit
from trackway.destinations.catalog._addresses import is_email, is_uri
from trackway.destinations.catalog.braze import fields
from trackway.destinations.kit.actions import Build

Json = dict[str, Any]

# Not told as attributes of one's own: they have a place elsewhere.
_NEVER_CUSTOM = frozenset(
    {*fields.PROFILE, *fields.PURCHASE, "enable_batching", "batch_size", "firstName", "lastName", "avatar"}
)
# What each item of a list must have.
_IN_LISTS = {
    "push_tokens": ("app_id", "token"),
    "subscription_groups": ("subscription_group_id", "subscription_state"),
}
_DATES = ("date_of_first_session", "date_of_last_session", "marked_email_as_spam_at")
_GENDERS = {
    **dict.fromkeys(("man", "male", "m"), "M"),
    **dict.fromkeys(("woman", "female", "w", "f"), "F"),
    **dict.fromkeys(("other", "o"), "O"),
    **dict.fromkeys(("not applicable", "n"), "N"),
    **dict.fromkeys(("prefer not to say", "p"), "P"),
}
_CURRENCIES_BESIDES = frozenset({"VED", "XAD", "XCG", "XDR", "XSU", "XUA", "ZWG"})
_ITEM_ID = re.compile(r"[A-Za-z0-9_-]{1,250}")


def _alias(made: Json) -> Json | None:
    """Return the user's alias, if it is a whole one."""
    found: Json = made.get("user_alias", {})
    return found if found.get("alias_name") and found.get("alias_label") else None


def _who(made: Json, *names: str) -> Json | None:
    """Return what identifies the user, of the fields `names`; None if nothing does."""
    ids = {name: made[name] for name in names if name in made}
    if (alias := _alias(made)) is not None:
        ids["user_alias"] = alias
    return ids if any(ids.values()) else None


def _update_only(made: Json) -> bool | None:
    if fields.SYNC_MODE in made:
        return made[fields.SYNC_MODE] == "update"
    return made.get("_update_existing_only")


def _told(**members: Any) -> Json:
    return {name: value for name, value in members.items() if value is not None}


def _base(settings: Any, made: Json, who: Json) -> Json:
    """Return what an event and a purchase have in common."""
    return who | _told(
        app_id=settings.app_id,
        time=kit.values.iso(made["time"]),
        _update_existing_only=_update_only(made),
    )


def track(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return an event."""
    who = _who(made, "braze_id", "external_id", "email")
    if who is None:
        return kit.Skipped("nobody")
    told = _told(name=made["name"], properties=made.get("properties"))
    return kit.Row.of(event, _base(settings, made, who) | told, route="events")


def purchase(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return a purchase for each product."""
    who = _who(made, "braze_id", "external_id", "email")
    if who is None:
        return kit.Skipped("nobody")
    base = _base(settings, made, who)
    of_order = {name: value for name, value in made.get("properties", {}).items() if name != "products"}
    rows: list[kit.Row] = []
    for product in made["products"]:
        if "product_id" not in product or "price" not in product:
            return kit.Rejected("invalid_field", "products: each needs product_id and price")
        own = {name: product.pop(name) for name in ("product_id", "currency", "price", "quantity") if name in product}
        whole = base | {"currency": "USD"} | own | {"properties": product | of_order}
        rows.append(kit.Row.of(event, whole, route="purchases"))
    return rows or kit.Skipped("no_products")


def user(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return a user's attributes: those that Braze knows, and all others as they are."""
    who = _who(made, "braze_id", "external_id", "email")
    if who is None:
        return kit.Skipped("nobody")
    custom = {name: value for name, value in made.get("custom_attributes", {}).items() if name not in _NEVER_CUSTOM}
    known = {name: made[name] for name in fields.PROFILE if name in made}
    for name in _DATES:
        _replace(known, name, kit.values.iso)
    _replace(known, "dob", kit.values.iso_day)
    _replace(known, "gender", _gender)
    _replace(known, "image_url", _address)
    if known.get("current_location") == {}:
        del known["current_location"]
    if groups := made.get("subscription_groups"):
        known["subscription_groups"] = groups
    for name, needed in _IN_LISTS.items():
        if any(part not in one for one in known.get(name, ()) for part in needed):
            return kit.Rejected("invalid_field", f"{name}: each needs {' and '.join(needed)}")
    whole = custom | who | known | _told(_update_existing_only=_update_only(made))
    return kit.Row.of(event, whole, route="attributes")


def _replace(members: Json, name: str, turn: Callable[[str], str | None]) -> None:
    """Turn a member that is there; a null stays, what cannot be turned goes."""
    if members.get(name) is not None:
        found = turn(members[name])
        if found is None:
            del members[name]
        else:
            members[name] = found


def _gender(word: str) -> str:
    return _GENDERS.get(word.lower(), word)


def _address(text: str) -> str | None:
    return text if is_uri(text) else None


_ORDER_SUMS = ("subtotal_value", "tax", "shipping")
_DISCOUNTS = ("total_discounts", "discounts")
# Of each event of a shop: what it needs, and what it may have.
_NEEDS = {
    fields.CART_UPDATED: ("cart_id",),
    fields.CHECKOUT_STARTED: ("checkout_id", "total_value"),
    fields.ORDER_PLACED: ("order_id", "total_value"),
    fields.ORDER_REFUNDED: ("order_id", "total_value"),
    fields.ORDER_CANCELLED: ("order_id", "total_value", "cancel_reason"),
}
_MAY_HAVE = {
    fields.CART_UPDATED: ("total_value", "action", *_ORDER_SUMS),
    fields.CHECKOUT_STARTED: ("cart_id", *_ORDER_SUMS),
    fields.ORDER_PLACED: ("cart_id", *_ORDER_SUMS, *_DISCOUNTS),
    fields.ORDER_REFUNDED: _DISCOUNTS,
    fields.ORDER_CANCELLED: (*_ORDER_SUMS, *_DISCOUNTS),
}
_OF_PRODUCT = ("product_id", "product_name", "variant_id", "price")
_OF_LINE = (*_OF_PRODUCT, "quantity")


def shop(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return one of Braze's events for shops that is about a cart or an order."""
    name: str = made["name"]
    for needed in _NEEDS[name]:
        if needed not in made:
            return kit.Skipped(f"missing_{needed}")
    if name == fields.CART_UPDATED and "total_value" not in made and made.get("action") not in ("add", "remove"):
        return kit.Skipped("missing_total_value")
    if any("code" not in one or "amount" not in one for one in made.get("discounts", ())):
        return kit.Rejected("invalid_field", "discounts: each needs code and amount")
    products: list[Json] = []
    for one in made["products"]:
        if lacking := next((part for part in _OF_LINE if part not in one), None):
            return kit.Skipped(f"missing_{lacking}")
        products.append(_line(one))
    told = {part: made[part] for part in (*_NEEDS[name], *_MAY_HAVE[name]) if part in made}
    return _shop_event(settings, made, event, {"products": products} | told)


def _line(product: Json) -> Json:
    whole = _with_addresses({name: product[name] for name in fields.LINE if name in product})
    metadata = {name: value for name, value in product.items() if name not in fields.LINE}
    return whole | ({"metadata": metadata} if metadata else {})


def shop_one(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return a view of a product."""
    product: Json = made["product"]
    if lacking := next((part for part in _OF_PRODUCT if part not in product), None):
        return kit.Skipped(f"missing_{lacking}")
    kinds = kit.values.as_list(made.get("catalog_type")) or []
    if unknown := [kind for kind in kinds if kind not in ("price_drop", "back_in_stock")]:
        return kit.Rejected("invalid_field", f"catalog_type: {unknown[0]} is unknown")
    return _shop_event(settings, made, event, _with_addresses(product) | ({"type": kinds} if kinds else {}))


def _with_addresses(product: Json) -> Json:
    """Return a product without addresses that are none."""
    for name in ("image_url", "product_url"):
        _replace(product, name, _address)
    return product


def _shop_event(settings: Any, made: Json, event: kit.Event, told: Json) -> kit.Rows:
    who = _who(made, "external_id", "braze_id", "email", "phone")
    if who is None:
        return kit.Skipped("nobody")
    if "email" in made and not is_email(made["email"]):
        return kit.Rejected("invalid_field", "email: must be an e-mail address")
    currency = made["currency"].upper()
    if not kit.is_currency(currency) and currency not in _CURRENCIES_BESIDES:
        return kit.Rejected("invalid_field", f"currency: {currency} is none")
    only = True if "user_alias" in who or _update_only(made) else None
    base = _told(
        app_id=settings.app_id, name=made["name"], time=kit.values.iso(made["time"]), _update_existing_only=only
    )
    about = {"currency": currency, "source": made["source"]} | _told(metadata=made.get("metadata"))
    ids = {name: value for name, value in who.items() if value is not None}
    return kit.Row.of(event, ids | base | {"properties": about | told}, route="events")


def new_alias(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return one more name of a user, or of somebody unknown."""
    told = {name: value for name, value in made.items() if name in fields.ALIAS and value is not None}
    return kit.Row.of(event, told, route="user_aliases")


def identify(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return that somebody known by an alias or an address is a user."""
    behavior = made.get("merge_behavior", "")
    rows: list[kit.Row] = []
    if (alias := _alias(made)) is not None:
        told = {"external_id": made["external_id"], "user_alias": alias}
        rows.append(kit.Row.of(event, told, route=f"aliases_to_identify {behavior}"))
    if "email_to_identify" in made:
        first, *more = _priorities(made) or [None]
        if first is None:
            return kit.Skipped("missing_prioritization")
        told = {"external_id": made["external_id"], "email": made["email_to_identify"]}
        told["prioritization"] = [first, *more]
        rows.append(kit.Row.of(event, told, route=f"emails_to_identify {behavior}"))
    return rows or kit.Skipped("missing_user_alias")


def _priorities(made: Json) -> list[Any]:
    told: Json = made.get("prioritization", {})
    return [told[name] for name in ("first_priority", "second_priority") if name in told]


def send(route: str) -> Build:
    """Return what makes a message that is sent because of an event."""

    def build(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
        recipients: list[Json] = [] if made.get("broadcast") else made.get("recipients", [])
        whole = {name: value for name, value in made.items() if name not in ("recipients", "prioritization")}
        if not made.get("broadcast"):
            if not any(recipients):
                return kit.Skipped("nobody")
            priorities = _priorities(made)
            more: Json = {"prioritization": priorities} if priorities else {}
            whole["recipients"] = [one | more for one in recipients]
        return kit.Row.of(event, whole, route=route)

    return build


def item(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return an item of a catalog, or its end."""
    if not _ITEM_ID.fullmatch(made["item_id"]):
        return kit.Rejected("invalid_field", "item_id: only letters, digits, hyphens and underscores, at most 250")
    method = "PUT" if made[fields.SYNC_MODE] == "upsert" else "DELETE"
    if method == "PUT" and not made.get("item"):
        return kit.Skipped("missing_item")
    told: Json = made["item"] if method == "PUT" else {}
    return kit.Row.of(event, told | {"id": made["item_id"]}, route=f"{method} {made['catalog_name']}")
