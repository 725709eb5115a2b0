"""Python: a TypedDict for each event, and a class that sends them through Segment's client."""

import builtins
import keyword
import re
from typing import Any

from trackway.events.fql.functions import words
from trackway.workspace.plans.codegen.shapes import (
    Names,
    Planned,
    Shape,
    one_line,
    pascal_case,
    planned_functions,
    snake_case,
)
from trackway.workspace.plans.model import Plan

_HEAD = '''"""Typed calls of the tracking plan {plan}. Made by `trackway plan codegen python`; not to be edited.

    import segment.analytics

    tracker = Tracker(segment.analytics.Client("WRITE_KEY", host="http://localhost:8080"))
"""

{imports}

__all__ = [
{exported}
]


class Options(TypedDict, total=False):
    """What every call can say besides; it needs `user_id` or `anonymous_id`."""

    user_id: str | None
    anonymous_id: str | None
    context: dict[str, Any] | None
    timestamp: datetime | None
    integrations: dict[str, Any] | None
    message_id: str | None


class Client(Protocol):
    """What is needed of a client; Segment's `segment.analytics.Client` has it."""

{methods}


'''
# Not `**options: Unpack[Options]`: a client whose parameters have names of their own would not fit.
_METHOD = """    def {call}(
        self,
        *,
        {parameters},
        user_id: str | None = None,
        anonymous_id: str | None = None,
        context: dict[str, Any] | None = None,
        timestamp: datetime | None = None,
        integrations: dict[str, Any] | None = None,
        message_id: str | None = None,
    ) -> Any: ...
"""
_TYPING = ("Any", "Literal", "NotRequired", "Protocol", "TypedDict", "Unpack")
_PAGE = ("category: str | None = None", "name: str | None = None", "properties: dict[str, Any] | None = None")
_CALLS = {
    "track": ("event: str", "properties: dict[str, Any] | None = None"),
    "identify": ("traits: dict[str, Any] | None = None",),
    "page": _PAGE,
    "screen": _PAGE,
    "group": ("group_id: str", "traits: dict[str, Any] | None = None"),
}
_TRACKER = '''class Tracker:
    """Sends the events of {plan} through a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

'''
_TAIL = '''

def _with_version(options: Options, version: int) -> Options:
    """Return the options with the version of the event, by which the plan is looked up."""
    context = options.get("context") or {}
    known: Mapping[str, Any] = context.get("protocols") or {}
    return {**options, "context": {**context, "protocols": {**known, "event_version": version}}}
'''
_TYPES = {
    "any": "Any",
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "string": "str",
    "null": "None",
    "date-time": "datetime | str",
}
_RESERVED = frozenset(
    {*dir(builtins), *keyword.kwlist, *_TYPING, "Client", "Options", "Tracker", "Mapping", "datetime"}
)


def python_code(plan: Plan) -> str:
    """Return the text of a module, for Python 3.11 and later, clean under pyright's strict rules."""
    writer = _Writer()
    functions = planned_functions(plan)
    methods = [writer.method(one) for one in functions]
    calls = dict.fromkeys(one.rule.type for one in functions)
    versioned = any(one.version for one in functions)
    protocol = (
        "\n".join(_METHOD.format(call=call, parameters=",\n        ".join(_CALLS[call])) for call in calls)
        or "    ...\n"
    )
    name = one_line(plan.name).replace("\\", "").replace('"""', "'''")
    body = "\n\n".join([*writer.classes, ""]) + _TRACKER.format(plan=name) + "\n".join(methods)
    imports = ["from collections.abc import Mapping"] if versioned else []
    imports.append("from datetime import datetime")
    used = [one for one in _TYPING if one not in ("Literal", "NotRequired") or f"{one}[" in body]
    imports.append(f"from typing import {', '.join(used)}")
    head = _HEAD.format(
        plan=name,
        imports="\n".join(imports),
        exported="\n".join(f'    "{one}",' for one in sorted(["Client", "Options", "Tracker", *writer.exported])),
        methods=protocol.removesuffix("\n"),
    )
    return head + body + (_TAIL if versioned else "")


