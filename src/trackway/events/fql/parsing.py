"""Text to expression, by lark's LALR parser and the grammar in `fql.lark`."""

import re
from functools import cache
from importlib import resources
from typing import Any, cast

import msgspec
from lark import Lark, Token, Transformer, v_args  # pyright: ignore[reportUnknownVariableType]
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

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

MAX_BYTES = 5 * 1024
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONSTANTS = {"true": True, "false": False, "null": None}
_PART = re.compile(r"(?:[^.\\]|\\.)+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TEXT_ESCAPE = re.compile(r"\\([\\'\"])")
_HABITS = {
    "=": "equality is written `=`",
    "&": "write `and`",
    "|": "write `or`",
    "&&": "write `and`",
    "||": "write `or`",
}
_VALUE = "a field, a value, a function or `(`"


def parse_text(query: str) -> Expression:
    """Return the expression that `query` says.

    Raises:
        FqlError: it is longer than 5 KB, deeper than 100 levels, or no FQL; the message points at the character.
    """
    encoded = query.encode("utf-8", "replace")
    if len(encoded) > MAX_BYTES:
        raise FqlError("the query is longer than 5 KB; split it", query, MAX_BYTES)
    if odd := _SURROGATE.search(query):
        raise FqlError("this character is no UTF-8", encoded.decode(), odd.start())
    try:
        expression = cast("Expression", cast("Any", _parser()).parse(query))
    except UnexpectedInput as error:
        raise _explained(error, query) from None
    except _Misuse as error:
        raise FqlError(error.problem, query, error.position) from None
    if any(depth > MAX_DEPTH for _, depth in walk(expression)):
        raise FqlError(f"the query is nested deeper than {MAX_DEPTH} levels", query, 0)
    return expression


class _Misuse(Exception):
    """Right by the grammar, wrong all the same."""

    def __init__(self, problem: str, position: int) -> None:
        self.problem = problem
        self.position = position


@v_args(inline=True)
class _Builder(Transformer[Token, Expression]):
    """Makes expressions while the parser runs."""

    def start(self, whole: Expression) -> Expression:
        return whole

    def everything(self, _: Token) -> Expression:
        return Everything()

    def disjunction(self, *operands: Expression) -> Expression:
        return Or(operands)

    def conjunction(self, *operands: Expression) -> Expression:
        return And(operands)

    def negate(self, operand: Expression) -> Expression:
        return Not(operand)

    def group(self, inner: Expression) -> Expression:
        return inner

    def compare(self, left: Expression, operator: Token, right: Expression) -> Expression:
        if operator == "in" and isinstance(right, Literal):
            raise _Misuse("`in` needs a list after it, such as ['a', 'b']", operator.end_pos or 0)
        return Compare(str(operator), left, right)

    def path(self, token: Token) -> Expression:
        return Path(tuple(_ESCAPE.sub(r"\1", part) for part in _PART.findall(token)))

    def call(self, name: Token, *arguments: Expression | None) -> Expression:
        given = tuple(one for one in arguments if one is not None)
        if problem := problem_with_call(str(name), given):
            raise _Misuse(problem, name.start_pos or 0)
        return Call(str(name), given)

    def list(self, *items: Expression | None) -> Expression:
        return ListOf(tuple(one for one in items if one is not None))

    def literal(self, token: Token) -> Expression:
        if token.type == "TEXT":
            return Literal(_TEXT_ESCAPE.sub(r"\1", token[1:-1]))
        if token.type == "NUMBER":
            return Literal(_number(token))
        return Literal(_CONSTANTS[token])


def _number(token: Token) -> Any:
    try:
        return msgspec.json.decode(re.sub(r"^(-?)0+(?=\d)", r"\1", token))
    except msgspec.DecodeError:
        raise _Misuse("this number is out of range", token.start_pos or 0) from None


@cache
def _parser() -> Lark:
    grammar = resources.files("trackway.events.fql").joinpath("fql.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", transformer=_Builder(), maybe_placeholders=True)


def _explained(error: UnexpectedInput, query: str) -> FqlError:
    if isinstance(error, UnexpectedToken):
        token = cast("Token", cast("Any", error).token)
        at_end = token.type == "$END"
        position = len(query.rstrip()) if at_end else (token.start_pos or 0)
        text = "" if at_end else str(token)
        return FqlError(_problem(text, error.accepts, at_end=at_end), query, position)
    position = error.pos_in_stream or 0
    char = query[position]
    if char in "'\"":
        return FqlError(f"this text is not closed; end it with {char}", query, position)
    allowed = error.allowed if isinstance(error, UnexpectedCharacters) else set[str]()
    return FqlError(_problem(char, allowed, at_end=False), query, position)


def _problem(found: str, accepted: set[str], *, at_end: bool) -> str:
    ends = [f"`{char}`" for name, char in _ENDS.items() if name in accepted]
    if "PATH" in accepted:
        expected = " or ".join([_VALUE, *ends])
    elif accepted & _OPERATORS and found not in _ENDS.values():
        # Which brackets are open is only known where the parser itself stopped, not where its lexer did.
        expected = " or ".join(["an operator", *(ends if len(ends) < len(_ENDS) else [])])
    else:
        expected = " or ".join(ends) or "the end of the query"
    if at_end:
        return f"expected {expected}, but the query ends"
    habit = _habit(found)
    return f"expected {expected}, found {found}{f'; {habit}' if habit else ''}"


def _habit(found: str) -> str:
    """Return how FQL writes what other languages write as `found`."""
    lower = found.lower()
    if found != lower and (lower in ("and", "or", "in", "true", "false", "null") or lower in FUNCTIONS):
        return f"write `{lower}` in lower case"
    if found == "all":
        return "`all` stands alone"
    if lower == "not":
        return "write `!`"
    return _HABITS.get(found, "")


_OPERATORS = {"_AND", "_OR", "COMPARE", "IN"}
_ENDS = {"_COMMA": ",", "_RPAR": ")", "_RSQB": "]"}
