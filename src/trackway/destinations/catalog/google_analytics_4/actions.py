"""What Google Analytics can be told: its recommended events as actions, each with its parameters and rules."""

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from typing import Any

from trackway.destinations import kit
from trackway.destinations.catalog.google_analytics_4.items import (
    ORDER,
    PROMOTION_ITEM,
    SINGLE,
    first_has_currency,
    items_of,
    named,
    priced,
)
from trackway.destinations.kit import Action, Field, Rule, at, field, first_of

_APP = "Mobile App"
_MOST_PARAMETERS = 25


def _consent() -> Field:
    return Field.text(choices=("GRANTED", "DENIED"))


_WHO = Field.text(first_of(at("userId"), at("anonymousId")), about="The browser's or person's id.")
_FIRST = {
    "data_stream_type": Field.text("Web", choices=("Web", _APP)),
    "app_instance_id": Field.text(about="Firebase's id of the app on the device; needed for an app's stream."),
}
_LAST = {
    "user_id": Field.text(at("userId"), about="For reports across devices."),
    "timestamp_micros": Field.text(at("timestamp"), about="A date and time, or microseconds since 1970."),
    "user_properties": Field.object(),
    "engagement_time_msec": Field.number(1, about="Without it the person does not count as active."),
    "params": Field.object(about="More parameters: texts, numbers, true or false."),
    "ad_user_data_consent": _consent(),
    "ad_personalization_consent": _consent(),
}
_CURRENCY = Field.text(at("properties.currency"))
_VALUE = Field.number(at("properties.value"))
_TOTAL = Field.number(at("properties.total"))
_COUPON = Field.text(at("properties.coupon"))


def _micros(value: Any) -> int | float | None:
    try:
        return kit.values.as_number(value)
    except kit.values.Unfit:
        ms = kit.values.epoch_ms(value)
        return None if ms is None else ms * 1000


def _valued(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: {"value": value} for name, value in properties.items()}


def _scalars(params: Any) -> bool:
    return params is None or all(value is not None and not isinstance(value, dict | list) for value in params.values())


def _scalars_or_null(properties: Any) -> bool:
    return properties is None or not any(isinstance(value, dict | list) for value in properties.values())


def _currency_known(code: Any) -> bool:
    return code is None or kit.is_currency(code)


_VALUE_NEEDS_CURRENCY = Rule(
    kit.any_of(kit.no(kit.filled(field("value"))), kit.exists(field("currency"))), "value_without_currency"
)
_SOME_CURRENCY = Rule(
    kit.any_of(kit.exists(field("currency")), kit.holds(first_has_currency, field("items"))), "no_currency"
)


def _event(
    name: kit.Expression | str,
    fields: MappingOf[str, Field],
    *,
    who: str = "client_id",
    rules: Sequence[Rule] = (),
    about: str,
) -> Action:
    """Return the action that sends the event `name` with `fields` as its parameters."""
    checked = [Rule(kit.holds(_currency_known, field("currency")), "unknown_currency")] if "currency" in fields else []
    if "items" in fields:
        checked += [
            Rule(kit.holds(named, field("items")), "item_without_id_and_name"),
            Rule(kit.holds(priced, field("items")), "unknown_currency"),
        ]
    parameters: dict[str, kit.Expression] = {one: field(one) for one in fields if one not in ("name", "lowercase")}
    if "items" in parameters:
        parameters["items"] = first_of(field("items"), kit.const([]))
    parameters["engagement_time_msec"] = field("engagement_time_msec")
    return Action(
        fields={**_FIRST, who: _WHO, **_LAST, **fields},
        row=kit.row(stream=field("data_stream_type"), body=_body(name, parameters, who)),
        rules=[*_stream_rules(who), *checked, *rules, *_PARAMETER_RULES],
        build=_build,
        about=about,
    )


_IN_APP = kit.equals(field("data_stream_type"), _APP)
_PARAMETER_RULES = [
    Rule(kit.holds(_scalars, field("params")), "parameter_not_scalar"),
    Rule(kit.holds(_scalars_or_null, field("user_properties")), "user_property_not_scalar"),
]


def _stream_rules(who: str) -> list[Rule]:
    return [
        Rule(kit.any_of(_IN_APP, kit.exists(field(who))), "missing_client_id"),
        Rule(kit.any_of(_IN_APP, kit.filled(kit.setting("measurement_id"))), "missing_measurement_id"),
        Rule(kit.any_of(kit.no(_IN_APP), kit.exists(field("app_instance_id"))), "missing_app_instance_id"),
        Rule(kit.any_of(kit.no(_IN_APP), kit.filled(kit.setting("firebase_app_id"))), "missing_firebase_app_id"),
    ]


def _body(name: kit.Expression | str, parameters: MappingOf[str, kit.Expression], who: str) -> kit.Expression:
    consents = (kit.exists(field("ad_user_data_consent")), kit.exists(field("ad_personalization_consent")))
    consent = kit.fields(
        ad_user_data=field("ad_user_data_consent"), ad_personalization=field("ad_personalization_consent")
    )
    return kit.row(
        client_id=kit.when(_IN_APP, None, field(who)),
        app_instance_id=kit.when(_IN_APP, field("app_instance_id")),
        user_id=field("user_id"),
        events=kit.listed(kit.fields(name=name, params=kit.merge(parameters, field("params")))),
        user_properties=kit.call(_valued, field("user_properties")),
        timestamp_micros=kit.call(_micros, field("timestamp_micros")),
        consent=kit.when(kit.any_of(*consents), consent),
    )


