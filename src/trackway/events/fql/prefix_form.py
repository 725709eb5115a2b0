"""The JSON prefix form of queries, `ir` in the routing rules that Segment's browser library reads.

`["=", "type", {"value": "track"}]`: an operator or function with its operands; a path is a string with dots, a value is
`{"value": …}`, a list is an array of such. Source: the library's open-source evaluator (segmentio/tsub-js).
"""

import re
from typing import Any, cast

import msgspec

from trackway.events.fql.error import FqlError
from trackway.events.fql.expressions import (
    MAX_DEPTH,
    And,
    Call,
    Compare,
    Everything,
    Expression,
    ListOf,
    Literal,
    Not,
    Or,
    Path,
    walk,
)
from trackway.events.fql.functions import FUNCTIONS, problem_with_call

_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">=", "in"})
_OPERATORS = _COMPARISONS | {"!", "and", "or"} | FUNCTIONS.keys()
_SPLIT = re.compile(r"(?:^|\.)((?:[^.\\]|\\.?)*)", re.DOTALL)


def to_ir(expression: Expression) -> str:
    """Return the prefix form as JSON text, as it stands in `ir`; `all` has none and becomes the value true."""
    return msgspec.json.encode(_form(expression)).decode()


def from_ir(text: str) -> Expression:
    """Return the expression of a prefix form.

    Raises:
        FqlError: it is not JSON, deeper than 100 levels, or says nothing known.
    """
    try:
        form = msgspec.json.decode(text)
        expression = _expression(form, text, depth=1)
    except (msgspec.DecodeError, RecursionError) as error:
        raise FqlError(f"the prefix form is no JSON: {error}", text, 0) from None
    if any(depth > MAX_DEPTH for _, depth in walk(expression)):
        raise FqlError(f"the query is nested deeper than {MAX_DEPTH} levels", text, 0)
    return expression


def _form(expression: Expression) -> Any:
    match expression:
        case Path(parts):
            return ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in parts)
        case Literal(value):
            return {"value": value}
        case ListOf(items):
            forms = [_form(item) for item in items]
            if forms and isinstance(forms[0], str) and forms[0] in _OPERATORS:
                # Else the list would be read as an operation.
                forms[0] = "\\" + forms[0]
            return forms
        case Not(operand):
            return ["!", _form(operand)]
        case And(operands):
            return ["and", *map(_form, operands)]
        case Or(operands):
            return ["or", *map(_form, operands)]
        case Compare(symbol, left, right):
            return [symbol, _form(left), _form(right)]
        case Call(name, arguments):
            return [name, *map(_form, arguments)]
        case Everything():
            return {"value": True}


def _expression(form: Any, text: str, *, depth: int) -> Expression:
    if depth > MAX_DEPTH:
        raise FqlError(f"the query is nested deeper than {MAX_DEPTH} levels", text, 0)
    if isinstance(form, str):
        return _path(form, text)
    if isinstance(form, dict):
        members = cast("dict[str, Any]", form)
        if members.keys() != {"value"}:
            raise FqlError('a value is written {"value": …}', text, 0)
        return _literal(members["value"])
    if not isinstance(form, list):
        raise FqlError(f'expected a path, {{"value": …}} or an operation, found {form!r}', text, 0)
    items = cast("list[Any]", form)
    if items and isinstance(items[0], str) and items[0] in _OPERATORS:
        operands = tuple(_expression(one, text, depth=depth + 1) for one in items[1:])
        return _operation(items[0], operands, text)
    return ListOf(tuple(_expression(one, text, depth=depth + 1) for one in items))


def _operation(name: str, operands: tuple[Expression, ...], text: str) -> Expression:
    if name == "!" and len(operands) == 1:
        return Not(operands[0])
    if name in ("and", "or") and operands:
        if len(operands) == 1:
            # One operand is as good as itself twice: it must still become true or false.
            operands *= 2
        return And(operands) if name == "and" else Or(operands)
    if name in _COMPARISONS and len(operands) == 2:
        return Compare(name, *operands)
    if name in FUNCTIONS:
        if problem := problem_with_call(name, operands):
            raise FqlError(problem, text, max(0, text.find(name)))
        return Call(name, operands)
    raise FqlError(f"{name} has the wrong number of operands ({len(operands)})", text, max(0, text.find(f'"{name}"')))


def _literal(value: Any) -> Expression:
    if isinstance(value, list):
        return ListOf(tuple(_literal(one) for one in cast("list[Any]", value)))
    return Literal(value)


def parse_path(text: str) -> tuple[str, ...]:
    """Return the keys of a path with dots in which only `\\.` and `\\\\` are written otherwise, such as `a b.c\\.d`.

    Raises:
        ValueError: a key is empty.
    """
    parts = tuple(re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in _SPLIT.findall(text))
    if not all(parts):
        raise ValueError("a path names at least one field, with one dot between two")
    return parts


def _path(form: str, text: str) -> Expression:
    try:
        return Path(parse_path(form))
    except ValueError as error:
        raise FqlError(str(error), text, 0) from None
