"""What code generators need of a plan: values as trees, and names that fit a language."""

from collections.abc import Callable
from typing import NamedTuple

from trackway.events.fql.functions import words
from trackway.workspace.plans.model import ITEM, MEMBERS, Plan, Row, Rule


class Shape:
    """A value: what its row says, and its members by name, or `$` for those of an array."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.members: dict[str, Shape] = {}

    @property
    def items(self) -> "Shape | None":
        """The shape of an array's members, where the plan says it."""
        return self.members.get(ITEM)

    @property
    def named(self) -> "dict[str, Shape]":
        """The members of an object."""
        return {name: shape for name, shape in self.members.items() if name != ITEM}

    @property
    def types(self) -> tuple[str, ...]:
        """The types of the row; of a value that has only members, what they make it."""
        if self.row.types != ("any",):
            return self.row.types
        return ("array",) if self.items else ("object",) if self.members else ("any",)


class Planned(NamedTuple):
    """One function to write: a rule, its names, and the shape of what it is given."""

    rule: Rule
    words: list[str]
    """Of the function's name, in lower case."""
    shape: Shape
    version: int | None
    """To be sent, where the event has several."""

    @property
    def optional(self) -> bool:
        """True when nothing has to be given."""
        return not any(member.row.required for member in self.shape.named.values())


def planned_functions(plan: Plan) -> list[Planned]:
    """Return what functions a plan asks for, in its order; `common` asks for none."""
    versions: dict[tuple[str, str], int] = {}
    for rule in plan.rules:
        versions[rule.type, rule.event] = versions.get((rule.type, rule.event), 0) + 1
    found: list[Planned] = []
    for rule in plan.rules:
        if rule.type == "common":
            continue
        several = versions[rule.type, rule.event] > 1
        named = [word.lower() for word in words(rule.event or rule.type)] or ["event"]
        # A track event may be called as a call is.
        if rule.event and len(named) == 1 and named[0] in MEMBERS:
            named.append("event")
        found.append(
            Planned(
                rule,
                [*named, f"v{rule.version}"] if several else named,
                shape_of(rule),
                rule.version if several else None,
            )
        )
    return found


def shape_of(rule: Rule) -> Shape:
    """Return the tree of the member that a function is given: `properties` or `traits`."""
    member = MEMBERS[rule.type][0]
    root = Shape(Row(path=(member,), types=("object",)))
    for row in rule.rows:
        if row.path[0] != member:
            continue
        shape = root
        for depth, step in enumerate(row.path[1:], 2):
            if step not in shape.members:
                shape.members[step] = Shape(Row(path=row.path[:depth]))
            shape = shape.members[step]
        shape.row = row
    return root


class Names:
    """Gives each thing a name of its own."""

    def __init__(self, make: Callable[[list[str]], str], taken: frozenset[str] = frozenset()) -> None:
        """`make` writes words as the language writes such names; `taken` are names it must not give."""
        self._make = make
        self._taken = set(taken)

    def give(self, parts: list[str]) -> str:
        """Return a name of the words, with a number behind it if it is taken."""
        wanted = self._make(parts)
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}{number}", number + 1
        self._taken.add(name)
        return name


def pascal_case(parts: list[str]) -> str:
    """Return `OrderCompleted`; a name does not begin with a digit."""
    name = "".join(part[:1].upper() + part[1:] for part in parts)
    return name if name and not name[0].isdigit() else f"Event{name}"


def snake_case(parts: list[str]) -> str:
    """Return `order_completed`."""
    name = "_".join(parts)
    return name if name and not name[0].isdigit() else f"event_{name}"


def camel_case(parts: list[str]) -> str:
    """Return `orderCompleted`."""
    name = pascal_case(parts)
    return name[0].lower() + name[1:]


def one_line(text: str) -> str:
    """Return a description as a comment can hold it."""
    return " ".join(text.split())
