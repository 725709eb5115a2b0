"""Write a plan as YAML that reads as a table: a line for each value, columns aligned."""

import json
import re
from typing import Any, cast

import msgspec
import yaml

from trackway.workspace.plans.model import CALL_TYPES, MEMBERS, Controls, Plan, Row, Rule

_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that end a line, or that a YAML file must not have."""
_LONGEST_KEY = 1000
"""YAML readers look at most 1,024 characters ahead for the colon of a key that is not announced by `?`."""


def write_plan(plan: Plan) -> str:
    """Return the YAML text of a plan; `parse_plan` gives the plan again."""
    lines = [f"plan: {_text(plan.name)}"]
    if plan.description:
        lines.append(f"description: {_text(plan.description)}")
    lines += _sources(plan)
    if said := _changed(plan.controls, Controls()):
        lines.append(f"violations: {_flow(said)}")
    for kind in CALL_TYPES:
        rules = [rule for rule in plan.rules if rule.type == kind]
        if not rules:
            continue
        lines += ["", f"{kind}:"]
        if kind == "track":
            for number, name in enumerate(dict.fromkeys(rule.event for rule in rules)):
                lines += [""] * (number > 0)
                lines += _event(name, [rule for rule in rules if rule.event == name])
        else:
            lines += _rule(rules[0], "  ")
    return "\n".join(lines) + "\n"


def _sources(plan: Plan) -> list[str]:
    if plan.sources is None:
        return []
    if all(controls == plan.controls for controls in plan.sources.values()):
        return [f"sources: {_flow(list(plan.sources))}"]
    return ["sources:"] + [
        f"  {_text(name)}: {_flow(_changed(controls, plan.controls))}" for name, controls in plan.sources.items()
    ]


def _changed(controls: Controls, base: Controls) -> dict[str, Any]:
    before = msgspec.structs.asdict(base)
    return {key: value for key, value in msgspec.structs.asdict(controls).items() if value != before[key]}


def _event(name: str, rules: list[Rule]) -> list[str]:
    lines = _key(name, "  ")
    if len(rules) == 1 and rules[0].version == 1:
        return lines + _rule(rules[0], "    ")
    lines.append("    versions:")
    for rule in sorted(rules, key=lambda one: one.version):
        lines += [f"      {rule.version}:", *_rule(rule, "        ")]
    return lines


def _rule(rule: Rule, indent: str) -> list[str]:
    lines: list[str] = []
    if rule.description:
        lines.append(f"{indent}description: {_text(rule.description)}")
    if rule.labels:
        lines.append(f"{indent}labels: {_flow(rule.labels)}")
    for table in MEMBERS[rule.type]:
        if table in rule.tables:
            rows = [row for row in rule.rows if row.path[0] == table]
            lines.append(f"{indent}{table}:" + ("" if rows else " {}"))
            lines += _table(rows, indent + "  ")
    if rule.schema:
        lines.append(f"{indent}schema: {_flow(rule.schema)}")
    # A rule about nothing but the name is a table without rows in YAML.
    return lines or [f"{indent}description: ''"]


def _table(rows: list[Row], indent: str) -> list[str]:
    keys = [_key(".".join(_escaped(step) for step in row.path[1:]), indent) for row in rows]
    width = len(indent) + min(max((len(key[-1]) - len(indent) for key in keys), default=0), 40)
    lines: list[str] = []
    for (*above, last), row in zip(keys, rows, strict=True):
        lines += [*above, f"{last:<{width}} {_row(row)}"]
    return lines


def _row(row: Row) -> str:
    type_ = "|".join(row.types) + ("!" if row.required else "")
    said: dict[str, Any] = {
        "type": type_,
        "enum": list(row.enum),
        "pattern": row.pattern,
        "minimum": row.minimum,
        "maximum": row.maximum,
        "description": row.description,
        "schema": row.schema,
    }
    said = {key: value for key, value in said.items() if value not in (None, "", [], {}) or value == 0}
    return _flow(type_) if said.keys() == {"type"} else _flow(said)


def _escaped(step: str) -> str:
    return step.replace("\\", "\\\\").replace(".", "\\.")


def _key(text: str, indent: str) -> list[str]:
    """Return the lines of a key up to its colon: one, or two where YAML takes no such key in one."""
    written = _text(text)
    return [f"{indent}{written}:"] if len(written) <= _LONGEST_KEY else [f"{indent}? {written}", f"{indent}:"]


def _text(text: str) -> str:
    """Return a text as it stands in one line, as a key or a value."""
    if _BREAKING.search(text):
        # YAML's own quotes would go over several lines, which a key cannot.
        return _BREAKING.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
    # Dumped within a list, because a text alone may be plain where it could not be among others.
    return yaml.safe_dump([text], default_flow_style=True, allow_unicode=True, width=float("inf"))[1:-2]


def _flow(value: Any) -> str:
    """Return a value in one line."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        members = cast("dict[Any, Any]", value).items()
        return "{" + ", ".join(f"{' '.join(_key(str(key), ''))} {_flow(member)}" for key, member in members) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, cast('list[Any]', value)))}]"
    return yaml.safe_dump([value], default_flow_style=True)[1:-2]
