"""Hold events against a plan, by compiled JSON Schemas (jsonschema-rs), and say in plain words what is wrong.

A valid event costs one call of a validator that also refuses what is unplanned; only what fails it is looked at closer.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, cast

import jsonschema_rs

from trackway.events.members import ANY_MEMBERS, Members
from trackway.workspace.plans.model import Plan, Rule
from trackway.workspace.plans.quick import members_of, validator_of
from trackway.workspace.plans.schema import schema_of

Kind = Literal["unplanned", "unplanned_property", "required", "invalid_type", "invalid_value"]
SEGMENT_TYPES: dict[Kind, str] = {
    "unplanned": "Unplanned Event",
    "unplanned_property": "Unplanned Property",
    "required": "Required",
    "invalid_type": "Invalid Type",
    "invalid_value": "Invalid Value",
}
"""What Segment calls each kind, as in `context.protocols.violations`."""

Path = tuple[str | int, ...]
_TYPE_WORDS = {
    "array": "a list",
    "object": "an object",
    "integer": "a whole number",
    "null": "null",
    "boolean": "true or false",
}


class Violation(NamedTuple):
    """One thing that is not as planned. Nothing of it quotes the event's values."""

    kind: Kind
    path: Path
    """From the event down, keys and positions in arrays; of a missing value its own path."""
    description: str
    """A sentence, such as `properties.total should be a number, was a string`."""
    common: bool = False
    """True when it is the rule about every event that is broken."""

    @property
    def field(self) -> str:
        """The path as people write it."""
        return ".".join(map(str, self.path))

    @property
    def pointer(self) -> str:
        """The path as a JSON pointer."""
        return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in self.path)

    @property
    def named(self) -> Path:
        """The path of the nearest value that has a name: the value itself, or the array that it is a member of."""
        path = self.path
        while path and isinstance(path[-1], int):
            path = path[:-1]
        return path


class Verdict(NamedTuple):
    """What a plan says of an event."""

    violations: list[Violation]
    unknown_version: bool = False
    """The event asks for a version that the plan does not have; the oldest was used."""


_VALID = Verdict([])


class _Check:
    """A rule, compiled."""

    def __init__(self, rule: Rule) -> None:
        self._common = rule.type == "common"
        self._rule = rule
        self._schema = schema_of(rule, closed=not self._common)
        self._validator = validator_of(self._schema)
        self.fits = self._validator.is_valid
        """Tells whether an event has no violation."""

    def members(self, member: str) -> Members | None:
        """Return the table that says when an event fits by its one open member; None if that does not say it."""
        root = self._schema
        tables = cast("dict[str, dict[str, Any]]", root["properties"])
        elsewhere = [table for name, table in tables.items() if name != member and table != {"type": "object"}]
        if elsewhere or "allOf" in root or not set(root.get("required", ())) <= {member}:
            return None
        return members_of(tables[member]) if member in tables else ANY_MEMBERS

    def violations(self, event: dict[str, Any]) -> list[Violation]:
        """Return what is wrong with an event, once for each kind and path, in the order of the pointers."""
        found: dict[tuple[str, Path], Violation] = {}
        for error in self._validator.iter_errors(event):
            for one in _said(error, event):
                found.setdefault((one.kind, one.path), one._replace(common=self._common))
        # The validator promises no order, and a replay is to give the same event.
        return sorted(found.values(), key=lambda one: (one.pointer, one.kind))


