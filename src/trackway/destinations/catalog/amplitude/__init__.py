"""Amplitude, product analytics: events by the HTTP V2 or Batch API, users, groups, merged users.

Source:   https://amplitude.com/docs/apis/analytics/http-v2, …/batch-event-upload, …/identify, …/group-identify,
          …/user-mapping; field names and quirks as in Segment's open-source Actions Amplitude; read 2026-11-23. Answers
          by …/http-v2 (400, 429), …/http-api-batching-retries and Amplitude's SDKs, read 2026-11-26.
Limits:   HTTP V2 takes 2000 events and 1 MB in a request, Batch 2000 and 20 MB; identifications go in lists.
Repeats:  an event with an `insert_id` that was seen in the last 7 days is ignored; the rest sets values.
Deletes:  people, by the User Privacy API (…/analytics/user-privacy, read 2026-11-26): within 30 days, of this project.
          Needs `secret_key`.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.amplitude import fields, user_agent
from trackway.destinations.kit import Action, Field, Mapping, at

NAME = "Actions Amplitude"
LIMITS = kit.Limits(events=1000, bytes=900_000, wait_s=1.0, concurrency=8)

_HOSTS = {"us": "api2.amplitude.com", "eu": "api.eu.amplitude.com"}
_PATHS = {"httpapi": "2/httpapi", "batch": "batch", "group_members": "identify"}
_THROTTLED_S = 30.0
"""Amplitude's advice for a 429 without a Retry-After."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The project that gets the data."""

    api_key: kit.Secret
    """Amplitude: Settings > Projects > your project > API Key."""
    secret_key: kit.Secret | None = None
    """Beside the API key; only for deleting users and for checking the keys."""
    region: Literal["us", "eu"] = "us"


def _session(value: Any) -> int | float | None:
    """Return when a session began in epoch milliseconds; a number is that already."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int | float) else kit.values.epoch_ms(value)


_OF_PAGES = {"analytics.js", "@trackway/browser"}


def _platform(made: dict[str, Any]) -> dict[str, Any]:
    platform = made.get("platform")
    if platform is None:
        return {"platform": "Web"} if made.get("library") in _OF_PAGES else {}
    for name in ("iOS", "Android"):
        start = platform.lower().find(name.lower())
        if start >= 0:
            platform = platform[:start] + name + platform[start + len(name) :]
    return {"platform": platform}


def _told_by_user_agent(made: dict[str, Any]) -> dict[str, Any]:
    agent = made.get("userAgent")
    if agent is None:
        return {}
    told = user_agent.parse(agent, made.get("userAgentData")) if made.get("userAgentParsing") else {}
    return told | {"user_agent": agent} if made.get("includeRawUserAgent") else told


def _over(told: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
    """Return an event's own members laid over what its user agent told; what neither knows is left out."""
    return {name: value for name, value in (told | members).items() if value is not None or name in members}


def _library(made: dict[str, Any]) -> str | None:
    wanted = made.get("library2", {})
    return wanted.get("mapping") if wanted.get("behavior") == "use_mapping" else "segment"


def _common(made: dict[str, Any]) -> dict[str, Any]:
    """Return the members of an event that are the same for all that it becomes, without the library."""
    members = {name: value for name, value in made.items() if name not in fields.NOT_SENT}
    members |= _platform(made)
    if (time_ms := kit.values.epoch_ms(made.get("time"))) is not None:
        members["time"] = time_ms
    if (session := _session(made.get("session_id"))) is not None:
        members["session_id"] = session
    return members


def _route(made: dict[str, Any]) -> str:
    length = made.get("min_id_length") or 0
    path = "batch" if made.get("use_batch_endpoint") else "httpapi"
    return f"{path} {length}" if length > 0 else path


