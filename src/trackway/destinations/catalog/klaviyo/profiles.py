"""Events and profiles in Klaviyo's terms, as plain data."""

from typing import Any

from trackway.destinations import kit
from trackway.destinations.catalog._addresses import is_email
from trackway.destinations.catalog.klaviyo.phones import e164

Json = dict[str, Any]
IDENTIFIERS = ("email", "phone_number", "external_id", "anonymous_id")
_LONGEST_ID = 255
_NOT_ATTRIBUTES = frozenset({"country_code", "list_id", "override_list_id"})


def _refused(profile: Json, *, email: bool = True) -> kit.Skipped | kit.Rejected | None:
    """Turn the profile's phone number into E.164; return why Klaviyo would not take its identifiers, if so."""
    country, phone = profile.pop("country_code", None), profile.pop("phone_number", None)
    if phone:
        whole = e164(phone, country)
        if whole is None:
            return kit.Rejected("invalid_field", "phone_number: must be like +4930901820, or with a country_code")
        profile["phone_number"] = whole
    if not any(profile.get(name) for name in IDENTIFIERS):
        return kit.Skipped("nobody")
    if email and "email" in profile and not is_email(profile["email"]):
        return kit.Rejected("invalid_field", "email: must be an e-mail address")
    if len(profile.get("external_id", "")) > _LONGEST_ID:
        return kit.Rejected("invalid_field", f"external_id: must have {_LONGEST_ID} characters at the most")
    return None


def _event(made: Json, name: str) -> Json:
    """Return an event's attributes; money goes with its currency, if that is one."""
    currency = made.get("value_currency", "").upper()
    told = {
        "properties": made["properties"],
        "time": kit.values.iso(made.get("time")),
        "value": made.get("value"),
        "value_currency": currency if made.get("value") is not None and kit.is_currency(currency) else None,
        "unique_id": made.get("unique_id"),
        "backfill": made.get("backfill") or None,
        "metric": {"data": {"type": "metric", "attributes": {"name": name}}},
    }
    return {key: value for key, value in told.items() if value is not None}


def _row(event: kit.Event, attributes: Json, profile: Json) -> kit.Row:
    return kit.Row.of(event, {"attributes": attributes, "profile": profile}, route="events")


def track(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return an event."""
    profile = made["profile"]
    return _refused(profile) or _row(event, _event(made, made["metric_name"]), profile)


def order(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return an order's event, and one for each product that says of the order what the product does not."""
    profile = made["profile"]
    if refusal := _refused(profile, email=False):
        return refusal
    rows = [_row(event, _event(made, made["event_name"]), profile)]
    shared = {name: value for name, value in made["properties"].items() if name != "products"}
    key = made.get("unique_id", event.message_id)
    products: list[Json] = [one for one in made.get("products", ()) if isinstance(one, dict)]
    for number, own in enumerate(products):
        told = made | {
            "properties": shared | own,
            "value": kit.product_of(own.get("price"), own.get("quantity")),
            # The same at each try, so that Klaviyo knows a product that it has got before.
            "unique_id": f"{key}-{number}",
        }
        rows.append(_row(event, _event(told, made["product_event_name"]), profile))
    return rows


def _profile(made: Json) -> Json:
    """Return a profile's attributes."""
    profile = {name: value for name, value in made.items() if name not in _NOT_ATTRIBUTES}
    if "location" in profile:
        profile["location"] = {name: _text(value) for name, value in profile["location"].items()}
    return profile


def _text(value: Any) -> str | None:
    return kit.values.spoken(value) if value is not None else None


def upsert(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return a profile, for a list if one is named."""
    profile = _profile(made)
    identifiers = {name: made[name] for name in (*IDENTIFIERS, "country_code") if name in made}
    if refusal := _refused(identifiers):
        return refusal
    list_id = made.get("override_list_id") or made.get("list_id", "")
    return kit.Row.of(event, {"type": "profile", "attributes": profile | identifiers}, route=f"profiles {list_id}")


def remove(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return the identifiers of somebody who is to leave a list, in the order in which they are looked up."""
    if refusal := _refused(made):
        return refusal
    told = {name: made[name] for name in ("external_id", "email", "phone_number") if name in made}
    return kit.Row.of(event, told, route=f"removal {made['list_id']}")


def subscribe(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return somebody's consent to messages; when it was given counts for imports of old ones only."""
    history = bool(made.get("historical_import"))
    consent: Json = {"consent": "SUBSCRIBED"}
    if history and "consented_at" in made:
        consent["consented_at"] = made["consented_at"]
    route = {"list_id": made.get("list_id", ""), "custom_source": made["custom_source"], "historical_import": history}
    return _subscription(made, event, {"email": {"marketing": consent}, "sms": {"marketing": consent}}, "create", route)


def unsubscribe(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return the end of somebody's consent to messages."""
    end = {"consent": "UNSUBSCRIBED"}
    channels = {"email": {"marketing": end}, "sms": {"marketing": end, "transactional": end}}
    return _subscription(made, event, channels, "delete", {"list_id": made.get("list_id", "")})


def _subscription(made: Json, event: kit.Event, channels: Json, kind: str, options: Json) -> kit.Rows:
    """Return a row for the channels by which the person can be reached; `options` hold for a whole job."""
    if refusal := _refused(made):
        return refusal
    reached = {"email": "email", "sms": "phone_number"}
    attributes: Json = {name: made[name] for name in reached.values() if name in made}
    attributes["subscriptions"] = {channel: channels[channel] for channel, name in reached.items() if name in made}
    value = {"type": "profile", "attributes": attributes}
    return kit.Row.of(event, value, route=f"{kind} {kit.values.encode_json(options)}")
