"""Mixpanel, product analytics: events by the Import API, profiles of users and groups, identities.

Source:   https://developer.mixpanel.com/reference/import-events, …/track-event, …/profile-set, …/group-set-property,
          …/create-identity, …/identity-create-alias; property names and quirks as in Segment's open-source Mixpanel
          (Actions); read 2026-11-23. Answers by https://docs.mixpanel.com/troubleshooting/errors/400-bad-request,
          …/403-forbidden and …/reference/profile-set (200 although data was refused), read 2026-11-26.
Limits:   an import has at most 2000 events and 2 MB of JSON (10 MB by its newest pages); profile updates and
          identities go in lists of at most 2000.
Repeats:  events with the same `$insert_id`, `distinct_id`, name and time count once; the rest sets values.
Deletes:  people with their events, in the weeks after, by the GDPR API (…/reference/gdpr-api, version 3.0, read
          2026-11-26). Needs `gdpr_token`.
"""

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.mixpanel import profiles
from trackway.destinations.catalog.mixpanel.browsers import browser
from trackway.destinations.kit import Action, Field, Mapping, at, each, epoch_ms, field, first_of, merge, setting

NAME = "Mixpanel (Actions)"
LIMITS = kit.Limits(events=2000, bytes=2_000_000, wait_s=1.0, concurrency=8)

