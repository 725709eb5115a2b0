"""Meta (Facebook) Conversions API: purchases and other events of sites, apps and shops, with hashed identities.

Source:   https://developers.facebook.com/docs/marketing-api/conversions-api/using-the-api and …/parameters; actions
          and field names as in Segment's open-source Facebook Conversions API (Actions), read 2026-11-23; …/app-events
          and …/parameters/app-data, …/graph-api/changelog (26.0 is the newest), …/graph-api/guides/error-handling and
          …/graph-api/overview/rate-limiting, read 2026-11-26.
Limits:   1000 events a request; no event older than 7 days.
Repeats:  Meta counts events with the same `event_name` and `event_id` once within 48 hours.
Deletes:  nobody: Meta has no request for what came by the Conversions API; see its Data Deletion in Events Manager.
"""

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from typing import Annotated, Any, cast

from msgspec import Meta, Struct

from trackway.destinations import kit
from trackway.destinations.catalog.facebook_conversions_api import answers, people
from trackway.destinations.kit import Action, Field, Mapping, Rule, at, each, field, first_of

NAME = "Facebook Conversions API (Actions)"
LIMITS = kit.Limits(events=1000, bytes=2_000_000, wait_s=2.0, concurrency=8)

SOURCES = ("email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "other")


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pixel or dataset that gets the events."""

    pixel_id: Annotated[str, Meta(pattern=r"^\d+$")]
    """Meta Events Manager: the id of the pixel, or of a dataset."""
    access_token: kit.Secret
    """Events Manager > Settings > Conversions API > Generate access token."""
    test_event_code: str = ""
    """Shows events under Test Events; leave it empty for real ones."""
    api_version: Annotated[str, Meta(pattern=r"^\d+\.\d+$")] = "26.0"
    """Of Meta's Graph API."""


_USER_DATA = {
    "externalId": first_of(at("userId"), at("anonymousId")),
    "email": at("context.traits.email"),
    "phone": at("context.traits.phone"),
    "dateOfBirth": kit.call(people.birthday, at("context.traits.birthday")),
    "lastName": at("context.traits.lastName"),
    "firstName": at("context.traits.firstName"),
    "city": at("context.traits.address.city"),
    "state": at("context.traits.address.state"),
    "zip": at("context.traits.address.postalCode"),
    "client_ip_address": at("context.ip"),
    "client_user_agent": at("context.userAgent"),
    "fbc": at("properties.fbc"),
    "fbp": at("properties.fbp"),
}
_USER_TEXTS = (
    "email", "phone", "gender", "dateOfBirth", "lastName", "firstName", "city", "state", "zip", "country",
    "client_ip_address", "client_user_agent", "fbc", "fbp", "subscriptionID", "anonId", "madId", "partner_id",
    "partner_name", "ctwa_clid",
)  # fmt: skip
_APP_VERSIONS = {"android": "a2", "ios": "i2", "ipados": "i2"}
"""The form of an app's `extinfo`, by the system that the app runs on; Meta knows no others."""


def _app_version(context: Any) -> str | None:
    """Return the form of `extinfo` for an event that an app on a phone sent, None for any other event."""
    told = cast("dict[str, Any]", context) if isinstance(context, dict) else {}
    # A page in a phone's browser has the phone's system too, but neither a device nor an app.
    for group, name in (("device", "type"), ("os", "name")):
        value = told.get(group)
        found = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
        if isinstance(found, str) and found.lower() in _APP_VERSIONS and ("device" in told or "app" in told):
            return _APP_VERSIONS[found.lower()]
    return None


def _from_app(context: Any) -> bool:
    return _app_version(context) is not None


_IS_APP = kit.holds(_from_app, at("context"))
_APP_DATA = {
    "use_app_data": kit.when(_IS_APP, True),
    "version": kit.call(_app_version, at("context")),
    # Both say whether the person lets this app track them: iOS asks once for it.
    "advertiser_tracking_enabled": at("context.device.adTrackingEnabled"),
    "application_tracking_enabled": at("context.device.adTrackingEnabled"),
    "packageName": at("context.app.namespace"),
    "longVersion": at("context.app.version"),
    "osVersion": at("context.os.version"),
    "deviceName": at("context.device.model"),
    "locale": at("context.locale"),
    "carrier": at("context.network.carrier"),
    "width": at("context.screen.width"),
    "height": at("context.screen.height"),
    "density": at("context.screen.density"),
    "deviceTimezone": at("context.timezone"),
    "madId": first_of(at("context.madId"), at("context.device.advertisingId")),
}
_EXTINFO = (
    "version", "packageName", "shortVersion", "longVersion", "osVersion", "deviceName", "locale", "timezone", "carrier",
    "width", "height", "density", "cpuCores", "storageSize", "freeStorage", "deviceTimezone",
)  # fmt: skip
_CONTENT = {
    "id": Field.text(),
    "quantity": Field.whole(),
    "item_price": Field.number(),
    "delivery_category": Field.text(),
}
_PRODUCT = {"id": at("product_id"), "quantity": at("quantity"), "item_price": at("price")}

COMMON = {
    "action_source": Field.text(
        kit.when(_IS_APP, "app", "website"),
        required=True,
        choices=SOURCES,
        about="Where it happened: in an app, if it comes from a device with iOS or Android.",
    ),
    "event_time": Field.text(at("timestamp"), required=True, about="ISO 8601, or seconds since 1970."),
    "user_data": Field.object(
        kit.fields(_USER_DATA),
        required=True,
        members={
            "externalId": Field.texts(),
            **{name: Field.text() for name in _USER_TEXTS},
            "leadID": Field.whole(),
            "fbLoginID": Field.whole(),
        },
        about="Who did it; hashed before it is sent, unless it is hashed already.",
    ),
    "app_data_field": Field.object(
        kit.fields(_APP_DATA),
        members={
            **{name: Field.text() for name in (*_EXTINFO, "madId")},
            **{
                name: Field.flag()
                for name in ("use_app_data", "advertiser_tracking_enabled", "application_tracking_enabled")
            },
        },
        about="About the app; sent only with use_app_data, which events of an app have.",
    ),
    "event_id": Field.text(at("messageId"), about="Events with the same one count once."),
    "event_source_url": Field.text(at("context.page.url")),
    "custom_data": Field.object(about="More members of the event's custom data."),
    "data_processing_options": Field.flag(about="Limited Data Use."),
    "data_processing_options_country": Field.number(choices=(0, 1)),
    "data_processing_options_state": Field.number(choices=(0, *range(1000, 1011))),
    "test_event_code": Field.text(),
}


def _app_data(app: dict[str, Any]) -> dict[str, Any] | None:
    if not app.get("use_app_data"):
        return None
    made: dict[str, Any] = {
        "advertiser_tracking_enabled": int(bool(app.get("advertiser_tracking_enabled"))),
        "application_tracking_enabled": int(bool(app.get("application_tracking_enabled"))),
        "extinfo": [app.get(name, "") for name in _EXTINFO],
    }
    return made | ({"madid": app["madId"]} if "madId" in app else {})


def _has_ids(contents: Any) -> bool:
    return contents is None or all(one.get("id") for one in contents)


def _delivered_somehow(contents: Any) -> bool:
    known = (None, "", "in_store", "curbside", "home_delivery")
    return contents is None or all(one.get("delivery_category") in known for one in contents)


def _currency_fits(currency: Any) -> bool:
    return currency is None or (kit.is_currency(currency) and currency.isupper())


def _event(
    name: str | kit.Expression,
    custom: MappingOf[str, Field] | None,
    more: MappingOf[str, Field] | None = None,
    *,
    needs_agent: bool = True,
    about: str,
) -> Action:
    """Return the action for an event; the fields `custom` go into its custom data (None: it has no such data)."""
    limited = kit.filled(field("data_processing_options"))
    members: dict[str, Any] = {
        "event_name": name,
        "event_time": field("event_time"),
        "action_source": field("action_source"),
        "event_source_url": field("event_source_url"),
        "event_id": field("event_id"),
        "user_data": kit.call(people.user_data, field("user_data")),
        "app_data": kit.call(_app_data, field("app_data_field")),
        "data_processing_options": kit.when(limited, kit.const(["LDU"])),
        "data_processing_options_country": kit.when(limited, first_of(field("data_processing_options_country"), 0)),
        "data_processing_options_state": kit.when(limited, first_of(field("data_processing_options_state"), 0)),
    }
    if custom is not None:
        own = {one: _full(one, custom[one]) for one in custom}
        members["custom_data"] = kit.merge(field("custom_data"), own) if own else field("custom_data")
    rules: list[Rule] = []
    if custom and "contents" in custom:
        rules = [
            Rule(kit.holds(_currency_fits, field("currency")), "unknown_currency"),
            Rule(kit.holds(_has_ids, field("contents")), "content_without_id"),
            Rule(kit.holds(_delivered_somehow, field("contents")), "unknown_delivery_category"),
        ]
    if needs_agent:
        website = kit.equals(field("action_source"), "website")
        agent = kit.exists(kit.member(field("user_data"), "client_user_agent"))
        rules.append(Rule(kit.any_of(kit.no(website), agent), "missing_client_user_agent"))
    row = kit.row(event=kit.row(members), test=field("test_event_code"))
    return Action(
        fields=COMMON | dict(more or {}) | dict(custom or {}), row=row, rules=rules, build=_build, about=about
    )


def _full(name: str, one: Field) -> kit.Expression:
    """Return a field's value; an empty list of texts counts as absent."""
    return kit.when(kit.filled(field(name)), field(name)) if one.kind == "texts" else field(name)


def _build(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    return kit.Row.of(event, made["event"], route=made.get("test") or settings.test_event_code)


def _contents(source: kit.Expression) -> Field:
    return Field.items(source, members=_CONTENT)


_CURRENCY = Field.text(at("properties.currency"))
_ORDER = _contents(each("properties.products", _PRODUCT))
_SINGLE = _contents(each("properties", _PRODUCT))
_REVENUE = Field.number(at("properties.revenue"))
_PRICE = Field.number(at("properties.price"))
_IDS, _TEXT = Field.texts(), Field.text()
ACTIONS = {
    "purchase": _event(
        "Purchase",
        {
            "currency": Field.text(at("properties.currency"), required=True),
            "value": Field.number(at("properties.revenue"), required=True),
            "net_revenue": Field.number(),
            "content_ids": _IDS,
            "content_name": _TEXT,
            "content_type": _TEXT,
            "contents": _ORDER,
            "num_items": Field.whole(),
        },
        about="An order was completed.",
    ),
    "initiateCheckout": _event(
        "InitiateCheckout",
        {
            "currency": _CURRENCY,
            "value": _REVENUE,
            "content_ids": _IDS,
            "contents": _ORDER,
            "num_items": Field.whole(),
            "content_category": _TEXT,
        },
        about="The checkout began.",
    ),
    "addToCart": _event(
        "AddToCart",
        {
            "currency": _CURRENCY,
            "value": _PRICE,
            "content_ids": _IDS,
            "content_name": _TEXT,
            "content_type": _TEXT,
            "contents": _SINGLE,
        },
        about="Put into the cart.",
    ),
    "viewContent": _event(
        "ViewContent",
        {
            "currency": _CURRENCY,
            "value": _PRICE,
            "content_ids": Field.texts(at("properties.product_id")),
            "content_name": _TEXT,
            "content_type": _TEXT,
            "contents": _SINGLE,
            "content_category": _TEXT,
        },
        about="A product was looked at.",
    ),
    "search": _event(
        "Search",
        {
            "currency": _CURRENCY,
            "value": Field.number(),
            "content_ids": _IDS,
            "contents": _SINGLE,
            "content_category": _TEXT,
            "search_string": Field.text(at("properties.query")),
        },
        about="Something was looked for.",
    ),
    "pageView": _event("PageView", None, about="A page was looked at."),
    "custom": _event(
        field("event_name"),
        {},
        {"event_name": Field.text(at("event"), required=True, about="One of Meta's standard events, or your own.")},
        needs_agent=False,
        about="Any other event.",
    ),
}


def _track(action: str, name: str, **fields: Any) -> Mapping:
    return Mapping(action=action, trigger=f"type = 'track' and event = '{name}'", fields=fields)


_LINES = kit.order_value(at("properties.products"))
MAPPINGS = {
    "purchase": _track(
        "purchase",
        "Order Completed",
        value=first_of(kit.money(at("properties.revenue")), kit.money(at("properties.total")), _LINES),
        content_type="product",
        custom_data=kit.fields(order_id=at("properties.order_id")),
    ),
    "checkout": _track(
        "initiateCheckout",
        "Checkout Started",
        value=first_of(kit.money(at("properties.revenue")), kit.money(at("properties.value")), _LINES),
    ),
    # Meta matches products with a catalogue by their type and ids.
    "add_to_cart": _track("addToCart", "Product Added", content_type="product", content_name=at("properties.name")),
    "view": _track("viewContent", "Product Viewed", content_type="product", content_name=at("properties.name")),
    # A search shows no product of its own.
    "search": _track("search", "Products Searched", contents=kit.nothing()),
    "page": Mapping(action="pageView", trigger="type = 'page'"),
    "sign_up": _track("custom", "Signed Up", event_name="CompleteRegistration"),
    "wishlist": _track("custom", "Product Added to Wishlist", event_name="AddToWishlist"),
    "payment": _track("custom", "Payment Info Entered", event_name="AddPaymentInfo"),
}


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return the request with all rows as its events."""
    body: dict[str, Any] = {"data": [row.value for row in rows]}
    if rows[0].route:
        body["test_event_code"] = rows[0].route
    return kit.Request(
        method="POST",
        url=f"https://graph.facebook.com/v{settings.api_version}/{settings.pixel_id}/events",
        headers={"Authorization": f"Bearer {settings.access_token.reveal()}"},
        json=body,
        timeout_s=30,
    )


def check(settings: Settings) -> kit.Request:
    """Return a look at the pixel's name."""
    url = f"https://graph.facebook.com/v{settings.api_version}/{settings.pixel_id}?fields=name"
    return kit.Request(
        method="GET", url=url, headers={"Authorization": f"Bearer {settings.access_token.reveal()}"}, body=b""
    )


judge = answers.judge
