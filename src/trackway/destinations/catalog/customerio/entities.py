"""Entities: what Customer.io calls a change to a person or an object, as plain data."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from trackway.destinations import kit
from trackway.destinations.catalog._addresses import is_email
from trackway.destinations.kit import field
from trackway.destinations.kit.actions import Build

Json = dict[str, Any]

_DATE = re.compile(r"(\d{4}-\d{2})-(\d{2})(T\d{2}:\d{2}(?::\d{2})?)?(?:\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_FIRST_KIND = "1"


def date_s(text: str) -> int | None:
    """Return an ISO 8601 date, with or without a time, in seconds since 1970 (without a zone: UTC); else None."""
    # Most texts are no dates; the dashes tell cheaply.
    return _date_s(text) if text[4:5] == "-" and text[7:8] == "-" else None


@lru_cache(maxsize=1_000)
def _date_s(text: str) -> int | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    month, day, time, zone = found.groups()
    if not 1 <= int(day) <= 31:
        return None
    try:
        start = datetime.fromisoformat(f"{month}-01{time or ''}{(zone or '') if time else ''}")
    except ValueError:
        return None
    # The 30th of February is taken for the 1st or 2nd of March, as browsers do.
    moment = start + timedelta(days=int(day) - 1)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _SECOND


def with_dates_in_s(value: Json) -> Json:
    """Return an object with each date in it in seconds since 1970, in objects within it too, but not in lists."""
    made: Json = {}
    for name, member in value.items():
        if type(member) is str:
            seconds = date_s(member)
            made[name] = member if seconds is None else seconds
        else:
            made[name] = with_dates_in_s(cast("Json", member)) if type(member) is dict else member
    return made


def identifiers(person: str | None, email: str | None = None, anonymous: str | None = None) -> Json | None:
    """Return how Customer.io is to know a person: the best of what is known, or None if nothing is."""
    if person is not None:
        if person.startswith("cio_"):
            return {"cio_id": person[4:]}
        return {"email": person} if is_email(person) else {"id": person}
    if email is not None:
        return {"email": email}
    return None if anonymous is None else {"anonymous_id": anonymous}


def _object(made: Json, name: str = "object_id") -> Json:
    return {"object_id": made[name], "object_type_id": made.get("object_type_id", _FIRST_KIND)}


def _entity(kind: str, action: str, who: Json | None, made: Json, attributes: Json | None, **members: Any) -> Json:
    """Return an entity; an anonymous id stands among the attributes unless it is what identifies."""
    if attributes is not None and made.get("convert_timestamp"):
        attributes = with_dates_in_s(attributes)
    if "anonymous_id" in made:
        attributes = {**(attributes or {}), "anonymous_id": made["anonymous_id"]}
    if attributes is not None and who is not None and "anonymous_id" in who:
        attributes = {name: value for name, value in attributes.items() if name != "anonymous_id"}
    found = {
        "type": kind,
        "action": action,
        **members,
        "identifiers": who,
        "attributes": attributes,
        "timestamp": _timestamp(made.get("timestamp")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _timestamp(text: str | None) -> int | str | None:
    seconds = kit.values.epoch_s(text)
    return text if seconds is None else seconds


def _without(attributes: Json, *names: str) -> Json:
    return {name: value for name, value in attributes.items() if name not in names}


def _relationship(who: Json, attributes: Json | None) -> list[Json]:
    return [{"identifiers": who} | ({} if attributes is None else {"relationship_attributes": attributes})]


def person(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return a person, in an object if one is named."""
    who = identifiers(made.get("id"), made.get("email"), made.get("anonymous_id"))
    if who is None:
        return kit.Skipped("nobody")
    attributes = _without(
        made.get("custom_attributes", {}),
        *("created_at", "createdAt", "object_type_id", "objectTypeId", "relationshipAttributes"),
    )
    attributes |= {name: made[name] for name in ("created_at", "email") if name in made}
    related = None
    if "group_id" in made:
        related = _relationship(_object(made, "group_id"), made.get("relationship_attributes"))
    return kit.Row.of(event, _entity("person", "identify", who, made, attributes, cio_relationships=related))


