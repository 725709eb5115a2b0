"""Segment's tracking plans as JSON, in and out.

The public API's form, `{"name": …, "rules": [{"key", "type", "version", "jsonSchema"}]}`, with or without its envelope
`data`; and the older one, whose `rules` are an object of `events`, `identify`, `group` and `global`.
"""

from typing import Any, cast

import jsonschema_rs
import msgspec

from trackway.workspace.plans.model import MEMBERS, CallType, Plan, PlanError, Row, Rule
from trackway.workspace.plans.schema import rows_of, schema_of

_TYPES: dict[str, CallType] = {
    "TRACK": "track",
    "IDENTIFY": "identify",
    "GROUP": "group",
    "PAGE": "page",
    "SCREEN": "screen",
    "COMMON": "common",
}
_NOTHING = ("properties", "required")
"""Words that say nothing when they are empty."""
_ROOT_WORDS = frozenset({"$schema", "$id", "type", "properties", "required", "title", "description", "labels"})


def is_segment_plan(text: str) -> bool:
    """Tell whether a file looks like JSON rather than YAML of ours."""
    return text.lstrip().startswith("{")


def parse_segment_plan(text: str, file: str, *, id_: str = "") -> Plan:
    """Return the plan that Segment's JSON says; `file` is its name for messages.

    Raises:
        PlanError: it is no JSON, or no tracking plan.
    """
    try:
        tree = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise PlanError(f"{file} is no JSON: {error}") from None
    said = _unwrapped(tree)
    rules = said.get("rules")
    if isinstance(rules, list):
        found = [_object(one, f"{file}: rules[{n}]") for n, one in enumerate(cast("list[Any]", rules))]
    elif isinstance(rules, dict):
        found = _older(cast("dict[str, Any]", rules), file)
    else:
        raise PlanError(f"{file}: a tracking plan of Segment has `rules`; export it with them")
    return Plan(
        name=str(said.get("display_name") or said.get("name") or id_),
        id=id_,
        description=str(said.get("description") or ""),
        rules=tuple(_rule(one, f"{file}: rules[{number}]") for number, one in enumerate(found)),
    )


def segment_plan(plan: Plan) -> dict[str, Any]:
    """Return a plan in the form of Segment's public API; what is done about violations has no place in it."""
    rules = [
        {
            "key": rule.event,
            "type": rule.type.upper(),
            "version": rule.version,
            "jsonSchema": _segment_schema(rule),
        }
        for rule in plan.rules
    ]
    return {"name": plan.name, "description": plan.description, "type": "LIVE", "rules": rules}


def _segment_schema(rule: Rule) -> dict[str, Any]:
    said = schema_of(rule)
    if rule.description:
        said["description"] = rule.description
    if rule.labels:
        said["labels"] = rule.labels
    return said


def _unwrapped(tree: Any) -> dict[str, Any]:
    """Return the plan within the API's envelopes."""
    said = cast("dict[str, Any]", tree) if isinstance(tree, dict) else {}
    if isinstance(inner := said.get("data"), dict):
        said = cast("dict[str, Any]", inner)
    if isinstance(inner := said.get("trackingPlan"), dict):
        return {**said, **cast("dict[str, Any]", inner)}
    return said


def _older(rules: dict[str, Any], file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    events = rules.get("events")
    for number, one in enumerate(cast("list[Any]", events) if isinstance(events, list) else []):
        event = _object(one, f"{file}: rules.events[{number}]")
        found.append(
            {
                "key": event.get("name"),
                "type": "TRACK",
                "version": event.get("version") or 1,
                "description": event.get("description"),
                "jsonSchema": event.get("rules"),
            }
        )
    for name, kind in (("identify", "IDENTIFY"), ("group", "GROUP"), ("global", "COMMON")):
        if rules.get(name):
            found.append({"key": "", "type": kind, "jsonSchema": rules[name]})
    return found


def _rule(said: dict[str, Any], place: str) -> Rule:
    kind = _TYPES.get(str(said.get("type", "TRACK")).upper())
    if kind is None:
        raise PlanError(f"{place}.type: {said['type']} is none of {', '.join(_TYPES)}")
    key = said.get("key") if kind == "track" else ""
    if not isinstance(key, str) or (kind == "track" and not key):
        raise PlanError(f"{place}.key: a track rule needs the name of its event")
    schema = _object(said.get("jsonSchema") or {}, f"{place}.jsonSchema")
    rows, tables, more = _tables(schema, kind)
    if any(not step for row in rows for step in row.path):
        raise PlanError(f"{place}.jsonSchema: a property without a name cannot be planned")
    version = said.get("version", 1)
    rule = Rule(
        type=kind,
        event=key,
        version=version if isinstance(version, int) and version > 0 else 1,
        description=str(said.get("description") or schema.get("description") or ""),
        labels=_labels(said.get("labels") or schema.get("labels")),
        rows=tuple(rows),
        tables=tables,
        schema=_without_single_all_of(more),
    )
    try:
        jsonschema_rs.Draft7Validator(schema_of(rule), pattern_options=jsonschema_rs.RegexOptions())
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise PlanError(f"{place}.jsonSchema: is no JSON Schema of draft-07: {str(error).splitlines()[0]}") from None
    return rule


def _tables(schema: dict[str, Any], kind: CallType) -> tuple[list[Row], tuple[str, ...], dict[str, Any]]:
    """Return the rows of an event's schema, the members that have a table, and what no table can say."""
    rows: list[Row] = []
    tables: list[str] = []
    more: dict[str, Any] = {name: one for name, one in schema.items() if name not in _ROOT_WORDS}
    for name, member in cast("dict[str, Any]", schema.get("properties") or {}).items():
        inner = cast("dict[str, Any]", member) if isinstance(member, dict) else {}
        says_more = any(one or name not in _NOTHING for name, one in inner.items() if name != "type")
        if name in MEMBERS[kind] and (name == MEMBERS[kind][0] or says_more):
            below, rest = rows_of(inner, (name,))
            tables.append(name)
            rows += below
        else:
            rest = inner if says_more or name not in ("properties", "traits", "context") else {}
        if rest:
            more.setdefault("properties", {})[name] = rest
    required = cast("list[str]", schema.get("required") or [])
    if others := [name for name in required if name not in MEMBERS[kind]]:
        more["required"] = others
    return rows, tuple(table for table in MEMBERS[kind] if table in tables), more


def _without_single_all_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what `schema_of` wrapped, so that a plan that goes out and comes in again is the same."""
    inner = cast("list[Any]", schema.get("allOf"))
    if schema.keys() == {"allOf"} and len(inner) == 1 and isinstance(inner[0], dict):
        return cast("dict[str, Any]", inner[0])
    return schema


def _labels(value: Any) -> dict[str, str]:
    members = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return {key: str(one) for key, one in members.items()}


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PlanError(f"{place}: expected an object")
    return cast("dict[str, Any]", value)
