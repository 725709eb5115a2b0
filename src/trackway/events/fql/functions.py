"""FQL's functions: plain Python over JSON values, where a missing value is None."""

import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from trackway.events.fql.expressions import Expression, Literal
from trackway.events.fql.glob import BadPattern, compile_glob, glob_matches
from trackway.events.fql.versions import OPERATORS, version_matches

_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[^\W_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\dA-Z_])")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class Function(NamedTuple):
    """A function of the language."""

    call: Callable[..., Any]
    arguments: tuple[str, ...]
    """Their names, for messages."""


def contains(text: Any, part: Any) -> bool:
    """Tell whether one text has the other in it; false of anything else."""
    return isinstance(text, str) and isinstance(part, str) and part in text


def match(text: Any, pattern: Any) -> bool:
    """Tell whether the whole text is of the pattern; false of anything else."""
    return isinstance(text, str) and isinstance(pattern, str) and glob_matches(text, pattern)


def length(value: Any) -> int | None:
    """Return the members of a list, the bytes of a text in UTF-8, 0 for null."""
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    return len(cast("list[Any]", value)) if isinstance(value, list) else None


def lowercase(value: Any) -> str | None:
    """Return a text in lower case."""
    return value.lower() if isinstance(value, str) else None


def uppercase(value: Any) -> str | None:
    """Return a text in upper case."""
    return value.upper() if isinstance(value, str) else None


def snakecase(value: Any) -> str | None:
    """Return a text as `order_completed`."""
    return "_".join(words(value)).lower() if isinstance(value, str) else None


def kebabcase(value: Any) -> str | None:
    """Return a text as `order-completed`."""
    return "-".join(words(value)).lower() if isinstance(value, str) else None


def titlecase(value: Any) -> str | None:
    """Return a text as `Order Completed`."""
    return " ".join(word[0].upper() + word[1:].lower() for word in words(value)) if isinstance(value, str) else None


def typeof(value: Any) -> str:
    """Return `string`, `number`, `bool`, `null`, `list` or `object`."""
    return _TYPES.get(value.__class__, "object")


def to_bool(value: Any) -> bool | None:
    """Return a bool as it is, a number as whether it is not 0, the texts `true` and `false`; else null."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None


def to_string(value: Any) -> str | None:
    """Return a text as it is, null as null, all else as its JSON text."""
    return value if value is None or isinstance(value, str) else json_text(value)


def to_number(value: Any) -> int | float | None:
    """Return a number as it is, a bool as 0 or 1, a text that is a decimal number; else null."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or len(value) > 400 or not _NUMBER.fullmatch(text := value.strip()):
        return None
    number = float(text) if re.search(r"[.eE]", text) else int(text)
    return number if number not in (float("inf"), float("-inf")) else None


def json_text(value: Any) -> str:
    """Return a value's JSON text as JavaScript writes it: no spaces, whole numbers without a fraction."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, list):
        return f"[{','.join(map(json_text, cast('list[Any]', value)))}]"
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return "{" + ",".join(f"{json_text(key)}:{json_text(member)}" for key, member in members) + "}"
    return msgspec.json.encode(value).decode()


def problem_with_call(name: str, arguments: Sequence[Expression]) -> str:
    """Return what is wrong with a call as far as it can be told without an event, or an empty text."""
    known = FUNCTIONS.get(name)
    if known is None:
        near = difflib.get_close_matches(name, FUNCTIONS, n=1)
        return f"there is no function {name}; " + (f"did you mean {near[0]}?" if near else f"there are {_NAMES}")
    if len(arguments) != len(known.arguments):
        return f"{name} takes {len(known.arguments)}: {name}({', '.join(known.arguments)})"
    second = arguments[1] if len(arguments) > 1 else None
    if not (isinstance(second, Literal) and isinstance(second.value, str)):
        return ""
    if name == "semver" and second.value not in OPERATORS:
        return f"semver compares with {', '.join(OPERATORS)}; {second} is none of them"
    if name == "match":
        try:
            compile_glob(second.value)
        except BadPattern as error:
            return f"the pattern {second} is wrong: {error}"
    return ""


def words(text: str) -> list[str]:
    """Return the words of a text: what letters and digits make, and where `aB` or `ABc` changes case."""
    return _WORD.findall(_HUMP.sub(" ", text))


_TYPES = {str: "string", int: "number", float: "number", bool: "bool", type(None): "null", list: "list"}
FUNCTIONS = {
    "contains": Function(contains, ("text", "part")),
    "match": Function(match, ("text", "pattern")),
    "length": Function(length, ("value",)),
    "lowercase": Function(lowercase, ("text",)),
    "uppercase": Function(uppercase, ("text",)),
    "snakecase": Function(snakecase, ("text",)),
    "kebabcase": Function(kebabcase, ("text",)),
    "titlecase": Function(titlecase, ("text",)),
    "typeof": Function(typeof, ("value",)),
    "bool": Function(to_bool, ("value",)),
    "string": Function(to_string, ("value",)),
    "number": Function(to_number, ("value",)),
    "semver": Function(version_matches, ("version", "operator", "version")),
}
_NAMES = ", ".join(FUNCTIONS)
