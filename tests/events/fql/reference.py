"""A naive evaluator of FQL, written from the language's description alone: the oracle of the property tests."""

import fnmatch
import json
from typing import Any

from trackway.events.fql.expressions import And, Call, Compare, Everything, Expression, ListOf, Literal, Not, Or, Path


def evaluate(expression: Expression, event: dict[str, Any]) -> Any:
    match expression:
        case Everything():
            return True
        case Literal(value):
            return value
        case Path(parts):
            value: Any = event
            for part in parts:
                value = value.get(part) if isinstance(value, dict) else None
            return value
        case ListOf(items):
            return [evaluate(item, event) for item in items]
        case Not(operand):
            return evaluate(operand, event) is not True
        case And(operands):
            return all(evaluate(one, event) is True for one in operands)
        case Or(operands):
            return any(evaluate(one, event) is True for one in operands)
        case Compare(operator, left, right):
            return compare(operator, evaluate(left, event), evaluate(right, event))
        case Call(name, arguments):
            return call(name, [evaluate(one, event) for one in arguments])


def compare(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "=":
            return canonical(left) == canonical(right)
        case "!=":
            return canonical(left) != canonical(right)
        case "in":
            return isinstance(right, list) and canonical(left) in [canonical(one) for one in right]
    if not (number(left) and number(right)):
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]


def call(name: str, values: list[Any]) -> Any:
    first = values[0]
    match name:
        case "contains":
            return all(isinstance(one, str) for one in values) and values[1] in first
        case "match":
            # Only patterns that mean the same to fnmatch are generated.
            return isinstance(first, str) and fnmatch.fnmatchcase(first, values[1])
        case "length":
            if first is None:
                return 0
            return len(first.encode()) if isinstance(first, str) else len(first) if isinstance(first, list) else None
        case "lowercase":
            return first.lower() if isinstance(first, str) else None
        case "uppercase":
            return first.upper() if isinstance(first, str) else None
        case "typeof":
            if first is None:
                return "null"
            if isinstance(first, bool):
                return "bool"
            if isinstance(first, str):
                return "string"
            return "number" if number(first) else "list" if isinstance(first, list) else "object"
    raise AssertionError(name)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def canonical(value: Any) -> str:
    """A text that is the same for the same JSON value only; 1 and 1.0 are the same number."""
    if number(value):
        return f"number {float(value)!r}" if float(value) == value else f"number {value}"
    if isinstance(value, list):
        return f"list {[canonical(one) for one in value]}"
    if isinstance(value, dict):
        return f"object { {key: canonical(value[key]) for key in sorted(value)} }"
    return f"{type(value).__name__} {json.dumps(value)}"