class PlanCheck:
    """A plan, compiled."""

    def __init__(self, plan: Plan) -> None:
        """Compile its schemas; the plan was read without errors."""
        self.plan = plan
        self._tracks: dict[str, dict[int, _Check]] = {}
        self._calls: dict[str, _Check] = {}
        self._common: _Check | None = None
        for rule in plan.rules:
            if rule.type == "track":
                self._tracks.setdefault(rule.event, {})[rule.version] = _Check(rule)
            elif rule.type == "common":
                self._common = _Check(rule)
            elif rule.tables or rule.schema:
                self._calls[rule.type] = _Check(rule)

    def members(self, kind: str, event: str, member: str) -> Members | None:
        """Return the table of the open `member` by which a call of this kind, and event, surely has no violation.

        None if there is no such table. It is about calls that ask for no version.
        """
        check = self._calls.get(kind)
        if kind == "track" and self._tracks:
            versions = self._tracks.get(event)
            if versions is None:
                return None
            check = versions[min(versions)]
        own = ANY_MEMBERS if check is None else check.members(member)
        common = ANY_MEMBERS if self._common is None else self._common.members(member)
        return None if own is None or common is None else own.and_(common)

    def judge(self, event: dict[str, Any]) -> Verdict:
        """Return what is not as planned in an event (its `type`, `event`, `properties`, `traits`, `context`)."""
        kind = event.get("type")
        check, unknown_version = self._calls.get(cast("str", kind)), False
        if kind == "track" and self._tracks:
            versions = self._tracks.get(cast("str", event.get("event")))
            if versions is None:
                name = Violation("unplanned", ("event",), "the event is not in the plan")
                return Verdict([name, *self._common_violations(event)])
            check, unknown_version = _version(versions, event)
        fits = check is None or check.fits(event)
        if fits and not unknown_version and (self._common is None or self._common.fits(event)):
            return _VALID
        own = [] if check is None or fits else check.violations(event)
        return Verdict([*own, *self._common_violations(event)], unknown_version)

    def _common_violations(self, event: dict[str, Any]) -> list[Violation]:
        return [] if self._common is None else self._common.violations(event)


def _version(versions: dict[int, _Check], event: dict[str, Any]) -> tuple[_Check, bool]:
    """Return the check of the version that an event names, else of the oldest, and whether there is none such."""
    context = event.get("context")
    protocols = cast("dict[str, Any]", context).get("protocols") if isinstance(context, dict) else None
    wanted = cast("dict[str, Any]", protocols).get("event_version") if isinstance(protocols, dict) else None
    if type(wanted) is int and wanted in versions:
        return versions[wanted], False
    return versions[min(versions)], wanted is not None


def _said(error: jsonschema_rs.ValidationError, event: dict[str, Any]) -> Iterator[Violation]:
    path: Path = tuple(error.instance_path)
    facts = error.kind.as_dict()
    name = ".".join(map(str, path)) or "the event"
    match error.kind.name:
        case "required":
            missing = (*path, str(facts["property"]))
            yield Violation("required", missing, f"{'.'.join(map(str, missing))} is required")
        case "additionalProperties":
            for key in cast("list[str]", facts["unexpected"]):
                unplanned = (*path, key)
                yield Violation("unplanned_property", unplanned, f"{'.'.join(map(str, unplanned))} is not in the plan")
        case "type":
            wanted = " or ".join(_TYPE_WORDS.get(one, f"a {one}") for one in cast("list[str]", facts["types"]))
            yield Violation("invalid_type", path, f"{name} should be {wanted}, was {_type_of(event, path)}")
        case keyword:
            yield Violation("invalid_value", path, f"{name} {_value_problem(keyword, facts)}")


def _value_problem(keyword: str, facts: dict[str, Any]) -> str:
    """Return what a value should be, in words, by the keyword of JSON Schema that it breaks."""
    match keyword:
        case "enum":
            options = [str(one) if isinstance(one, str) else repr(one) for one in cast("list[Any]", facts["options"])]
            more = f" or one of {len(options) - 10} more" if len(options) > 10 else ""
            return f"should be one of {', '.join(options[:10])}{more}"
        case "pattern":
            return f"should match {facts['pattern']}"
        case "format" if facts.get("format") == "date-time":
            return "should be a moment in ISO 8601, such as 2026-11-20T10:00:00Z"
        case "format":
            return f"should be of the format {facts.get('format')}"
        case "minimum" | "exclusiveMinimum":
            return f"should be {'at least' if keyword == 'minimum' else 'more than'} {facts['limit']}"
        case "maximum" | "exclusiveMaximum":
            return f"should be {'at most' if keyword == 'maximum' else 'less than'} {facts['limit']}"
        case _:
            return f"does not fit `{keyword}` of its schema"


def _type_of(event: dict[str, Any], path: Path) -> str:
    value: Any = event
    for step in path:
        value = value[step]
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true or false"
    words = {str: "a string", int: "a number", float: "a number", list: "a list"}
    return words.get(cast("type[Any]", value.__class__), "an object")
