"""Write the plan that recorded events follow: a first draft for people to correct.

What is there every time becomes required, a text of few values an enumeration. Memory is bounded whatever comes: by the
number of events, of paths in an event, and of values kept for a path.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from trackway.workspace.plans.model import ITEM, MEMBERS, CallType, Plan, Row, Rule

MAX_EVENTS = 2000
MAX_ROWS = 300
"""Of one event; what else it has is left to an open object."""
MAX_KEYS = 60
"""An object with more different keys holds data in its keys; they become no rows."""
_MAX_VALUES = 10
_MAX_VALUE_CHARS = 40
_ENOUGH = 50
"""Occurrences from which few values are a rule and not chance."""
_REPEATED = 5
"""How often each value of an enumeration must occur on average."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")
_COUNTED = re.compile(r"(?:^|_)(?:count|quantity|position|index|rank|year|age|step|page|size|number)$", re.IGNORECASE)
_PERSONAL = re.compile(
    r"@|\d{6}|(?:^|_)(?:id|name|email|phone|token|key|url|query|street|city|address)$", re.IGNORECASE
)
_CALLS: tuple[CallType, ...] = ("track", "identify", "page", "screen", "group")


class PlanInference:
    """Watches events, and says what plan they follow."""

    def __init__(self) -> None:
        self._seen: dict[tuple[CallType, str], _Seen] = {}
        self.left_out = 0
        """Events of names beyond `MAX_EVENTS`."""

    def add(self, event: Mapping[str, Any]) -> None:
        """Take one event into account (JSON values, in Segment's terms); calls of other types are passed over."""
        kind = event.get("type")
        if kind not in _CALLS:
            return
        name = event.get("event") if kind == "track" else ""
        if not isinstance(name, str) or (kind == "track" and not name):
            return
        key = (kind, name)
        if key not in self._seen:
            if len(self._seen) >= MAX_EVENTS:
                self.left_out += 1
                return
            self._seen[key] = _Seen()
        value = event.get(MEMBERS[kind][0])
        self._seen[key].add(cast("dict[str, Any]", value) if isinstance(value, dict) else {})

    def plan(self, name: str, *, description: str = "") -> Plan:
        """Return the plan, events and rows in the order of their names."""
        rules = [
            seen.rule(kind, event)
            for (kind, event), seen in sorted(self._seen.items(), key=lambda one: (_CALLS.index(one[0][0]), one[0][1]))
        ]
        return Plan(name=name, description=description, rules=tuple(rules))


class _Seen:
    """What was seen of one event."""

    def __init__(self) -> None:
        self._root = _Node()
        self._nodes = 0

    def add(self, value: dict[str, Any]) -> None:
        self._root.count += 1
        self._add_members(self._root, value)

    def rule(self, kind: CallType, event: str) -> Rule:
        if self._root.open:
            return Rule(type=kind, event=event)
        table = MEMBERS[kind][0]
        rows = [
            # The pipeline names the currency where a client does not, after it has asked the plan.
            msgspec.structs.replace(row, required=False) if kind == "track" and row.path == (table, "currency") else row
            for row in self._root.member_rows((table,), "")
        ]
        return Rule(type=kind, event=event, rows=tuple(rows), tables=(table,))

    def _add(self, node: "_Node", value: Any) -> None:
        node.count += 1
        node.note(value)
        if isinstance(value, dict):
            node.objects += 1
            self._add_members(node, cast("dict[str, Any]", value))
        elif isinstance(value, list) and (items := self._child(node, ITEM)):
            for item in cast("list[Any]", value):
                self._add(items, item)

    def _add_members(self, node: "_Node", value: dict[str, Any]) -> None:
        # A path cannot name these two.
        node.open = node.open or "" in value or ITEM in value
        for key, member in value.items():
            if child := self._child(node, key):
                self._add(child, member)

    def _child(self, node: "_Node", key: str) -> "_Node | None":
        found = node.children.get(key)
        if found is None and not node.open:
            if len(node.children) >= MAX_KEYS or self._nodes >= MAX_ROWS:
                node.open = True
                return None
            self._nodes += 1
            found = node.children[key] = _Node()
        return found


class _Node:
    """What was seen at one path."""

    __slots__ = ("children", "count", "moments", "objects", "open", "texts", "types", "values")

    def __init__(self) -> None:
        self.count = 0
        self.objects = 0
        self.types: dict[str, int] = {}
        self.texts = 0
        self.moments = 0
        self.values: set[str] | None = set()
        """Distinct texts; None once there are too many, or one too long."""
        self.children: dict[str, _Node] = {}
        self.open = False

    def note(self, value: Any) -> None:
        """Take in the type, and a text's value."""
        type_ = _type_of(value)
        self.types[type_] = self.types.get(type_, 0) + 1
        if not isinstance(value, str):
            return
        self.texts += 1
        self.moments += _MOMENT.fullmatch(value) is not None
        if self.values is not None:
            self.values.add(value)
            if len(self.values) > _MAX_VALUES or len(value) > _MAX_VALUE_CHARS or _PERSONAL.search(value):
                self.values = None

    def member_rows(self, path: tuple[str, ...], name: str) -> list[Row]:
        """Return the rows of what stands in this object or array."""
        if self.open:
            return []
        rows: list[Row] = []
        for key, child in sorted(self.children.items()):
            parents = self.objects if name else self.count
            required = key != ITEM and child.count == parents
            below = child.member_rows((*path, key), key)
            own = child.row((*path, key), key, required=required)
            plain = key == ITEM and below and own == Row(path=own.path, types=("object",))
            rows += below if plain else [own, *below]
        return rows

    def row(self, path: tuple[str, ...], name: str, *, required: bool) -> Row:
        """Return this path's own row."""
        names = set(self.types)
        if "number" in names or ("integer" in names and not _COUNTED.search(name)):
            names = names - {"integer"} | {"number"}
        if self.texts and self.moments == self.texts:
            names = names - {"string"} | {"date-time"}
        order = ("array", "object", "boolean", "integer", "number", "string", "date-time", "null")
        types = tuple(one for one in order if one in names)
        return Row(path=path, types=types or ("any",), required=required, enum=self._enum(names, name))

    def _enum(self, names: set[str], name: str) -> tuple[Any, ...]:
        if not self.values or not names <= {"string", "null"} or _PERSONAL.search(name):
            return ()
        if self.texts < max(_ENOUGH, _REPEATED * len(self.values)):
            return ()
        return (*sorted(self.values), *([None] if "null" in names else []))


def _type_of(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return {str: "string", int: "integer", float: "number", list: "array"}.get(cast("type[Any]", type(value)), "object")
