"""Read a plan's YAML, with errors that name the line.

    plan: Shop
    sources: [web]
    violations: {unplanned_events: quarantine}
    track:
      Order Completed:
        description: A customer has paid.
        properties:
          order_id: string!
          total:    {type: number!, minimum: 0, description: With tax and shipping.}
          products.$.sku: string!

A type is written `string`, `string!` when the value is required, `string|null` when it may be several.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, cast

import jsonschema_rs
import msgspec
import yaml

from trackway.events import fql
from trackway.workspace.plans.model import (
    CALL_TYPES,
    ITEM,
    MEMBERS,
    TYPES,
    CallType,
    Controls,
    Plan,
    PlanError,
    Row,
    Rule,
)
from trackway.workspace.plans.schema import OWN_WORDS, schema_of

_Place = tuple[str, ...]
_PLAN_KEYS = ("plan", "description", "sources", "violations", *CALL_TYPES)
_RULE_KEYS = ("description", "labels", "schema")
_ROW_KEYS = ("type", "required", "enum", "pattern", "minimum", "maximum", "description", "schema")


def parse_plan(text: str, file: str, *, id_: str = "") -> Plan:
    """Return the plan that `text` says; `file` is its name for messages.

    Raises:
        PlanError: with the file, the line and what to do.
    """
    return _Reader(text, file).plan(id_)


class _Reader:
    """Reads one file."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._lines: dict[_Place, int] = {}
        try:
            node = cast("yaml.Node | None", cast("Any", yaml).compose(text, Loader=yaml.CSafeLoader))
            self._tree = yaml.load(text, Loader=_Strict)  # noqa: S506 - a subclass of the safe loader
        except yaml.YAMLError as error:
            raise PlanError(f"{file}{_what_is_wrong(error)}") from None
        if node is not None:
            self._note_lines(node, ())

    def plan(self, id_: str) -> Plan:
        """Return the plan."""
        tree = self._mapping(self._tree, (), _PLAN_KEYS)
        rules: list[Rule] = []
        for kind in CALL_TYPES:
            if kind in tree:
                rules += self._rules(kind, tree[kind])
        controls = self._controls(tree.get("violations", {}), ("violations",), Controls())
        return Plan(
            name=self._text(tree.get("plan", id_), ("plan",)),
            id=id_,
            description=self._text(tree.get("description", ""), ("description",)),
            sources=self._sources(tree.get("sources"), controls),
            controls=controls,
            rules=tuple(rules),
        )

    def _rules(self, kind: CallType, value: Any) -> list[Rule]:
        if kind != "track":
            return self._versions(kind, "", value, (kind,))
        events = self._mapping(value, (kind,))
        return [
            rule for name, said in events.items() for rule in self._versions(kind, str(name), said, (kind, str(name)))
        ]

    def _versions(self, kind: CallType, event: str, value: Any, place: _Place) -> list[Rule]:
        keys = (*_RULE_KEYS, *MEMBERS[kind])
        said = self._mapping(value, place, (*keys, "versions") if kind == "track" else keys)
        if "versions" not in said:
            return [self._rule(kind, event, 1, said, place)]
        rules: list[Rule] = []
        shared = {key: one for key, one in said.items() if key in ("description", "labels")}
        if others := [key for key in said if key not in ("versions", "description", "labels")]:
            self._fail((*place, others[0]), "belongs into one of the versions")
        for number, one in self._mapping(said["versions"], (*place, "versions")).items():
            at = (*place, "versions", str(number))
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                self._fail(at, "a version is a whole number from 1")
            rules.append(self._rule(kind, event, number, shared | self._mapping(one, at, keys), at))
        return rules

    def _rule(self, kind: CallType, event: str, version: int, said: Mapping[str, Any], place: _Place) -> Rule:
        tables = tuple(member for member in MEMBERS[kind] if member in said)
        rows: list[Row] = []
        for table in tables:
            rows += self._rows(said[table], table, (*place, table))
        rule = Rule(
            type=kind,
            event=event,
            version=version,
            description=self._text(said.get("description", ""), (*place, "description")),
            labels={
                str(key): self._text(one, (*place, "labels", str(key)))
                for key, one in self._mapping(said.get("labels", {}), (*place, "labels")).items()
            },
            rows=tuple(rows),
            tables=tables,
            schema=self._mapping(said.get("schema", {}), (*place, "schema")),
        )
        self._check(rule, place)
        return rule

    def _rows(self, value: Any, table: str, place: _Place) -> list[Row]:
        rows: list[Row] = []
        seen: set[_Place] = set()
        for name, said in self._mapping(value, place).items():
            at = (*place, str(name))
            try:
                path = (table, *fql.parse_path(str(name)))
            except ValueError as error:
                self._fail(at, str(error))
            if path in seen:
                self._fail(at, "stands here twice")
            seen.add(path)
            rows.append(self._row(path, {"type": said} if isinstance(said, str) else said, at))
        return rows

    def _row(self, path: _Place, value: Any, place: _Place) -> Row:
        said = self._mapping(value, place, _ROW_KEYS)
        types, required = self._types(said.get("type", "any"), place)
        enum = said.get("enum", [])
        if not isinstance(enum, list):
            self._fail((*place, "enum"), "write the permitted values as a list: [a, b]")
        if not isinstance(said.get("required", False), bool):
            self._fail((*place, "required"), "is true or false")
        schema = self._mapping(said.get("schema", {}), (*place, "schema"))
        for word in schema:
            if word in OWN_WORDS:
                self._fail((*place, "schema", str(word)), "is said by rows and columns of the table")
        row = Row(
            path=path,
            types=types,
            required=required or said.get("required", False),
            enum=tuple(cast("list[Any]", enum)),
            pattern=self._text(said.get("pattern", ""), (*place, "pattern")),
            minimum=self._number(said.get("minimum"), (*place, "minimum")),
            maximum=self._number(said.get("maximum"), (*place, "maximum")),
            description=self._text(said.get("description", ""), (*place, "description")),
            schema=schema,
        )
        if row.required and path[-1] == ITEM:
            self._fail(place, "members of an array cannot be required; use schema: {minItems: 1} on the array")
        return row

    def _types(self, value: Any, place: _Place) -> tuple[tuple[str, ...], bool]:
        if not isinstance(value, str):
            self._fail((*place, "type"), "write types as text, such as string or number|null")
        text = value.strip()
        required = text.endswith("!")
        names = tuple(name.strip() for name in text.removesuffix("!").split("|"))
        for name in names:
            if name not in TYPES:
                self._fail(
                    place, f"there is no type {name or value!r}{_hint(name, TYPES)}; there are {', '.join(TYPES)}"
                )
        return names, required

    def _controls(self, value: Any, place: _Place, base: Controls) -> Controls:
        said = self._mapping(value, place, Controls.__struct_fields__)
        try:
            return msgspec.convert({**msgspec.structs.asdict(base), **said}, Controls)
        except msgspec.ValidationError as error:
            name = str(error).rpartition("`$.")[2].removesuffix("`")
            choices = "allow, flag or quarantine" if name == "unplanned_events" else "allow, flag, omit or quarantine"
            self._fail((*place, name), f"is {choices}")

    def _sources(self, value: Any, controls: Controls) -> dict[str, Controls] | None:
        if value is None:
            return None
        if isinstance(value, list):
            return {self._text(one, ("sources",)): controls for one in cast("list[Any]", value)}
        return {
            str(name): self._controls(said or {}, ("sources", str(name)), controls)
            for name, said in self._mapping(value, ("sources",)).items()
        }

    def _check(self, rule: Rule, place: _Place) -> None:
        try:
            jsonschema_rs.Draft7Validator(schema_of(rule), pattern_options=jsonschema_rs.RegexOptions())
        except (jsonschema_rs.ValidationError, ValueError) as error:
            for row in rule.rows:
                self._check_row(rule, row, place)
            self._fail(place, f"is no JSON Schema of draft-07: {str(error).splitlines()[0]}")

    def _check_row(self, rule: Rule, row: Row, place: _Place) -> None:
        alone = Rule(type=rule.type, rows=(row,), tables=(row.path[0],))
        try:
            jsonschema_rs.Draft7Validator(schema_of(alone), pattern_options=jsonschema_rs.RegexOptions())
        except (jsonschema_rs.ValidationError, ValueError) as error:
            name = ".".join(step.replace(".", "\\.") for step in row.path[1:])
            what = f"the pattern {row.pattern}" if row.pattern else "the row"
            advice = "; patterns have no look-around and no back-references" if row.pattern else ""
            self._fail((*place, row.path[0], name), f"{what} cannot be used: {str(error).splitlines()[0]}{advice}")

    def _mapping(self, value: Any, place: _Place, known: Iterable[str] = ()) -> dict[Any, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._fail(place, f"expected a table of names, found {value!r}")
        said = cast("dict[Any, Any]", value)
        names = tuple(known)
        for key in said:
            if names and key not in names:
                self._fail((*place, str(key)), f"is unknown{_hint(str(key), names)}")
        return said

    def _text(self, value: Any, place: _Place) -> str:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            self._fail(place, f"expected text, found {value!r}; put it in quotes")
        return str(value)

    def _number(self, value: Any, place: _Place) -> float | int | None:
        if not isinstance(value, int | float | None) or isinstance(value, bool):
            self._fail(place, f"expected a number, found {value!r}")
        return value

    def _fail(self, place: _Place, problem: str) -> NoReturn:
        line = next((self._lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self._lines), 1)
        raise PlanError(f"{self._file}:{line}: {'.'.join(place)}{': ' if place else ''}{problem}")

    def _note_lines(self, node: yaml.Node, place: _Place) -> None:
        self._lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
                below = (*place, str(key.value))
                self._lines[below] = key.start_mark.line + 1
                self._note_lines(value, below)


def _what_is_wrong(error: yaml.YAMLError) -> str:
    """Return the line and the fault of what is no YAML."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f":{error.problem_mark.line + 1}: {error.problem}"
    return f": {error}"


class _Strict(yaml.CSafeLoader):
    """Refuses a key that stands twice in a table: YAML would let the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            name = str(key.value)
            if name in seen and name != "<<":
                line = key.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: {name} stands here twice")
            seen.add(name)
        return super().construct_mapping(node, deep)


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
