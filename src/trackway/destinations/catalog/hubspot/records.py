"""Events in HubSpot's terms: contacts, companies, records of other kinds, custom events."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from trackway.destinations import kit

GROUP_ID = "segment_group_id"
"""The property that holds a company's group id; the name is Segment's, so that its companies are found."""
CONTACTS, CONTACT, COMPANY, RECORD, EVENT = "contacts", "contact", "company", "record", "event"
"""Routes: contacts that may go together, and one whose lifecycle stage may have to be set back first."""
CONTACT_FIELDS = ("company", "firstname", "lastname", "phone", "address", "city", "state", "country", "zip", "website")
COMPANY_FIELDS = ("name", "description", "address", "city", "state", "zip", "domain", "phone", "industry")
_SPACES = re.compile(r"[\s.]+")
_EVENT_NAME = re.compile(r"pe\d+_")


def flat(properties: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return properties as HubSpot takes them: lists as `a;b`, objects as JSON text, texts trimmed, no nulls."""
    return {name: _flat(value) for name, value in (properties or {}).items() if value is not None}


def _flat(value: Any) -> Any:
    if isinstance(value, list):
        return ";".join(_item(one) for one in cast("list[Any]", value))
    if isinstance(value, dict):
        return kit.values.encode_json(value)
    return value.strip() if isinstance(value, str) else value


def _item(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return kit.values.encode_json(value)
    return value if isinstance(value, str) else kit.values.spoken(value)


def _trimmed(made: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: made[name].strip() for name in names if name in made}


def _stage(made: Mapping[str, Any]) -> dict[str, str]:
    return {"lifecyclestage": made["lifecyclestage"].lower().strip()} if "lifecyclestage" in made else {}


def contact(settings: Any, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return a contact: its address, its properties, and whose it is."""
    stage = _stage(made)
    properties = _trimmed(made, (*CONTACT_FIELDS, "email")) | stage | flat(made.get("properties"))
    row = {"email": made["email"], "properties": properties, "user": made.get("user")}
    return kit.Row.of(event, row, route=CONTACT if "lifecyclestage" in properties else CONTACTS)


def company(settings: Any, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return a company, and how to find the contact that belongs to it."""
    others = made.get("properties", {})
    if GROUP_ID in others:
        return kit.Rejected("invalid_field", f"properties must not have {GROUP_ID}: it holds the group id")
    properties = _trimmed(made, COMPANY_FIELDS)
    if "numberofemployees" in made:
        properties["numberofemployees"] = made["numberofemployees"]
    properties |= _stage(made) | {GROUP_ID: made["groupid"]} | flat(others)
    row = {"group": made["groupid"], "properties": properties, "search": made.get("companysearchfields")}
    row |= {"create": made["createNewCompany"], "associate": made["associateContact"]}
    row |= {name: made.get(name) for name in ("contact_id", "contact_email", "user")}
    return kit.Row.of(event, row, route=COMPANY)


def custom_event(settings: Any, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return a custom event; its name is made what HubSpot makes of it."""
    name = _SPACES.sub("_", made["eventName"]).lower()
    prefix = f"pe{settings.portal_id}_" if settings.portal_id else "pe<Hub ID>_"
    if not (name.startswith(prefix) if settings.portal_id else _EVENT_NAME.match(name)):
        return kit.Rejected("invalid_field", f"eventName must begin with {prefix}")
    if not any(made.get(key) for key in ("utk", "email", "objectId")):
        return kit.Skipped("missing_email")
    row = made | {"eventName": name}
    if "properties" in made:
        row["properties"] = flat(made["properties"])
    return kit.Row.of(event, row, route=EVENT)


def event_name(name: str, portal_id: str | None) -> str:
    """Return the name of a custom event, as HubSpot calls it in the account `portal_id`."""
    return f"pe{portal_id}_{name}" if portal_id else name


def record(settings: Any, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return a record of any kind: how to find it, and what it is to be associated with."""
    category, _, number = made.get("associationLabel", "").partition(":")
    kinds = [{"associationCategory": category, "associationTypeId": int(number)}] if number.isdigit() else None
    row = {
        "kind": made["objectType"],
        "properties": flat(made["properties"]),
        "search": made.get("customObjectSearchFields"),
        "create": made.get("createNewCustomRecord", True),
        "other_kind": made.get("toObjectType", ""),
        "other_search": made.get("searchFieldsToAssociateCustomObjects"),
        "association": kinds,
    }
    return kit.Row.of(event, row, route=RECORD)