def _build(settings: Any, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    return kit.Row.of(event, made["body"], route="app" if made.get("stream") == _APP else "web")


def _name(name: str, lowercase: bool | None) -> str:
    """Return an event's name as Google wants it, without spaces."""
    made = "".join("_" if char.isspace() else char for char in name.strip())
    return made.lower() if lowercase else made


def parameters(properties: dict[str, Any]) -> dict[str, Any]:
    """Return those properties that Google takes as an event's parameters, within its limits.

    A `session_id` that is no number would make Google think of another session than its own.
    """
    fit = {
        name: value[:100] if isinstance(value, str) else value
        for name, value in properties.items()
        if value is not None
        and not isinstance(value, dict | list)
        and len(name) <= 40
        and (name != "session_id" or str(value).isdecimal())
    }
    return dict(list(fit.items())[: _MOST_PARAMETERS - 1])


_PROMOTION = {
    "creative_name": Field.text(),
    "creative_slot": Field.text(at("properties.creative")),
    "location_id": Field.text(at("properties.position")),
    "promotion_id": Field.text(at("properties.promotion_id")),
    "promotion_name": Field.text(at("properties.name")),
}
_PRICED = {"currency": _CURRENCY, "value": _VALUE}
_STRICT = (_VALUE_NEEDS_CURRENCY, _SOME_CURRENCY)
ACTIONS = {
    "purchase": _event(
        "purchase",
        {
            "affiliation": Field.text(at("properties.affiliation")),
            "coupon": _COUPON,
            "currency": Field.text(at("properties.currency"), required=True),
            "items": items_of(ORDER),
            "transaction_id": Field.text(at("properties.order_id"), required=True),
            "shipping": Field.number(at("properties.shipping")),
            "tax": Field.number(at("properties.tax")),
            "value": _TOTAL,
        },
        about="An order was completed.",
    ),
    "refund": _event(
        "refund",
        {
            "currency": _CURRENCY,
            "transaction_id": Field.text(at("properties.order_id"), required=True),
            "value": _TOTAL,
            "affiliation": Field.text(at("properties.affiliation")),
            "coupon": Field.text(),
            "shipping": Field.number(at("properties.shipping")),
            "tax": Field.number(),
            "items": items_of(ORDER, required=False),
        },
        rules=_STRICT,
        about="An order was given back, wholly or in part.",
    ),
    "addToCart": _event("add_to_cart", _PRICED | {"items": items_of(SINGLE)}, about="Put into the cart."),
    "removeFromCart": _event(
        "remove_from_cart",
        _PRICED | {"items": items_of(SINGLE)},
        rules=_STRICT,
        about="Taken out of the cart.",
    ),
    "addToWishlist": _event(
        "add_to_wishlist",
        _PRICED | {"items": items_of(SINGLE)},
        rules=_STRICT,
        about="Put on the wish list.",
    ),
    "viewItem": _event("view_item", _PRICED | {"items": items_of(SINGLE)}, about="A product was looked at."),
    "viewCart": _event(
        "view_cart", _PRICED | {"items": items_of(ORDER)}, rules=_STRICT, about="The cart was looked at."
    ),
    "beginCheckout": _event(
        "begin_checkout",
        {"coupon": _COUPON, **_PRICED, "items": items_of(ORDER)},
        about="The checkout began.",
    ),
    "addPaymentInfo": _event(
        "add_payment_info",
        {
            **_PRICED,
            "coupon": Field.text(),
            "payment_type": Field.text(at("properties.payment_method")),
            "items": items_of(ORDER),
        },
        rules=[Rule(kit.filled(field("items")), "no_items"), *_STRICT],
        about="How to pay was chosen.",
    ),
    "selectItem": _event(
        "select_item",
        {"item_list_name": Field.text(), "item_list_id": Field.text(), "items": items_of(SINGLE)},
        about="A product was chosen in a list.",
    ),
    "viewItemList": _event(
        "view_item_list",
        {
            "item_list_id": Field.text(at("properties.list_id")),
            "item_list_name": Field.text(at("properties.category")),
            "items": items_of(ORDER),
        },
        about="A list of products was looked at.",
    ),
    "viewPromotion": _event(
        "view_promotion",
        _PROMOTION | {"items": items_of(SINGLE, members=PROMOTION_ITEM)},
        about="A promotion was shown.",
    ),
    "selectPromotion": _event(
        "select_promotion",
        _PROMOTION | {"items": items_of(SINGLE, members=PROMOTION_ITEM, required=False)},
        about="A promotion was chosen.",
    ),
    "search": _event(
        "search", {"search_term": Field.text(at("properties.query"), required=True)}, about="Something was looked for."
    ),
    "signUp": _event("sign_up", {"method": Field.text(at("properties.type"))}, about="Somebody signed up."),
    "login": _event("login", {"method": Field.text(at("properties.method"))}, about="Somebody logged in."),
    "generateLead": _event("generate_lead", _PRICED, rules=[_VALUE_NEEDS_CURRENCY], about="Somebody showed interest."),
    "pageView": _event(
        "page_view",
        {
            "page_location": Field.text(at("context.page.url")),
            "page_referrer": Field.text(at("context.page.referrer")),
            "page_title": Field.text(at("context.page.title")),
        },
        who="clientId",
        about="A page was looked at.",
    ),
    "customEvent": _event(
        kit.call(_name, field("name"), field("lowercase")),
        {"name": Field.text(at("event"), required=True), "lowercase": Field.flag(False)},
        who="clientId",
        about="Any other event, under its own name.",
    ),
}
