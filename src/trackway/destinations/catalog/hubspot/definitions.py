"""Custom events whose definitions are looked up in the account, and made there if the mapping may."""

import re
from collections.abc import Generator, Mapping
from typing import Any, TypeAlias, cast

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.hubspot import answers
from trackway.destinations.catalog.hubspot.calls import EVENTS, Answer, Caller, Exchange

DEFINED = "defined event"
"""The route."""
_KEPT_S = 3600.0
DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:?\d\d(:?\d\d([.,]\d+)?)?(Z|[+-]\d\d:?(\d\d)?)?)?")
_OTHERWISE = re.compile(r"[^a-z0-9_]")
_YES_OR_NO = [
    {"label": word, "value": word == "true", "hidden": False, "displayOrder": n, "description": word}
    for n, word in ((1, "true"), (2, "false"))
]


class _Row(Struct):
    name: str
    kind: str
    mode: str
    event: dict[str, Any]


class _Property(Struct):
    name: str
    archived: bool = False


class _Definition(Struct):
    """An event as the account knows it."""

    full_name: str = msgspec.field(name="fullyQualifiedName", default="")
    archived: bool = False
    properties: list[_Property] = []


_Known: TypeAlias = tuple[str, frozenset[str]]
"""An event's full name, and the names of its properties."""


def row(settings: Any, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return an event with clean names, and whom or what it is about."""
    about: dict[str, Any] = made["record_details"]
    kind = about.get("object_type", "contact")
    names = ("email", "utk") if kind == "contact" else ()
    who = {name: about[name] for name in names if name in about}
    if "object_id" in about:
        who["objectId"] = about["object_id"]
    if not who:
        return kit.Skipped("missing_object_id" if kind != "contact" else "missing_email")
    properties: dict[str, Any] = {}
    for name, value in made.get("properties", {}).items():
        if value is not None:
            properties[known := clean_name(name)] = plain(value)
            if not known[:1].isalpha():
                return kit.Rejected("invalid_field", f"the property {name!r} must begin with a letter")
    sent = who | {"properties": properties} | ({"occurredAt": made["occurred_at"]} if "occurred_at" in made else {})
    mode = made.get("sync_mode") or made.get("__segment_internal_sync_mode") or "update"
    name = re.sub(r"[^a-z0-9_-]", "_", made["event_name"].lower())
    return kit.Row.of(event, {"name": name, "kind": kind, "mode": mode, "event": sent}, route=DEFINED)


def clean_name(name: str) -> str:
    """Return a property's name as HubSpot writes such names."""
    return _OTHERWISE.sub("_", name.lower())


def plain(value: Any) -> Any:
    """Return a value without objects and lists: those become JSON text."""
    if isinstance(value, dict | list):
        return kit.values.encode_json(value)
    if isinstance(value, str):
        text = value.strip()
        return text.lower() == "true" if text.lower() in ("true", "false") else text
    return value


def exchange(caller: Caller, row: kit.Row) -> Exchange:
    """Send an event under its full name, once the account knows it and its properties."""
    one = msgspec.json.decode(row.value, type=_Row)
    properties: dict[str, Any] = one.event["properties"]
    key = f"event {one.name}"
    kept = cast("_Known | None", caller.cache.get(key))
    known = kept if kept and kept[1] >= properties.keys() else None
    if known is None:
        found = yield from _known(caller, one)
        if isinstance(found, list):
            return found
        known = found
        caller.cache.put(key, known, seconds=_KEPT_S)
    answer = yield from caller.ask("POST", caller.url(EVENTS, "send"), {"eventName": known[0], **one.event})
    if answers.status(answer) in (400, 404):
        caller.cache.drop(key)  # the definition may have changed
    return answers.judge(answer)


_Told: TypeAlias = Generator[kit.Request, Answer, _Known | list[kit.Outcome]]


def _known(caller: Caller, one: _Row) -> _Told:
    """Return the event as the account knows it, after what is missing was defined; or why it cannot be sent."""
    properties: dict[str, Any] = one.event["properties"]
    path = f"event-definitions/{one.name}"
    answer = yield from caller.ask("GET", caller.url(EVENTS, f"{path}/?includeProperties=true"))
    if answers.status(answer) not in (200, 400, 404):
        return answers.judge(answer)
    definition = answers.read(answer, _Definition) if answers.taken(answer) else _Definition()
    if not definition.full_name or definition.archived:
        return (yield from _define(caller, one))
    there = {each.name for each in definition.properties if not each.archived}
    for name in (each for each in properties if each not in there):
        if one.mode == "add":
            return [kit.Rejected("property_not_defined", f"{definition.full_name} has no property {name}")]
        url = caller.url(EVENTS, f"event-definitions/{definition.full_name}/property")
        answer = yield from caller.ask("POST", url, _property(name, properties[name]))
        if not answers.taken(answer) and answers.status(answer) != 409:
            return answers.judge(answer)
    return definition.full_name, frozenset(there | properties.keys())


def _define(caller: Caller, one: _Row) -> _Told:
    if one.mode == "update":
        return [kit.Rejected("event_not_defined", f"HubSpot has no event {one.name}; define it, or set sync_mode")]
    properties: Mapping[str, Any] = one.event["properties"]
    body = {
        "label": one.name,
        "name": one.name,
        "description": f"{one.name} (by Trackway)",
        "primaryObject": one.kind,
        "propertyDefinitions": [_property(name, value) for name, value in properties.items()],
    }
    answer = yield from caller.ask("POST", caller.url(EVENTS, "event-definitions"), body)
    if answers.status(answer) == 409:
        return [kit.Retry("event_defined_meanwhile", 1.0)]
    if not answers.taken(answer):
        return answers.judge(answer)
    return answers.read(answer, _Definition).full_name, frozenset(properties)


def _property(name: str, value: Any) -> dict[str, Any]:
    """Return the definition of a property that can hold values like `value`."""
    kind = "string"
    if isinstance(value, bool):
        kind = "enumeration"
    elif isinstance(value, int | float):
        kind = "number"
    elif DATE.fullmatch(value):
        kind = "datetime"
    made: dict[str, Any] = {"name": name, "label": name, "type": kind, "description": f"{name} (by Trackway)"}
    return made | ({"options": _YES_OR_NO} if kind == "enumeration" else {})
