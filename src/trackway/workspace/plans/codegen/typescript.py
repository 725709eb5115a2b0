"""TypeScript: an interface for each event, and a class that sends them through Segment's Node client."""

import json
import re
from typing import Any

from trackway.workspace.plans.codegen.shapes import (
    Names,
    Planned,
    Shape,
    camel_case,
    one_line,
    pascal_case,
    planned_functions,
)
from trackway.workspace.plans.model import Plan

_HEAD = """// Typed calls of the tracking plan {plan}. Made by `trackway plan codegen typescript`; not to be edited.
//
//   import {{ Analytics }} from "@segment/analytics-node";
//   const tracker = new Tracker(new Analytics({{ writeKey: "WRITE_KEY", host: "http://localhost:8080" }}));

/** Who did it: at least one of the two. */
export type Who = {{ userId: string; anonymousId?: string }} | {{ userId?: string; anonymousId: string }};

/** What every call says besides its own. */
export type Options = Who & {{
  context?: Record<string, any>;
  timestamp?: Date | string;
  integrations?: Record<string, any>;
  messageId?: string;
}};

/** What is needed of a client; `Analytics` of @segment/analytics-node has it. */
export interface Client {{
{methods}}}

"""
_CALLS = {
    "track": "{ event: string; properties?: Record<string, any> }",
    "identify": "{ traits?: Record<string, any> }",
    "page": "{ category?: string; name?: string; properties?: Record<string, any> }",
    "screen": "{ category?: string; name?: string; properties?: Record<string, any> }",
    "group": "{ groupId: string; traits?: Record<string, any> }",
}
_TAIL = """
function withVersion(options: Options, version: number): Options {
  const context = options.context ?? {};
  return { ...options, context: { ...context, protocols: { ...context.protocols, event_version: version } } };
}
"""
_TYPES = {
    "any": "unknown",
    "boolean": "boolean",
    "integer": "number",
    "number": "number",
    "string": "string",
    "null": "null",
    "date-time": "Date | string",
}
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*", re.ASCII)
_RESERVED = frozenset({"Who", "Options", "Client", "Tracker", "Record", "Date", "Object", "Array", "String", "Number"})


def typescript_code(plan: Plan) -> str:
    """Return the text of a module, clean under `tsc --strict`."""
    functions = planned_functions(plan)
    types, methods = Names(pascal_case, _RESERVED), Names(camel_case, frozenset({"constructor", "client"}))
    interfaces: list[str] = []
    written: list[str] = []
    for one in functions:
        name = types.give(one.words)
        interfaces.append(f"{_comment(one.rule.description, '')}export interface {name} {_object(one.shape, '')}\n")
        written.append(_method(one, name, methods.give(one.words)))
    calls = dict.fromkeys(one.rule.type for one in functions)
    client = "".join(f"  {call}(call: Options & {_CALLS[call]}): unknown;\n" for call in calls)
    text = _HEAD.format(plan=one_line(plan.name), methods=client) + "\n".join([*interfaces, ""])
    text += f"/** Sends the events of {_safe(plan.name)} through a client. */\nexport class Tracker {{\n"
    # Written out: type-stripping runtimes have no parameter properties.
    text += "  readonly #client: Client;\n\n  constructor(client: Client) {\n    this.#client = client;\n  }\n\n"
    text += "\n".join(written) + "}\n"
    return text + (_TAIL if any(one.version for one in functions) else "")


def _method(one: Planned, type_: str, name: str) -> str:
    rule, given = one.rule, one.shape.row.path[0]
    options = f"withVersion(options, {one.version})" if one.version else "options"
    own = {
        "track": f"event: {json.dumps(rule.event, ensure_ascii=False)}, ",
        "group": "groupId, ",
        "page": "...(name === undefined ? {} : { name }), ",
        "screen": "...(name === undefined ? {} : { name }), ",
    }.get(rule.type, "")
    first = {"group": "groupId: string, ", "page": "name: string | undefined, ", "screen": "name: string | undefined, "}
    return (
        f"{_comment(rule.description, '  ')}"
        f"  {name}({first.get(rule.type, '')}{given}: {type_}, options: Options): void {{\n"
        f"    this.#client.{rule.type}({{ ...{options}, {own}{given}: {{ ...{given} }} }});\n"
        f"  }}\n"
    )


def _object(shape: Shape, indent: str) -> str:
    if not shape.named:
        return "{}"
    lines = ["{"]
    for key, member in shape.named.items():
        name = key if _IDENTIFIER.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        mark = "" if member.row.required else "?"
        inner = f"{indent}  "
        comment = _comment(member.row.description, inner)
        lines.append(f"{comment}{inner}{name}{mark}: {_type_of(member, inner)};")
    return "\n".join([*lines, f"{indent}}}"])


def _type_of(shape: Shape, indent: str) -> str:
    if shape.row.enum:
        return " | ".join(_literal(one) for one in shape.row.enum)
    found: list[str] = []
    for type_ in shape.types:
        if type_ == "object":
            found.append(_object(shape, indent) if shape.named else "Record<string, unknown>")
        elif type_ == "array":
            found.append(f"Array<{_type_of(shape.items, indent) if shape.items else 'unknown'}>")
        else:
            found.append(_TYPES[type_])
    return " | ".join(dict.fromkeys(found))


def _literal(value: Any) -> str:
    return "unknown" if isinstance(value, dict | list) else json.dumps(value, ensure_ascii=False)


def _comment(text: str, indent: str) -> str:
    return f"{indent}/** {_safe(text)} */\n" if text else ""


def _safe(text: str) -> str:
    return one_line(text).replace("*/", "* /")