def _named(made: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
    library = _library(made)
    return members if library is None else members | {"library": library}


def _track(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    members = _common(made)
    for name, source in (("$setOnce", "setOnce"), ("$set", "setAlways"), ("$add", "add")):
        if any(value != "" for value in made.get(source, {}).values()):
            members["user_properties"] = members.get("user_properties", {}) | {name: made[source]}
    return kit.Row.of(event, _named(made, _over(_told_by_user_agent(made), members)), route=_route(made))


def _revenue(of: dict[str, Any]) -> dict[str, Any]:
    """Return the revenue of an order or a product: price × quantity if both are known."""
    price, quantity = of.get("price"), of.get("quantity")
    revenue = kit.product_of(price, quantity) if price is not None and quantity is not None else of.get("revenue")
    if not revenue:
        return {}
    told = {"revenue": revenue, "revenueType": of.get("revenueType", "Purchase"), "quantity": quantity, "price": price}
    told["productId"] = of.get("productId")
    return {name: value for name, value in told.items() if value is not None}


def _purchase(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return a row for the order and one for each product."""
    members = _common(made)
    products: list[dict[str, Any]] = members.pop("products", [])
    by_product = made.get("trackRevenuePerProduct")
    if made.get("utm_properties") or made.get("referrer"):
        members["user_properties"] = _merged(_attribution(made), members.get("user_properties", {}))
    whole = _over(_told_by_user_agent(made), members)
    if not (products and by_product):
        whole |= _revenue(made)
    rows = [kit.Row.of(event, _named(made, whole), route=_route(made))]
    for number, product in enumerate(products, 2):
        one = members | (_revenue(product) if by_product else {})
        one |= {"event_properties": product, "event_type": "Product Purchased"}
        if "insert_id" in members:
            one["insert_id"] = f"{members['insert_id']}-{number}"
        rows.append(kit.Row.of(event, _named(made, one), route=_route(made)))
    return rows


def _attribution(made: dict[str, Any]) -> dict[str, Any]:
    """Return how the user came, as user properties: the latest, and the first."""
    referrer = made.get("referrer")
    utm: dict[str, Any] = made.get("utm_properties", {})
    latest = utm | ({"referrer": referrer} if referrer else {})
    return {"$set": latest, "$setOnce": {f"initial_{name}": value for name, value in latest.items()}}


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    both = {name: {**first.get(name, {}), **second.get(name, {})} for name in ("$set", "$setOnce")}
    return first | second | {name: value for name, value in both.items() if name in first or name in second}


def _identify(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    members = {name: value for name, value in made.items() if name not in fields.NOT_SENT} | _platform(made)
    if made.get("utm_properties") or made.get("referrer"):
        known: dict[str, Any] = members.get("user_properties", {})
        own = {name: value for name, value in known.items() if name not in ("utm_properties", "referrer")}
        members["user_properties"] = _merged(own, _attribution(made))
    whole = _over(_told_by_user_agent(made), members) | {"library": "segment"}
    return kit.Row.of(event, whole, route=_form_route("identify", made))


def _group(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return the user's membership, if a user or device is known, and the group's properties."""
    group = {made["group_type"]: made["group_value"]}
    rows: list[kit.Row] = []
    if made.get("user_id") or made.get("device_id"):
        member = {
            "device_id": made.get("device_id"),
            "groups": group,
            "insert_id": made.get("insert_id"),
            "library": "segment",
            "time": kit.values.epoch_ms(made.get("time")),
            "user_id": made.get("user_id"),
            "user_properties": group,
        }
        member = {name: value for name, value in member.items() if value is not None}
        rows.append(kit.Row.of(event, member, route=_form_route("group_members", made)))
    names = ("group_properties", "group_value", "group_type")
    properties = {name: made[name] for name in names if name in made} | {"library": "segment"}
    return [*rows, kit.Row.of(event, properties, route=_form_route("groupidentify", made))]


def _map(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    return kit.Row.of(event, made, route=_form_route("usermap", made))


def _form_route(path: str, made: dict[str, Any]) -> str:
    """Return a route that has the form's options in its name, since rows with others go apart."""
    if "options" in made:
        return f"{path} {made['options']}"
    length = made.get("min_id_length") or 0
    return f"{path} {kit.values.encode_json({'min_id_length': length})}" if length > 0 else path


ACTIONS = {
    "logEventV2": Action(fields=fields.TRACK, build=_track, about="An event."),
    "logPurchase": Action(fields=fields.PURCHASE, build=_purchase, about="An order with its revenue and products."),
    "identifyUser": Action(
        fields={
            **fields.IDS,
            "user_properties": Field.object(at("traits")),
            "groups": Field.object(),
            **fields.DEVICE,
            "paying": Field.flag(),
            "start_version": Field.text(),
            "insert_id": Field.text(),
            **fields.USER_AGENT,
            **fields.REFERRER,
            **fields.OPTIONS,
            "library": fields.LIBRARY["library"],
        },
        build=_identify,
        about="Sets a user's properties.",
    ),
    "groupIdentifyUser": Action(
        fields={
            **fields.IDS,
            "insert_id": Field.text(),
            "time": Field.time(at("timestamp")),
            "group_properties": Field.object(at("traits")),
            "group_type": Field.text("company", required=True, about="What kind of group it is."),
            "group_value": Field.text(at("groupId"), required=True),
            **fields.OPTIONS,
        },
        build=_group,
        about="Puts a user into a group, and sets the group's properties.",
    ),
    "mapUser": Action(
        fields={
            "user_id": Field.text(at("previousId")),
            "global_user_id": Field.text(at("userId")),
            **fields.ID_LENGTH,
        },
        build=_map,
        about="Makes two users one.",
    ),
}
_PRODUCTS = kit.each(
    "properties.products",
    kit.merge(at("$"), kit.fields(productId=kit.first_of(at("productId"), at("product_id"), at("sku")))),
)
_ORDER_REVENUE = kit.first_of(
    kit.money(at("properties.revenue")), kit.money(at("properties.total")), kit.order_value(at("properties.products"))
)
_VIEWED = {"event_type": kit.template("Viewed {{name}}")}
MAPPINGS = {
    "track": Mapping(action="logEventV2", trigger='type = "track" and event != "Order Completed"'),
    "order": Mapping(
        action="logPurchase",
        trigger='type = "track" and event = "Order Completed"',
        fields={"products": _PRODUCTS, "revenue": _ORDER_REVENUE},
    ),
    "page": Mapping(action="logEventV2", trigger='type = "page"', fields=_VIEWED),
    "screen": Mapping(action="logEventV2", trigger='type = "screen"', fields=_VIEWED),
    "identify": Mapping(action="identifyUser", trigger='type = "identify"'),
    "alias": Mapping(action="mapUser", trigger='type = "alias"'),
    "group": Mapping(action="groupIdentifyUser", trigger='type = "group"'),
}


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return an upload of events, or a form with identifications."""
    route, _, options = rows[0].route.partition(" ")
    host = _HOSTS[settings.region]
    key = settings.api_key.reveal()
    if route in ("httpapi", "batch"):
        body: dict[str, Any] = {"api_key": key, "events": [row.value for row in rows]}
        if options:
            body["options"] = {"min_id_length": int(options)}
        return kit.Request(method="POST", url=f"https://{host}/{_PATHS[route]}", json=body, timeout_s=30)
    if route == "usermap":
        host = host.replace("api2", "api")
    alone = route == "identify" and len(rows) == 1
    what = bytes(rows[0].value) if alone else kit.json_list(rows)
    name = "mapping" if route == "usermap" else "identification"
    body = {"api_key": key, name: what.decode(), "options": options or None}
    url = f"https://{host}/{_PATHS.get(route, route)}"
    return kit.Request(method="POST", url=url, headers={"Content-Type": kit.FORM}, body=kit.form(body))


def check(settings: Settings) -> kit.Request:
    """Return a search for a user that nobody is, which needs both keys."""
    host = "analytics.eu.amplitude.com" if settings.region == "eu" else "amplitude.com"
    secret = settings.secret_key.reveal() if settings.secret_key else ""
    headers = {"Authorization": kit.basic(settings.api_key.reveal(), secret)}
    return kit.Request(method="GET", url=f"https://{host}/api/2/usersearch?user=nobody", headers=headers, body=b"")


def delete_user(settings: Settings, person: kit.Person, cache: kit.Cache) -> kit.Request | kit.Skipped:
    """Return a request for the deletion of a user; Amplitude carries it out within 30 days. Needs both keys."""
    if settings.secret_key is None:
        return kit.Skipped("missing_secret_key")
    host = "analytics.eu.amplitude.com" if settings.region == "eu" else "amplitude.com"
    headers = {"Authorization": kit.basic(settings.api_key.reveal(), settings.secret_key.reveal())}
    # Without it somebody whom Amplitude does not know would be an error.
    body = {"user_ids": [person.user_id], "requester": "trackway", "ignore_invalid_id": "True"}
    return kit.Request(method="POST", url=f"https://{host}/api/2/deletions/users", headers=headers, json=body)


class _Refusal(Struct):
    """The answer with status 400 or 429: why, and for which events; the whole request was thrown away."""

    error: str = ""
    events_with_invalid_fields: dict[str, list[int]] = {}
    events_with_missing_fields: dict[str, list[int]] = {}
    events_with_invalid_id_lengths: dict[str, list[int]] = {}
    silenced_events: list[int] = []
    """Of devices that Amplitude takes nothing from."""
    throttled_events: list[int] = []
    """Of users and devices that send too much."""

    def refused(self) -> dict[int, kit.Rejected]:
        """Return what is wrong with single events, by index from 0."""
        found = {index: kit.Rejected("silenced_device", self.error) for index in self.silenced_events}
        for what, named in (
            ("invalid_field", self.events_with_invalid_fields),
            ("missing_field", self.events_with_missing_fields),
            ("invalid_id_length", self.events_with_invalid_id_lengths),
        ):
            found |= {index: kit.Rejected(what, name) for name, indexes in named.items() for index in indexes}
        return found


def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
    """Say what became of each row: one bad event, or one busy user, makes Amplitude refuse its whole request.

    Raises:
        Apart: events of some users and devices come too fast; only these wait.
        Divide: one of several is wrong, and the answer does not say which.
    """
    told = response.status in (400, 429) and response.body.lstrip().startswith(b"{")
    answer = msgspec.json.decode(response.body, type=_Refusal) if told else _Refusal()
    if response.status == 429:
        wait_s = kit.retry_after_s(response) or _THROTTLED_S
        busy = {index for index in answer.throttled_events if 0 <= index < count}
        if 0 < len(busy) < count:
            raise kit.Apart({index: kit.Retry("throttled", wait_s) for index in busy})
        return [kit.Retry("429", wait_s)] * count
    if response.status != 400:
        return kit.by_status(response, count=count)
    if answer.error.lower().startswith("invalid api key"):
        return [kit.Rejected("401", answer.error)] * count
    refused = answer.refused()
    if not refused:
        if count > 1:
            raise kit.Divide
        return kit.by_status(response, count=count)
    # The others go again without the bad ones.
    return [refused.get(index) or kit.Retry("sent_with_bad_events", 0.0) for index in range(count)]
