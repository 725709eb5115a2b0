"""What a query is made of, and how it is written: `str` of an expression is its normal form, which parses to itself."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

KEYWORDS = frozenset({"all", "and", "or", "in", "true", "false", "null"})
MAX_DEPTH = 100
"""How deep a query may nest; compiled, each level is a call within a call."""

_PLAIN = re.compile(r"[\w\-]")
_TO_ESCAPE = re.compile(r"\\(?=[\\'\"]|$)|'")


class Path(Struct, frozen=True):
    """A value of the event by its keys, outermost first."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        text = ".".join(map(_escaped, self.parts))
        return "\\" + text if text in KEYWORDS or text[0].isdecimal() or text[0] == "-" else text


class Literal(Struct, frozen=True):
    """A text, a number, true, false or null; from a prefix form also a list or an object."""

    value: Any

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return "'" + _TO_ESCAPE.sub(lambda found: "\\" + found[0], self.value) + "'"
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            return repr(self.value)
        return msgspec.json.encode(self.value).decode()


class ListOf(Struct, frozen=True):
    """A list of values."""

    items: tuple["Expression", ...]

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.items))}]"


class Not(Struct, frozen=True):
    """True when its operand is not."""

    operand: "Expression"

    def __str__(self) -> str:
        return f"!{_within(self.operand, Call, Path, Not)}"


class And(Struct, frozen=True):
    """True when all of two or more operands are."""

    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " and ".join(_within(one, *_COMPARED, Compare, Not) for one in self.operands)


class Or(Struct, frozen=True):
    """True when any of two or more operands is."""

    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " or ".join(_within(one, *_COMPARED, Compare, Not, And) for one in self.operands)


class Compare(Struct, frozen=True):
    """Two values and what is asked of them: `=`, `!=`, `<`, `<=`, `>`, `>=` or `in`."""

    operator: str
    left: "Expression"
    right: "Expression"

    def __str__(self) -> str:
        return f"{_within(self.left, *_COMPARED)} {self.operator} {_within(self.right, *_COMPARED)}"


class Call(Struct, frozen=True):
    """A function and its arguments."""

    name: str
    arguments: tuple["Expression", ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"


class Everything(Struct, frozen=True):
    """`all`: true of every event."""

    def __str__(self) -> str:
        return "all"


Expression = Path | Literal | ListOf | Not | And | Or | Compare | Call | Everything
_COMPARED = (Path, Literal, ListOf, Call)


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """Return what stands directly in an expression."""
    match expression:
        case ListOf(items):
            return items
        case Not(operand):
            return (operand,)
        case And(operands) | Or(operands):
            return operands
        case Compare(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case _:
            return ()


def walk(expression: Expression) -> Iterator[tuple[Expression, int]]:
    """Yield an expression and all that stands in it, with the depth, from 1; without recursion."""
    waiting = [(expression, 1)]
    while waiting:
        one, depth = waiting.pop()
        yield one, depth
        waiting.extend((part, depth + 1) for part in parts_of(one))


def _within(expression: Expression, *plain: Callable[..., Expression]) -> str:
    """Return an operand as text, in parentheses unless it is one of the kinds that need none here."""
    return str(expression) if type(expression) in plain else f"({expression})"


def _escaped(part: str) -> str:
    return "".join(char if _PLAIN.fullmatch(char) else "\\" + char for char in part)
