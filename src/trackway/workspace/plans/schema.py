"""Rows to JSON Schema (draft-07) and back."""

from typing import Any, cast

from trackway.workspace.plans.model import ITEM, Row, Rule

DRAFT = "http://json-schema.org/draft-07/schema#"
OWN_WORDS = frozenset(
    {"type", "enum", "pattern", "minimum", "maximum", "description", "properties", "required", "items"}
)
"""Keywords of JSON Schema that a table says in its own way."""


def schema_of(rule: Rule, *, closed: bool = False) -> dict[str, Any]:
    """Return the JSON Schema that an event must fit.

    `closed` refuses members that a table does not have, in each object that the table says the members of.
    """
    root: dict[str, Any] = {"type": "object", "properties": {table: {"type": "object"} for table in rule.tables}}
    for row in rule.rows:
        _put(root, row)
    _imply_types(root, {row.path for row in rule.rows}, ())
    required = [table for table in rule.tables if "required" in root["properties"][table]]
    if required:
        root["required"] = required
    if closed:
        for table in rule.tables:
            # A client or a stage may put anything into the context.
            _close(root["properties"][table], even_if_empty=table != "context", itself=table != "context")
    return {"$schema": DRAFT, **root, **({"allOf": [rule.schema]} if rule.schema else {})}


def rows_of(schema: dict[str, Any], path: tuple[str, ...]) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows below `path` that the schema of an object or array there says, and what rows cannot say."""
    required = schema.get("required")
    rows: list[Row] = []
    rest = {key: value for key, value in schema.items() if key not in ("properties", "required", "items", "type")}
    members = cast("dict[str, Any]", schema.get("properties") or {})
    names = [str(name) for name in cast("list[Any]", required)] if isinstance(required, list) else []
    for name, member in members.items():
        rows += _rows(member, (*path, name), required=name in names)
    if missing := [name for name in names if name not in members]:
        # Required without being described.
        rows += [Row(path=(*path, name), required=True) for name in missing]
    items = schema.get("items")
    if isinstance(items, dict) and items:
        rows += _rows(cast("dict[str, Any]", items), (*path, ITEM), required=False)
    elif items not in (None, {}, True):
        rest["items"] = items
    return rows, rest


def _rows(schema: Any, path: tuple[str, ...], *, required: bool) -> list[Row]:
    if not isinstance(schema, dict):
        return [Row(path=path, required=required, schema={} if schema is True else {"not": {}})]
    said = cast("dict[str, Any]", schema)
    below, rest = rows_of(said, path)
    types = said.get("type", "any")
    names = tuple(str(one) for one in cast("list[Any]", types)) if isinstance(types, list) else (str(types),)
    if rest.get("format") == "date-time" and "string" in names:
        names = tuple("date-time" if one == "string" else one for one in names)
        del rest["format"]
    own = Row(
        path=path,
        types=names,
        required=required,
        enum=tuple(cast("list[Any]", rest.pop("enum", ()))),
        pattern=str(rest.pop("pattern", "")),
        minimum=rest.pop("minimum", None),
        maximum=rest.pop("maximum", None),
        description=str(rest.pop("description", "") or ""),
        schema=rest,
    )
    implied = "array" if below and below[0].path[len(path)] == ITEM else "object"
    # A parent without anything to say needs no row of its own.
    return below if below and own == Row(path=path, types=(implied,)) else [own, *below]


def _put(root: dict[str, Any], row: Row) -> None:
    parent = root
    for step in row.path[:-1]:
        parent = _child(parent, step)
    _child(parent, row.path[-1]).update(_keywords(row))
    if row.required and row.path[-1] != ITEM:
        parent.setdefault("required", []).append(row.path[-1])


def _child(parent: dict[str, Any], step: str) -> dict[str, Any]:
    if step == ITEM:
        return cast("dict[str, Any]", parent.setdefault("items", {}))
    return cast("dict[str, Any]", parent.setdefault("properties", {}).setdefault(step, {}))


def _imply_types(schema: dict[str, Any], described: set[tuple[str, ...]], path: tuple[str, ...]) -> None:
    """Say of parents without a row what their members make them: an array, or an object."""
    if path not in described and len(path) > 1:
        schema["type"] = "array" if "items" in schema else "object"
    for name, child in cast("dict[str, dict[str, Any]]", schema.get("properties") or {}).items():
        _imply_types(child, described, (*path, name))
    if isinstance(items := schema.get("items"), dict):
        _imply_types(cast("dict[str, Any]", items), described, (*path, ITEM))


def _keywords(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = dict(row.schema)
    if "any" not in row.types:
        names = list(dict.fromkeys("string" if one == "date-time" else one for one in row.types))
        found["type"] = names[0] if len(names) == 1 else names
    if "date-time" in row.types:
        found["format"] = "date-time"
    if row.enum:
        found["enum"] = list(row.enum)
    if row.pattern:
        found["pattern"] = row.pattern
    found |= {key: value for key, value in (("minimum", row.minimum), ("maximum", row.maximum)) if value is not None}
    if row.description:
        found["description"] = row.description
    return found


def _close(schema: dict[str, Any], *, even_if_empty: bool = False, itself: bool = True) -> None:
    members = cast("dict[str, dict[str, Any]]", schema.get("properties") or {})
    if itself and (members or even_if_empty) and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
        schema.setdefault("properties", {})
    for child in members.values():
        _close(child)
    if isinstance(items := schema.get("items"), dict):
        _close(cast("dict[str, Any]", items))