_HOSTS = {"us": "api.mixpanel.com", "eu": "api-eu.mixpanel.com", "in": "api-in.mixpanel.com"}
_APP_HOSTS = {"us": "mixpanel.com", "eu": "eu.mixpanel.com", "in": "in.mixpanel.com"}
_MOST_DELETED = 1999
_ADVERTISING_ID = first_of(at("context.device.advertisingId"), at("context.device.idfa"))
_USER_AGENT_DATA = (
    "mobile",
    "platform",
    "architecture",
    "bitness",
    "model",
    "platformVersion",
    "uaFullVersion",
    "wow64",
)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The project that gets the data, and how."""

    project_token: kit.Secret
    """Mixpanel: Project Settings > Access Keys > Project Token."""
    api_secret: kit.Secret | None = None
    """Mixpanel: Project Settings > Access Keys > API Secret; default: the project token."""
    gdpr_token: kit.Secret | None = None
    """Mixpanel: your account > Data & Privacy > OAuth token for GDPR; only for deleting people. Good for a year."""
    region: Literal["us", "eu", "in"] = "us"
    """Where Mixpanel keeps the project."""
    source_name: str | None = None
    """Sent with every event as `segment_source_name`."""
    strict: bool = True
    """Let Mixpanel check each event and say what is wrong with it."""


EVENT_FIELDS = {
    "event": Field.text(at("event"), required=True, about="The event's name."),
    "distinct_id": Field.text(first_of(at("userId"), at("anonymousId"))),
    "anonymous_id": Field.text(at("anonymousId")),
    "user_id": Field.text(at("userId")),
    "group_id": Field.text(at("context.groupId")),
    "insert_id": Field.text(at("messageId"), about="Events with the same one count once."),
    "time": Field.time(at("timestamp")),
    "app_name": Field.text(at("context.app.name")),
    "app_namespace": Field.text(at("context.app.namespace")),
    "app_build": Field.text(at("context.app.build")),
    "app_version": Field.text(at("context.app.version")),
    "app_platform": Field.text(at("context.app.platform")),
    "os_name": Field.text(at("context.os.name")),
    "os_version": Field.text(at("context.os.version")),
    "device_id": Field.text(at("context.device.id")),
    "device_type": Field.text(at("context.device.type")),
    "device_name": Field.text(at("context.device.name")),
    "device_manufacturer": Field.text(at("context.device.manufacturer")),
    "device_model": Field.text(at("context.device.model")),
    "bluetooth": Field.flag(at("context.network.bluetooth")),
    "carrier": Field.text(at("context.network.carrier")),
    "cellular": Field.flag(at("context.network.cellular")),
    "wifi": Field.flag(at("context.network.wifi")),
    "country": Field.text(at("context.location.country")),
    "region": Field.text(at("context.location.region")),
    "language": Field.text(at("context.locale")),
    "library_name": Field.text(at("context.library.name")),
    "library_version": Field.text(at("context.library.version")),
    "ip": Field.text(at("context.ip")),
    "idfa": Field.text(_ADVERTISING_ID),
    "advertising_id": Field.text(at("context.device.advertisingId")),
    "ad_tracking_enabled": Field.text(at("context.device.adTrackingEnabled")),
    "url": Field.text(at("context.page.url")),
    "referrer": Field.text(at("context.page.referrer")),
    "screen_width": Field.number(at("context.screen.width")),
    "screen_height": Field.number(at("context.screen.height")),
    "screen_density": Field.number(at("context.screen.density")),
    "userAgent": Field.text(at("context.userAgent")),
    "timezone": Field.text(at("context.timezone")),
    "name": Field.text(first_of(at("event"), at("name")), about="The name before a mapping changed it."),
    "event_properties": Field.object(at("properties")),
    "context": Field.object(at("context")),
    "utm_properties": Field.object(
        kit.fields(
            utm_source=at("context.campaign.source"),
            utm_medium=at("context.campaign.medium"),
            utm_campaign=at("context.campaign.name"),
            utm_term=at("context.campaign.term"),
            utm_content=at("context.campaign.content"),
        ),
        members={f"utm_{name}": Field.text() for name in ("source", "medium", "campaign", "term", "content")},
    ),
    "userAgentData": Field.object(
        kit.fields({name: at(f"context.userAgentData.{name}") for name in _USER_AGENT_DATA}),
        members={name: Field.flag() if name in ("mobile", "wow64") else Field.text() for name in _USER_AGENT_DATA},
    ),
}

_PRODUCT = {
    **{name: Field.text() for name in ("product_id", "sku", "category", "name", "brand", "variant")},
    "price": Field.number(),
    "quantity": Field.whole(),
    "coupon": Field.text(),
    "position": Field.number(),
    "url": Field.text(),
    "image_url": Field.text(),
}
PURCHASE_FIELDS = {
    **EVENT_FIELDS,
    "generatePurchaseEventPerProduct": Field.flag(True, about="One more event, `Product Purchased`, for each product."),
    "products": Field.items(
        each("properties.products", {name: at(name) for name in _PRODUCT}), members=_PRODUCT, others=True
    ),
}


def _library(name: str) -> str:
    return f"Segment Actions: {name}"


_BROWSER = kit.call(browser, field("userAgent"))
_PROPERTIES = merge(
    {
        "time": epoch_ms(field("time")),
        "ip": field("ip"),
        "id": field("distinct_id"),
        "$anon_id": field("anonymous_id"),
        # Mixpanel wants it always; empty means an event of nobody.
        "distinct_id": first_of(field("distinct_id"), ""),
        "$app_build_number": field("app_build"),
        "$app_version_string": field("app_version"),
        "$app_namespace": field("app_namespace"),
        "$app_name": field("app_name"),
        "$browser": kit.member(_BROWSER, "[0]"),
        "$browser_version": kit.member(_BROWSER, "[1]"),
        "$bluetooth_enabled": field("bluetooth"),
        "$cellular_enabled": field("cellular"),
        "$carrier": field("carrier"),
        "$current_url": field("url"),
        "$device": field("device_name"),
        "$device_id": field("anonymous_id"),
        "$device_type": field("device_type"),
        "$device_name": field("device_name"),
        "$group_id": field("group_id"),
        "$identified_id": field("user_id"),
        "$insert_id": field("insert_id"),
        "$ios_ifa": field("idfa"),
        "$lib_version": field("library_version"),
        "$locale": field("language"),
        "$manufacturer": field("device_manufacturer"),
        "$model": field("device_model"),
        "$os": field("os_name"),
        "$os_version": field("os_version"),
        "$referrer": field("referrer"),
        "$screen_height": field("screen_height"),
        "$screen_width": field("screen_width"),
        "$screen_density": field("screen_density"),
        "$source": kit.when(kit.equals(at("context.integration.name"), "Iterable"), "Iterable", "segment"),
        "$user_id": field("user_id"),
        "$wifi_enabled": field("wifi"),
        "mp_country_code": field("country"),
        "mp_lib": kit.call(_library, field("library_name")),
        "segment_source_name": setting("source_name"),
    },
    field("utm_properties"),
    {
        "advertising_id": field("advertising_id"),
        "ad_tracking_enabled": field("ad_tracking_enabled"),
        "timezone": field("timezone"),
        "app_platform": field("app_platform"),
        "event_original_name": field("name"),
        **{f"${name}": kit.member(field("userAgentData"), name) for name in ("mobile", "platform", "bitness")},
        **{
            f"${name}": kit.member(field("userAgentData"), name)
            for name in ("platformVersion", "uaFullVersion", "wow64")
        },
    },
    # Mixpanel's own meanings of these names are given above.
    kit.without(
        field("event_properties"), "time", "id", "$anon_id", "distinct_id", "$group_id", "$insert_id", "$user_id"
    ),
)
_EVENT = kit.row(event=field("event"), properties=_PROPERTIES)

_OF_THE_ORDER = frozenset(
    {"affiliation", "subtotal", "total", "revenue", "shipping", "tax", "discount", "coupon", "currency"}
    | {"order_number", "products"}
)


def _purchase(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return the order's row and, where asked for, one for each product: a millisecond earlier each, in order."""
    order = made["order"]
    rows = [kit.Row.of(event, order, route="import")]
    if not made.get("each"):
        return rows
    properties = {name: value for name, value in order["properties"].items() if name not in _OF_THE_ORDER}
    for number, product in enumerate(made.get("products", ())):
        own = {**properties, "$insert_id": f"{number}{properties.get('$insert_id', event.message_id)}"}
        if "time" in properties:
            own["time"] = properties["time"] - number - 1
        rows.append(kit.Row.of(event, {"event": "Product Purchased", "properties": own | product}, route="import"))
    return rows