def thing(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return an object, with the person in it if one is known."""
    attributes: Json | None = made.get("custom_attributes")
    if attributes is not None:
        attributes = _without(attributes, "object_type_id", "objectTypeId", "relationshipAttributes")
    related: Json | None = made.get("relationship_attributes")
    created: str | int | None = made.get("created_at")
    if made.get("convert_timestamp"):
        related = None if related is None else with_dates_in_s(related)
        created = created if created is None else with_dates_in_s({"at": created})["at"]
    who = identifiers(made.get("user_id"), anonymous=made.get("anonymous_id"))
    action = "identify_anonymous" if who is not None and "user_id" not in made else "identify"
    relationships = None if who is None else _relationship(who, related)
    more = {"cio_relationships": relationships, "created_at": created}
    return kit.Row.of(event, _entity("object", action, _object(made, "id"), made, attributes, **more))


def seen(action: str, *, name: str = "name") -> Build:
    """Return what makes an event of a person, or a view, that is named by the field `name`."""

    def build(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
        who = identifiers(made.get("id"), anonymous=made.get("anonymous_id"))
        if who is None:
            return kit.Skipped("nobody")
        members = {"name": made[name], "id": made.get("event_id")}
        return kit.Row.of(event, _entity("person", action, who, made, made.get("data"), **members))

    return build


def content(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return a view of content, or a click on it."""
    if "anonymous_id" not in made:
        return kit.Skipped("nobody")
    kind = made["actionType"]
    data: Json | None = made.get("data")
    attributes = None if data is None else _without(data, "actionType")
    who = {"anonymous_id": made["anonymous_id"]}
    return kit.Row.of(event, _entity("person", kind, who, made, attributes, name=kind))


def device(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return a person's device."""
    version = {"app_version": made["app_version"]} if "app_version" in made else {}
    told: Json = {"token": made["device_id"], "platform": made["platform"]}
    told |= {"last_used": made["last_used"]} if "last_used" in made else {}
    told["attributes"] = made.get("attributes", {}) | version
    if made.get("convert_timestamp"):
        told = with_dates_in_s(told)
    return kit.Row.of(event, _entity("person", "add_device", identifiers(made["person_id"]), {}, None, device=told))


def delete_device(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return the end of a person's device."""
    who, gone = identifiers(made["person_id"]), {"token": made["device_id"]}
    return kit.Row.of(event, _entity("person", "delete_device", who, {}, None, device=gone))


def delete_relationship(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return the end of a person's part in an object."""
    who = identifiers(made["person_id"])
    entity = _entity(
        "object", "delete_relationships", _object(made), made, None, cio_relationships=[{"identifiers": who}]
    )
    return kit.Row.of(event, entity)


def delete_object(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return the end of an object."""
    if "object_id" not in made:
        return kit.Skipped("missing_object_id")
    return kit.Row.of(event, _entity("object", "delete", _object(made), {}, None))


def of_person(action: str) -> Build:
    """Return what makes an action that needs no more than the person."""

    def build(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
        return kit.Row.of(event, _entity("person", action, identifiers(made["person_id"]), {}, None))

    return build


def merge(settings: Any, made: Json, event: kit.Event) -> kit.Rows:
    """Return the union of two people."""
    both = {name: identifiers(made[name]) for name in ("primary", "secondary")}
    return kit.Row.of(event, _entity("person", "merge", None, {}, None, **both))


METRIC = kit.row(
    delivery_id=field("delivery_id"),
    metric=field("metric"),
    timestamp=kit.epoch_s(field("timestamp")),
    recipient=field("recipient"),
    reason=field("reason"),
    href=field("href"),
    metadata=kit.when(
        kit.any_of(kit.exists(field("action_name")), kit.exists(field("action_value"))),
        {"action_name": field("action_name"), "action_value": field("action_value")},
    ),
)
"""What became of a message, for `/api/v1/metrics`."""
