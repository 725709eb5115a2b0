"""Records of any kind, known by a unique property: written one by one or as a batch, then associated with others."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.hubspot import answers, exchanges
from trackway.destinations.catalog.hubspot.calls import (
    OBJECTS,
    PROPERTIES,
    Answer,
    Asking,
    Caller,
    Exchange,
    by_property,
)
from trackway.destinations.catalog.hubspot.definitions import DATE, clean_name, plain

_ROUTE = "objects "
_RECORD_ID = "hs_object_id"
"""HubSpot's own id of a record: it is known by it without naming a property."""


class _Other(Struct):
    object_type: str
    id_field_name: str
    id_field_value: str
    association_label: str


class _Row(Struct):
    kind: str
    field: str
    id: str
    mode: str
    properties: dict[str, Any]
    sensitive: list[str] = []
    group: str = ""
    others: list[_Other] = []
    make_others: bool = True


def is_object(route: str) -> bool:
    """Say whether the rows of a route are records of any kind."""
    return route.startswith(_ROUTE)


def is_batch(route: str) -> bool:
    """Say whether the rows of a route may share a request."""
    return is_object(route) and route.endswith(" upsert")


def rows(settings: Any, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return a record with clean names, and what it is to be associated with."""
    details: dict[str, str] = made["object_details"]
    for name in ("object_type", "id_field_name", "id_field_value"):
        if not details.get(name):
            return kit.Skipped(f"missing_{name}")
    kind, field = details["object_type"], details["id_field_name"]
    properties: dict[str, Any] = {}
    for group in ("properties", "sensitive_properties"):
        properties |= {
            clean_name(name): plain(value) for name, value in made.get(group, {}).items() if value is not None
        }
    if wrong := next((name for name in properties if not name[:1].isalpha()), ""):
        return kit.Rejected("invalid_field", f"the property {wrong!r} must begin with a letter")
    mode = made.get("sync_mode") or made.get("__segment_internal_sync_mode") or "update"
    others = [one for one in made.get("associations", []) if all(one.get(name) for name in _Other.__struct_fields__)]
    row = _Row(
        kind=kind,
        field=field,
        id=details["id_field_value"],
        mode=mode,
        properties=properties,
        sensitive=[clean_name(name) for name in made.get("sensitive_properties", {})],
        group=details.get("property_group", ""),
        others=msgspec.convert(others, list[_Other]),
        make_others=made.get("association_sync_mode") != "read",
    )
    return kit.Row.of(event, row, route=f"{_ROUTE}{kind} {field} {mode}")


def exchange(caller: Caller, rows: Sequence[kit.Row]) -> Exchange:
    """Write records of one kind that are known by the same property; several in a batch in which none is twice."""
    seen = [msgspec.json.decode(row.value, type=_Row) for row in rows]
    if (twice := exchanges.first_repeated([one.id.lower() for one in seen])) < len(rows):
        return (yield from exchanges.in_parts(caller, rows, twice, exchange))
    answer = yield from _write(caller, seen)
    if len(rows) > 1 and answers.status(answer) in (400, 409, 413):
        return (yield from exchanges.in_parts(caller, rows, len(rows) // 2, exchange))
    if answers.status(answer) == 404 and seen[0].mode == "update":
        return [kit.Rejected("no_record", f"no record of {seen[0].kind} has this {seen[0].field}")]
    if answers.status(answer) == 409 and seen[0].mode == "add":
        return [kit.Delivered()]  # it is there already
    if not answers.taken(answer):
        return answers.judge(answer, count=len(rows))
    outcomes: list[kit.Outcome] = []
    for one in seen:
        outcomes.extend((yield from _finish(caller, one, answer)))
    return outcomes


def _write(caller: Caller, seen: Sequence[_Row]) -> Asking:
    """Write records; if the account lacks properties that may be made, make them, and write again."""
    answer = yield from caller.ask(*_writing(caller, seen))
    if (
        answers.status(answer) == 400
        and seen[0].group
        and "PROPERTY_DOESNT_EXIST" in answers.read(answer, answers.Error).message
    ):
        made = yield from caller.ask(
            "POST", _path(caller, PROPERTIES, seen[0].kind, "batch/create"), _definitions(seen, answer)
        )
        if not answers.taken(made):
            return made
        answer = yield from caller.ask(*_writing(caller, seen))
    return answer


def _path(caller: Caller, api: str, kind: str, more: str = "") -> str:
    return caller.url(api, "/".join(filter(None, (quote(kind, safe=""), more))))


def _writing(caller: Caller, seen: Sequence[_Row]) -> tuple[str, str, Any]:
    """Return method, address and body of the request that writes the records."""
    first = seen[0]
    known = {} if first.field == _RECORD_ID else {"idProperty": first.field}
    if first.mode == "upsert":
        inputs = [
            {**known, "id": one.id, "properties": one.properties | ({first.field: one.id} if known else {})}
            for one in seen
        ]
        return "POST", _path(caller, OBJECTS, first.kind, "batch/upsert"), {"inputs": inputs}
    if first.mode == "add":
        return "POST", _path(caller, OBJECTS, first.kind), {"properties": first.properties | {first.field: first.id}}
    path = by_property(quote(first.kind, safe=""), first.id, first.field)
    return "PATCH", caller.url(OBJECTS, path if known else path.partition("?")[0]), {"properties": first.properties}


def _definitions(seen: Sequence[_Row], answer: Answer) -> dict[str, Any]:
    """Return the definitions of the properties that an answer says are lacking."""
    lacking = {name: value for one in seen for name, value in one.properties.items() if answers.lacks(answer, name)}
    sensitive = {name for one in seen for name in one.sensitive}
    inputs = [
        {"name": name, "label": name, "groupName": seen[0].group, **_kind(value)}
        | ({"dataSensitivity": "sensitive"} if name in sensitive else {})
        for name, value in lacking.items()
    ]
    return {"inputs": inputs}


def _kind(value: Any) -> Mapping[str, Any]:
    if isinstance(value, bool):
        options = [
            {"label": word, "value": word, "hidden": False, "displayOrder": n}
            for n, word in ((1, "true"), (2, "false"))
        ]
        return {"type": "enumeration", "fieldType": "booleancheckbox", "options": options}
    if isinstance(value, int | float):
        return {"type": "number", "fieldType": "number"}
    if DATE.fullmatch(value):
        return {"type": "date" if len(value) == 10 else "datetime", "fieldType": "date"}
    return {"type": "string", "fieldType": "text"}


def _finish(caller: Caller, one: _Row, answer: Answer) -> Exchange:
    """Return the record's outcome, after what it is to be associated with."""
    batch = answers.batch(answer)
    error = next((error for error in batch.errors if one.id.lower() in error.names()), None)
    if error is not None:
        return [kit.Rejected("invalid_record", error.message or error.category)]
    mine = (each.id for each in batch.results if str(each.properties.get(one.field, "")).lower() == one.id.lower())
    record_id = next(mine, "") or answers.record(answer).id or (one.id if one.field == _RECORD_ID else "")
    for other in one.others if record_id else ():
        found = yield from _other(caller, one, other)
        if isinstance(found, list):
            return found
        category, _, number = other.association_label.partition(":")
        if found and number.isdigit():
            url = caller.association(
                f"{quote(one.kind, safe='')}/{record_id}", f"{quote(other.object_type, safe='')}/{found}"
            )
            body = [{"associationCategory": category, "associationTypeId": int(number)}]
            answer = yield from caller.ask("PUT", url, body)
            if not answers.taken(answer):
                return answers.judge(answer)
    return [kit.Delivered()]


def _other(caller: Caller, one: _Row, other: _Other) -> Generator[kit.Request, Answer, str | list[kit.Outcome]]:
    """Return the id of a record to associate with, made if it may be; `""` if there is none."""
    if other.id_field_name == _RECORD_ID:
        return other.id_field_value
    found = yield from exchanges.search(caller, other.object_type, {other.id_field_name: other.id_field_value})
    if found or not one.make_others:
        return found
    properties = {other.id_field_name: other.id_field_value}
    answer = yield from caller.ask("POST", _path(caller, OBJECTS, other.object_type), {"properties": properties})
    return answers.record(answer).id if answers.taken(answer) else answers.judge(answer)