ACTIONS = {
    "trackEvent": Action(fields=EVENT_FIELDS, row=_EVENT, route="import", about="An event."),
    "trackPurchase": Action(
        fields=PURCHASE_FIELDS,
        row=kit.row(order=_EVENT, each=field("generatePurchaseEventPerProduct"), products=field("products")),
        build=_purchase,
        about="An order: an event, and one for each product.",
    ),
    "identifyUser": Action(
        fields={
            "ip": Field.text(at("context.ip")),
            "user_id": Field.text(at("userId"), null=True),
            "anonymous_id": Field.text(at("anonymousId"), null=True),
            "traits": Field.object(at("traits")),
        },
        build=profiles.identify,
        about="Joins the device's id to the user's, and sets the user's profile.",
    ),
    "groupIdentifyUser": Action(
        fields={
            "group_key": Field.text(about="Which of the project's group keys; default: `$group_id`."),
            "group_id": Field.text(at("groupId"), required=True),
            "traits": Field.object(at("traits"), required=True),
        },
        build=profiles.group,
        about="Sets a group's profile.",
    ),
    "alias": Action(
        fields={
            "distinct_id": Field.text(at("previousId")),
            "alias": Field.text(first_of(at("userId"), at("anonymousId")), null=True),
        },
        build=profiles.alias,
        about="Makes a new id stand for an old one; for projects with the older identity management.",
    ),
}
_VIEWED = {"event": kit.template("Viewed {{name}}")}
MAPPINGS = {
    "track": Mapping(action="trackEvent", trigger='type = "track" and event != "Order Completed"'),
    "order": Mapping(action="trackPurchase", trigger='type = "track" and event = "Order Completed"'),
    "page": Mapping(action="trackEvent", trigger='type = "page"', fields=_VIEWED),
    "screen": Mapping(action="trackEvent", trigger='type = "screen"', fields=_VIEWED),
    "identify": Mapping(action="identifyUser", trigger='type = "identify"'),
    "group": Mapping(action="groupIdentifyUser", trigger='type = "group"'),
    "alias": Mapping(action="alias", trigger='type = "alias"'),
}


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return an import of events, or a form with one update or a list of them."""
    base = f"https://{_HOSTS[settings.region]}"
    route = rows[0].route
    if route == "import":
        secret = (settings.api_secret or settings.project_token).reveal()
        headers = {"Authorization": kit.basic(secret), "Content-Type": "application/json"}
        url = f"{base}/import?strict={int(settings.strict)}"
        return kit.Request(method="POST", url=url, headers=headers, body=kit.json_list(rows), timeout_s=30)
    data = bytes(rows[0].value) if len(rows) == 1 else kit.json_list(rows)
    body = kit.form({"data": data.decode()})
    return kit.Request(method="POST", url=f"{base}/{route}", headers={"Content-Type": kit.FORM}, body=body)


def delete_user(settings: Settings, person: kit.Person, cache: kit.Cache) -> kit.Request | kit.Skipped:
    """Return the request for the deletion of all that Mixpanel has under a person's ids."""
    if settings.gdpr_token is None:
        return kit.Skipped("missing_gdpr_token")
    token = quote(settings.project_token.reveal(), safe="")
    return kit.Request(
        method="POST",
        url=f"https://{_APP_HOSTS[settings.region]}/api/app/data-deletions/v3.0/?token={token}",
        headers={"Authorization": f"Bearer {settings.gdpr_token.reveal()}"},
        json={"distinct_ids": person.ids[:_MOST_DELETED], "compliance_type": "GDPR"},
        timeout_s=30,
    )


class _Failed(Struct):
    index: int
    field: str = ""
    message: str = ""


class _Import(Struct):
    """The answer to an import: with status 400 the events that are not listed got in."""

    error: str | None = None
    status: str | int = ""
    """Words; but 0 where `/track`, `/engage` and `/groups` refuse, 1 where they do not."""
    failed_records: list[_Failed] = []


def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
    """Say what became of each row: an import may refuse some events and keep the rest.

    Raises:
        Divide: one of several is wrong, and the answer does not say which.
    """
    body = response.body.strip()
    known = response.status in (200, 400) and body.startswith(b"{")
    answer = msgspec.json.decode(body, type=_Import) if known else _Import()
    if answer.failed_records:
        refused = {
            one.index: kit.Rejected("invalid_event", f"{one.field}: {one.message}".strip(": "))
            for one in answer.failed_records
        }
        return kit.per_item(refused, count=count)
    # `/track`, `/engage` and `/groups` answer 200 with a 0 when they refuse one of their rows or all.
    zero = response.status == 200 and (body == b"0" or answer.status == 0)
    if count > 1 and (zero or response.status == 400):
        raise kit.Divide
    if zero:
        return [kit.Rejected("refused", answer.error or "Mixpanel answered 0")]
    return kit.by_status(response, count=count)
