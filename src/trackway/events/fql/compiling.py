"""Expression to closures. The comparisons that most filters consist of have closures of their own, without a detour."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

from trackway.events.fql.expressions import And, Call, Compare, Everything, Expression, ListOf, Literal, Not, Or, Path
from trackway.events.fql.functions import FUNCTIONS
from trackway.events.fql.glob import compile_glob

Event = Mapping[str, Any]
Value = Callable[[Event], Any]
Test = Callable[[Event], bool]
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def compile_value(expression: Expression) -> Value:
    """Return a function from an event to the expression's value."""
    match expression:
        case Path(parts):
            return _path(parts)
        case Literal(value):
            return lambda _: value
        case ListOf(items):
            values = [compile_value(item) for item in items]
            return lambda event: [value(event) for value in values]
        case Call(name, arguments):
            return _call(name, arguments)
        case _:
            return compile_test(expression)


def compile_test(expression: Expression) -> Test:
    """Return a function from an event to whether the expression is true; what is no boolean counts as false."""
    match expression:
        case Everything():
            return lambda _: True
        case Not(operand):
            inner = compile_test(operand)
            return lambda event: not inner(event)
        case And(operands):
            return _all_of([compile_test(one) for one in operands])
        case Or(operands):
            return _any_of([compile_test(one) for one in operands])
        case Compare("=", left, right):
            return _equals(left, right)
        case Compare("!=", left, right):
            same = _equals(left, right)
            return lambda event: not same(event)
        case Compare("in", left, right):
            return _member(left, right)
        case Compare(symbol, left, right):
            return _ordered(symbol, left, right)
        case _:
            value = compile_value(expression)
            return lambda event: value(event) is True


def equal(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same in type and value; numbers are one type, keys have no order."""
    if type(one) is not type(other):
        return type(one) in (int, float) and type(other) in (int, float) and one == other
    if isinstance(one, list):
        items = cast("list[Any]", one)
        return len(items) == len(other) and all(map(equal, items, other))
    if isinstance(one, dict):
        members = cast("dict[str, Any]", one)
        return members.keys() == other.keys() and all(equal(value, other[key]) for key, value in members.items())
    return one == other


def read_path(value: Any, parts: tuple[str, ...]) -> Any:
    """Return what stands at a path of keys, and of positions in lists; None when there is nothing."""
    for part in parts:
        if isinstance(value, dict):
            value = cast("dict[str, Any]", value).get(part)
        elif isinstance(value, list) and part.isdecimal() and len(part) < 10:
            members = cast("list[Any]", value)
            value = members[int(part)] if int(part) < len(members) else None
        else:
            return None
    return value


def _path(parts: tuple[str, ...]) -> Value:
    first, *others = parts
    if not others:
        return lambda event: event.get(first)
    if len(others) == 1 and not others[0].isdecimal():
        second = others[0]

        def inner(event: Event) -> Any:
            outer = event.get(first)
            return cast("dict[str, Any]", outer).get(second) if isinstance(outer, dict) else None

        return inner
    rest = tuple(others)
    return lambda event: read_path(event.get(first), rest)


def _call(name: str, arguments: tuple[Expression, ...]) -> Value:
    call = FUNCTIONS[name].call
    if len(arguments) == 1:
        only = compile_value(arguments[0])
        return lambda event: call(only(event))
    if name == "match" and isinstance(arguments[1], Literal) and isinstance(arguments[1].value, str):
        text, fits = compile_value(arguments[0]), compile_glob(arguments[1].value).fullmatch
        return lambda event: isinstance(found := text(event), str) and fits(found) is not None
    if len(arguments) == 2:
        one, other = (compile_value(argument) for argument in arguments)
        return lambda event: call(one(event), other(event))
    values = [compile_value(argument) for argument in arguments]
    return lambda event: call(*(value(event) for value in values))


def _all_of(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, other = tests
        return lambda event: one(event) and other(event)

    def every(event: Event) -> bool:
        for test in tests:  # noqa: SIM110 - twice as fast as all()
            if not test(event):
                return False
        return True

    return every


def _any_of(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, other = tests
        return lambda event: one(event) or other(event)

    def some(event: Event) -> bool:
        for test in tests:  # noqa: SIM110 - twice as fast as any()
            if test(event):
                return True
        return False

    return some


def _equals(left: Expression, right: Expression) -> Test:
    if isinstance(left, Literal):
        left, right = right, left
    value = compile_value(left)
    if not isinstance(right, Literal):
        other = compile_value(right)
        return lambda event: equal(value(event), other(event))
    wanted: Any = right.value
    if wanted is None or isinstance(wanted, bool):
        return lambda event: value(event) is wanted
    if not isinstance(wanted, str):
        return lambda event: equal(value(event), wanted)
    # A text equals nothing but a text, so Python's own comparison will do.
    if isinstance(left, Path) and len(left.parts) == 1:
        key = left.parts[0]
        return lambda event: event.get(key) == wanted
    return lambda event: value(event) == wanted


def _member(left: Expression, right: Expression) -> Test:
    value = compile_value(left)
    if isinstance(right, ListOf) and all(isinstance(one, Literal) for one in right.items):
        members = [one.value for one in right.items if isinstance(one, Literal)]
        if all(isinstance(member, str) for member in members):
            texts = frozenset(cast("list[str]", members))
            return lambda event: isinstance(found := value(event), str) and found in texts
        return lambda event: _has(members, value(event))
    listed = compile_value(right)
    return lambda event: _has(listed(event), value(event))


def _has(members: Any, value: Any) -> bool:
    return isinstance(members, list) and any(equal(value, member) for member in cast("list[Any]", members))


def _ordered(symbol: str, left: Expression, right: Expression) -> Test:
    one, other, holds = compile_value(left), compile_value(right), _ORDER[symbol]

    def test(event: Event) -> bool:
        mine, its = one(event), other(event)
        return type(mine) in (int, float) and type(its) in (int, float) and holds(mine, its)

    return test
