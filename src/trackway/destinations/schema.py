"""The JSON Schema of the workspace file, for editors: with the settings and mappings of every destination type."""

import ast
import inspect
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

import msgspec
from msgspec import inspect as types

from trackway.destinations import kit, registry
from trackway.workspace.model import Workspace

Schema = dict[str, Any]

_FROM_OUTSIDE: list[Schema] = [
    {"type": "object", "properties": {source: {"type": "string"}}, "required": [source], "additionalProperties": False}
    for source in ("env", "file")
]
_OWN: dict[type, Schema] = {
    kit.Secret: {"anyOf": [{"type": "string"}, *_FROM_OUTSIDE], "x-kind": "secret"},
    kit.Duration: {"type": ["string", "number"], "minimum": 0, "x-kind": "duration"},
    kit.Size: {"type": ["string", "integer"], "minimum": 0, "x-kind": "size"},
    Path: {"type": "string"},
}
_PLAIN: dict[type, str] = {
    types.BoolType: "boolean",
    types.IntType: "integer",
    types.FloatType: "number",
    types.StrType: "string",
    types.NoneType: "null",
}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "pattern": "pattern"}


def workspace_schema(folder: Path | None = None) -> Schema:
    """Return the JSON Schema (2020-12) of trackway.yaml; `folder` is a workspace with destination types of its own."""
    parts: dict[str, Schema] = {}
    schema_of(Workspace, parts)
    del parts["Workspace"]["properties"]["folder"]
    kinds = registry.known(folder)
    destination = parts["Destination"]
    destination["properties"]["type"]["enum"] = kinds
    destination["allOf"] = [_settings_of(kind, folder, parts) for kind in kinds]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "trackway.yaml",
        "$ref": "#/$defs/Workspace",
        "$defs": parts,
    }


def schema_of(kind: Any, parts: dict[str, Schema], *, prefix: str = "") -> Schema:
    """Return the JSON Schema of a type; its structs are added to `parts`, under their names after `prefix`."""
    return _schema(types.type_info(kind), parts, prefix)


def _schema(info: types.Type, parts: dict[str, Schema], prefix: str) -> Schema:
    match info:
        case types.StructType():
            return _struct(info, parts, prefix)
        case types.UnionType():
            return {"anyOf": [_schema(one, parts, prefix) for one in info.types]}
        case types.ListType() | types.VarTupleType():
            return {"type": "array", "items": _schema(info.item_type, parts, prefix)}
        case types.DictType():
            made: Schema = {"type": "object", "additionalProperties": _schema(info.value_type, parts, prefix)}
            pattern = getattr(info.key_type, "pattern", None)
            return made | ({"propertyNames": {"pattern": pattern}} if pattern else {})
        case types.LiteralType():
            return {"enum": list(info.values)}
        case types.CustomType():
            return dict(_OWN.get(info.cls, {}))
        case types.Metadata():
            return _schema(info.type, parts, prefix)
        case _:
            return _plain(info)


def _plain(info: types.Type) -> Schema:
    kind = _PLAIN.get(type(info))
    bounds = {name: getattr(info, ours, None) for ours, name in _BOUNDS.items()}
    return ({"type": kind} if kind else {}) | {name: bound for name, bound in bounds.items() if bound is not None}


def _struct(info: types.StructType, parts: dict[str, Schema], prefix: str) -> Schema:
    name = prefix + info.cls.__name__
    if name not in parts:
        made = parts[name] = {"type": "object", "properties": {}, "additionalProperties": False}
        told = attribute_docs(info.cls)
        if info.cls.__doc__:
            made["description"] = info.cls.__doc__.partition("\n")[0]
        for field in info.fields:
            one = _schema(field.type, parts, prefix)
            made["properties"][field.encode_name] = one | (
                {"description": told[field.name]} if field.name in told else {}
            )
        made["required"] = [field.encode_name for field in info.fields if field.required]
    return {"$ref": f"#/$defs/{name}"}


def attribute_docs(kind: type) -> dict[str, str]:
    """Return the texts that stand below the fields of a class in its source, by field; those it inherits too."""
    docs: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if one.__module__.partition(".")[0] not in ("builtins", "msgspec"):
            docs |= _own_docs(one)
    return docs


def _own_docs(kind: type) -> dict[str, str]:
    try:
        [found] = ast.parse(dedent(inspect.getsource(kind))).body
    except (OSError, TypeError, SyntaxError):  # made at run time, or its source is not at hand
        return {}
    body = found.body if isinstance(found, ast.ClassDef) else []
    docs: dict[str, str] = {}
    for one, following in pairwise(body):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and isinstance(following, ast.Expr):
            text = following.value
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                docs[one.target.id] = " ".join(text.value.split())
    return docs


def _settings_of(kind: str, folder: Path | None, parts: dict[str, Schema]) -> Schema:
    """Add a destination type's settings to `parts`, and return the condition under which they are meant."""
    module = cast("Any", registry.find(kind, folder))
    reference = schema_of(module.Settings, parts, prefix=f"{kind}.")
    settings = parts[f"{kind}.{module.Settings.__name__}"]
    if hasattr(module, "ACTIONS"):
        settings["properties"]["mappings"] = _mappings(module.ACTIONS, module.MAPPINGS)
    return {
        "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
        "then": {"properties": {"settings": reference}} | ({"required": ["settings"]} if settings["required"] else {}),
    }


def _mappings(actions: Mapping[str, kit.Action], usual: Mapping[str, kit.Mapping]) -> Schema:
    """Return the schema of what an operator may write about mappings."""
    names = sorted({re.escape(name) for action in actions.values() for name in action.fields})
    # Of any action: a change may name another than the usual one. A member is written with a dot.
    written: Schema = {"type": "object", "propertyNames": {"pattern": f"^({'|'.join(names)})(\\..+)?$"}}
    named = {name: _mapping(actions, written | _fields(actions[mapping.action])) for name, mapping in usual.items()}
    added = _mapping(actions, written) | {"required": ["action", "trigger"]}
    return {
        "description": "Changes to the usual mappings, and further ones; or a list as Segment exports it.",
        # No choice of two schemas: of such an editor would only say that neither fits.
        "type": ["object", "array"],
        "properties": named,
        "additionalProperties": added,
    }


def _mapping(actions: Mapping[str, kit.Action], fields: Schema) -> Schema:
    properties = {
        "action": {"enum": list(actions)},
        "trigger": {"type": "string", "description": "FQL: which events go this way."},
        "enabled": {"type": "boolean"},
        "fields": fields,
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _fields(action: kit.Action) -> Schema:
    known = {name: {"description": one.about} if one.about else {} for name, one in action.fields.items()}
    return {"properties": known}


def default_told(field: msgspec.structs.FieldInfo) -> str:
    """Return a field's default as JSON text; `""` when it has none."""
    if field.required:
        return ""
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.encode(value, enc_hook=_written).decode()


def _written(value: Any) -> Any:
    """Return a value as an operator would write it."""
    return (
        f"{value:g}s" if isinstance(value, kit.Duration) else int(value) if isinstance(value, kit.Size) else str(value)
    )