class _Writer:
    """Collects classes while functions are written."""

    def __init__(self) -> None:
        self.classes: list[str] = []
        self.exported: list[str] = []
        self._class_names = Names(pascal_case, _RESERVED)
        self._method_names = Names(lambda parts: _safe(snake_case(parts)), frozenset({"_client"}))

    def method(self, one: Planned) -> str:
        """Return the method that sends an event, and write its class."""
        rule, given = one.rule, one.shape.row.path[0]
        kind = self._class_of(one.shape, one.words, rule.description or f"The {given} of {rule.title}.")
        parameter = f"{given}: {kind} | None = None" if one.optional else f"{given}: {kind}"
        first, more = {
            "group": ("group_id: str, ", "group_id=group_id, "),
            "page": ("name: str | None = None, ", "name=name, "),
            "screen": ("name: str | None = None, ", "name=name, "),
        }.get(rule.type, ("", ""))
        if first and not one.optional and rule.type != "group":
            first, parameter = "", f"{parameter}, {first.removesuffix(', ')}"
        name = self._method_names.give(one.words)
        what = one_line(rule.description) or (f"Send {rule.event}." if rule.event else f"Send a call of {rule.type}.")
        if rule.type == "track":
            more = f"event={_text(rule.event)}, "
        value = f"dict({given}){' if ' + given + ' else None' if one.optional else ''}"
        options = f"_with_version(options, {one.version})" if one.version else "options"
        return (
            f"    def {name}(self, {first}{parameter}, **options: Unpack[Options]) -> None:\n"
            f"        {_docstring(what)}\n"
            f"        self._client.{rule.type}({more}{given}={value}, **{options})\n"
        )

    def _class_of(self, shape: Shape, parts: list[str], description: str) -> str:
        """Write the class of an object and return its name."""
        name = self._class_names.give(parts)
        fields = [
            (key, self._type_of(member, [*parts, *(word.lower() for word in words(key))]), member)
            for key, member in shape.named.items()
        ]
        what = one_line(description) or f"Members of {'.'.join(shape.row.path)}."
        if all(key.isidentifier() and not keyword.iskeyword(key) and not key.startswith("__") for key, *_ in fields):
            lines = [f"class {name}(TypedDict):", f"    {_docstring(what)}", ""]
            lines += [line for key, type_, member in fields for line in _field(f"{key}: ", type_, member, "")]
        else:
            lines = [f"# {what}", f"{name} = TypedDict(", f"    {_text(name)},", "    {"]
            for key, type_, member in fields:
                lines += ["    " + line for line in _field(f"{_text(key)}: ", type_, member, ",")]
            lines += ["    },", ")"]
        self.classes.append("\n".join(lines).rstrip() + "\n")
        self.exported.append(name)
        return name

    def _type_of(self, shape: Shape, parts: list[str]) -> str:
        row = shape.row
        if row.enum:
            if all(isinstance(one, str | bool | int | None) for one in row.enum):
                return f"Literal[{', '.join(_text(one) if isinstance(one, str) else repr(one) for one in row.enum)}]"
            return "float | str | None"
        found: list[str] = []
        for type_ in shape.types:
            if type_ == "object":
                found.append(self._class_of(shape, parts, row.description) if shape.named else "dict[str, Any]")
            elif type_ == "array":
                items = self._type_of(shape.items, [*parts, "item"]) if shape.items else "Any"
                found.append(f"list[{items}]")
            else:
                found.append(_TYPES[type_])
        return " | ".join(dict.fromkeys(found))


def _field(head: str, type_: str, member: Shape, end: str) -> list[str]:
    written = type_ if member.row.required else f"NotRequired[{type_}]"
    comment = [f"    # {one_line(member.row.description)}"] if member.row.description else []
    return [*comment, f"    {head}{written}{end}"]


def _safe(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _docstring(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""'


def _text(value: Any) -> str:
    """Return a text as a literal in double quotes."""
    escaped = re.sub(r'(["\\])', r"\\\1", str(value))
    return '"' + re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", lambda found: f"\\x{ord(found[0]):02x}", escaped) + '"'
