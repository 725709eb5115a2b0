"""A plan's rules as tables that are quick to ask (`events/members.py`), for the many events that are as planned.

What a table cannot say of a value, such as a pattern, jsonschema-rs is asked about that value alone.
"""

from typing import Any, cast

import jsonschema_rs

from trackway.events.members import ANYTHING, JSON_TYPES, NOTHING, NUMBERS, Members, Shape, is_moment

_TYPES: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": NUMBERS,
    # 1.0 is one as well; the table need not know.
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "array": frozenset({list}),
    "object": frozenset({dict}),
    "null": frozenset({type(None)}),
}
_SAY_NOTHING = frozenset({"description", "title", "default", "examples", "$comment", "$schema"})
_OF_OBJECTS = frozenset({"properties", "required", "additionalProperties"})
_SAID = _SAY_NOTHING | _OF_OBJECTS | {"type", "enum", "minimum", "maximum", "items", "format"}


def validator_of(schema: dict[str, Any] | bool) -> Any:
    """Return the compiled schema (draft-07), as plans are judged by it."""
    return jsonschema_rs.Draft7Validator(
        schema, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions(), offline=True
    )


def members_of(schema: dict[str, Any]) -> Members | None:
    """Return the table of an object's schema; None if it says more than a table can."""
    others = schema.get("additionalProperties", True)
    if not schema.keys() <= _SAY_NOTHING | _OF_OBJECTS | {"type"} or not isinstance(others, bool):
        return None
    if schema.get("type", "object") != "object":
        return None
    members = cast("dict[str, Any]", schema.get("properties") or {})
    shapes = {name: shape_of(member) for name, member in members.items()}
    return Members(shapes, required=schema.get("required") or (), others=others)


def shape_of(schema: Any) -> Shape:
    """Return what a value must be like to be valid."""
    if isinstance(schema, bool):
        return ANYTHING if schema else NOTHING
    said = cast("dict[str, Any]", schema)
    shape = _plain_shape(said) if said.keys() <= _SAID else None
    if shape is None or _asks_below(shape) or not shape.is_exact:
        return Shape(_types_of(said), look=validator_of(said).is_valid)
    return shape


def _plain_shape(schema: dict[str, Any]) -> Shape | None:
    """Return what a schema says, None if a table cannot say it."""
    shape = Shape(_types_of(schema))
    if "format" in schema:
        if schema["format"] != "date-time":
            return None
        shape = shape._replace(look=is_moment)
    shape = shape._replace(minimum=schema.get("minimum", shape.minimum), maximum=schema.get("maximum", shape.maximum))
    if "enum" in schema:
        options = cast("list[Any]", schema["enum"])
        if any(one is not None and not isinstance(one, str) for one in options):
            return None
        texts = frozenset(one for one in options if isinstance(one, str))
        none = {type(None)} if None in options else set[type]()
        shape = shape._replace(types=shape.types & ({str} | none), enum=texts)
    if "items" in schema:
        if not isinstance(schema["items"], dict | bool):
            return None
        shape = shape._replace(items=shape_of(schema["items"]))
    if schema.keys() & _OF_OBJECTS:
        members = members_of({key: schema[key] for key in _OF_OBJECTS if key in schema})
        return None if members is None else shape._replace(members=members)
    return shape


def _types_of(schema: dict[str, Any]) -> frozenset[type]:
    wanted = schema.get("type")
    if wanted is None:
        return JSON_TYPES
    names = cast("list[str]", wanted) if isinstance(wanted, list) else [str(wanted)]
    return frozenset[type]().union(*(_TYPES[name] for name in names))


def _asks_below(shape: Shape) -> bool:
    """Tell whether anything below a value has to be asked about by itself: then the value as a whole is."""
    below = [*shape.members.shapes.values()] if shape.members else []
    below += [shape.items] if shape.items else []
    return any(one.look is not None or _asks_below(one) for one in below)
