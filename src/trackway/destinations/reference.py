"""What there is to know of a destination type: read from its module, shown by the command line and in the docs."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from trackway.destinations import kit, registry
from trackway.destinations.kit import actions as act
from trackway.destinations.kit import expressions as ex
from trackway.destinations.schema import Schema, default_told, schema_of


class Setting(Struct):
    """One of the settings."""

    name: str
    kind: str
    default: str
    """As text; `""`: it is needed."""
    about: str


class FieldShown(Struct):
    """A field of an action."""

    name: str
    kind: str
    source: str
    """Where its value usually comes from."""
    required: bool
    about: str


class ActionShown(Struct):
    """An action and its fields."""

    name: str
    about: str
    fields: list[FieldShown]
    left_out: list[str] = []
    """Reasons of its rules: why it does not send an event."""


class MappingShown(Struct):
    """One of the usual mappings."""

    name: str
    action: str
    trigger: str
    fields: dict[str, str]
    """The fields that come from elsewhere than usual."""


class Reference(Struct):
    """All about a destination type."""

    type: str
    name: str
    """In an event's `integrations`."""
    summary: str
    facts: dict[str, str]
    """Source, limits and the like, from the module's docstring."""
    settings: list[Setting]
    actions: list[ActionShown]
    mappings: list[MappingShown]
    first_match: bool
    rows_in_a_request: int | None


def reference(kind: str, folder: Path | None = None) -> Reference:
    """Return what there is to know of a destination type.

    Raises:
        DestinationError: there is no such type.
    """
    module = cast("Any", registry.find(kind, folder))
    summary, facts = _told(inspect.getdoc(module) or "")
    actions: Mapping[str, kit.Action] = getattr(module, "ACTIONS", {})
    mappings: Mapping[str, kit.Mapping] = getattr(module, "MAPPINGS", {})
    return Reference(
        type=kind,
        name=module.NAME,
        summary=summary,
        facts=facts,
        settings=_settings(module.Settings),
        actions=[_action(name, action) for name, action in actions.items()],
        mappings=[_mapping(name, mapping) for name, mapping in mappings.items()],
        first_match=getattr(module, "FIRST_MATCH", False),
        rows_in_a_request=module.LIMITS.events if hasattr(module, "LIMITS") else None,
    )


def _told(text: str) -> tuple[str, dict[str, str]]:
    """Return a docstring's first line, and its paragraphs of the form `Source:   …` by name."""
    summary, _, rest = text.partition("\n")
    facts: dict[str, str] = {}
    last = ""
    for line in rest.splitlines():
        name, colon, words = line.partition(":")
        if colon and line[:1].isupper() and " " not in name:
            last = name
            facts[last] = words.strip()
        elif last and line.startswith(" "):
            facts[last] += " " + line.strip()
        elif not line.strip():
            last = ""
    return summary, facts


def _settings(settings: type[Struct]) -> list[Setting]:
    parts: dict[str, Schema] = {}
    schema_of(settings, parts)
    shown: list[Setting] = []
    for field in msgspec.structs.fields(settings):
        one = parts[settings.__name__]["properties"][field.encode_name]
        shown.append(Setting(field.encode_name, _kind(one), default_told(field), one.get("description", "")))
    return shown


def _kind(schema: Schema) -> str:
    """Return a JSON Schema's type in few words."""
    if "enum" in schema:
        return " or ".join(str(one) for one in schema["enum"])
    if "x-kind" in schema:
        return schema["x-kind"]
    if "anyOf" in schema:
        kinds = [_kind(one) for one in schema["anyOf"]]
        return " or ".join(kind for kind in kinds if kind != "null")
    kind = str(schema.get("type", "object"))
    return {"boolean": "true or false", "string": "text", "integer": "whole number", "array": "list"}.get(kind, kind)


def _action(name: str, action: kit.Action) -> ActionShown:
    fields = [
        FieldShown(field, _field_kind(one), source_told(one.default), one.required, one.about)
        for field, one in action.fields.items()
    ]
    return ActionShown(name, action.about, fields, list(dict.fromkeys(rule.reason for rule in action.rules)))


def _field_kind(one: act.Field) -> str:
    if one.choices:
        return " or ".join(str(choice) for choice in one.choices)
    kinds = {"whole": "whole number", "flag": "true or false", "items": "list of objects", "texts": "list of texts"}
    return kinds.get(one.kind, one.kind)


def _mapping(name: str, mapping: kit.Mapping) -> MappingShown:
    fields = {field: source_told(ex.read(source)) for field, source in mapping.fields.items()}
    return MappingShown(name, mapping.action, mapping.trigger, fields)


def source_told(source: ex.Expression) -> str:
    """Return in few words where a value comes from; `""` for nowhere."""
    match source:
        case ex.const():
            if source.value is None:
                return ""
            # Sets have no order of their own; the pages are to be the same every time.
            return msgspec.json.encode(source.value, enc_hook=str, order="deterministic").decode()
        case ex.at():
            return f"$.{source.path.removeprefix('$.')}" if source.path else "$"
        case ex.first_of():
            return ", else ".join(source_told(choice) for choice in source.choices)
        case ex.template():
            return f'"{source.text}"'
        case ex.each():
            return f"each of {source_told(source.items)}: {source_told(source.shape)}"
        case ex.fields():
            return "{" + ", ".join(f"{name}: {source_told(one)}" for name, one in source.members.items()) + "}"
        case ex.merge():
            return " with ".join(source_told(one) for one in source.objects)
        case ex.when():
            either = [told for one in (source.then, source.otherwise) if (told := source_told(one))]
            return " or ".join(either)
        case ex.member():
            return source_told(source.value)
        case ex.call():
            words = source.function.__name__.strip("_").replace("_", " ")
            given = ", ".join(told for one in source.arguments if (told := source_told(one)))
            return f"{words} of {given}" if given else words
        case _:
            return type(source).__name__
