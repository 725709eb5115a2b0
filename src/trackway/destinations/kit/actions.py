"""Actions and mappings: what a destination can do, and which events make it do so.

An action has fields; each knows its type and where its value usually comes from. A mapping joins a trigger to an action
and may take fields from elsewhere. Operators change mappings by name; destinations bring the usual ones. All mappings
whose trigger holds make rows of their own, as in Segment, unless the destination says `FIRST_MATCH = True`.
"""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingOf
from functools import partial
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from trackway.destinations.kit import values
from trackway.destinations.kit.code import Code
from trackway.destinations.kit.contract import Event, Rejected, Row, Skipped
from trackway.destinations.kit.expressions import Expression, Like, Test, at, const, fields, put, read
from trackway.destinations.kit.values import Missing, Unfit

Rows: TypeAlias = Row | Sequence[Row] | Skipped | Rejected
Build: TypeAlias = Callable[[Any, dict[str, Any], Event], Rows]
Kind = Literal["text", "texts", "number", "whole", "flag", "time", "object", "items", "any"]

_TURN: dict[str, Callable[[Any], Any]] = {
    "text": values.as_text,
    "texts": values.as_texts,
    "number": values.as_number,
    "whole": values.as_whole,
    "flag": values.as_flag,
    "time": values.as_time,
    "object": values.as_object,
    "items": values.as_list,
}
_FITS = {
    "text": "(type({0}) is str and {0})",
    "number": "type({0}) is int or type({0}) is float",
    "whole": "type({0}) is int",
    "flag": "{0} is True or {0} is False",
    "time": "(type({0}) is str and {1}({0}) is not None)",
    "object": "type({0}) is dict",
    "items": "type({0}) is list",
}


class Field(Struct, frozen=True, kw_only=True):
    """A field of an action; make one with `Field.text(…)` and its sisters."""

    kind: Kind
    default: Expression
    required: bool = False
    null: bool = False
    """A null is sent, where else it counts as absent."""
    choices: tuple[Any, ...] = ()
    members: MappingOf[str, "Field"] = {}
    """Of an object, or of each item: their types. Where there are any, others are left out unless `others`."""
    others: bool = False
    about: str = ""

    @staticmethod
    def text(default: Like = None, **more: Any) -> "Field":
        """Return a field of text; `""` counts as absent."""
        return Field(kind="text", default=read(default), **more)

    @staticmethod
    def texts(default: Like = None, **more: Any) -> "Field":
        """Return a field of a list of texts; one that stands alone becomes a list."""
        return Field(kind="texts", default=read(default), **more)

    @staticmethod
    def number(default: Like = None, **more: Any) -> "Field":
        """Return a field of a number."""
        return Field(kind="number", default=read(default), **more)

    @staticmethod
    def whole(default: Like = None, **more: Any) -> "Field":
        """Return a field of a whole number."""
        return Field(kind="whole", default=read(default), **more)

    @staticmethod
    def flag(default: Like = None, **more: Any) -> "Field":
        """Return a field of true or false."""
        return Field(kind="flag", default=read(default), **more)

    @staticmethod
    def time(default: Like = None, **more: Any) -> "Field":
        """Return a field of a point in time, as it came."""
        return Field(kind="time", default=read(default), **more)

    @staticmethod
    def object(default: Like = None, **more: Any) -> "Field":
        """Return a field of an object."""
        return Field(kind="object", default=read(default), **more)

    @staticmethod
    def items(default: Like = None, **more: Any) -> "Field":
        """Return a field of a list of objects; one that stands alone becomes a list."""
        return Field(kind="items", default=read(default), **more)

    @staticmethod
    def any(default: Like = None, **more: Any) -> "Field":
        """Return a field of anything."""
        return Field(kind="any", default=read(default), **more)

    def turner(self) -> Callable[[Any], Any]:
        """Return a function that gives a value in the field's type, or None if it is absent, or raises `Unfit`."""
        plain = _TURN.get(self.kind, _as_it_is)
        if not self.members:
            return partial(_one_of, plain, self.choices) if self.choices else plain
        turns = {name: member.member_turner() for name, member in self.members.items()}
        shape = partial(values.shape, members=turns, others=self.others)
        return partial(_each_shaped if self.kind == "items" else _shaped, plain, shape)

    def member_turner(self) -> Callable[[Any], Any]:
        """Return a function like `turner`, but `""` stays in a text: only whole fields may be empty."""
        turn = self.turner()
        return partial(_empty_stays, turn) if self.kind == "text" else turn


def _as_it_is(value: Any) -> Any:
    return value


def _one_of(plain: Callable[[Any], Any], choices: tuple[Any, ...], value: Any) -> Any:
    found = plain(value)
    if found is not None and found is not values.NULL and found not in choices:
        raise Unfit(f"must be one of {', '.join(map(str, choices))}")
    return found


def _shaped(plain: Callable[[Any], Any], shape: Callable[[Any], Any], value: Any) -> Any:
    found = plain(value)
    return found if found is None or found is values.NULL else shape(found)


def _each_shaped(plain: Callable[[Any], Any], shape: Callable[[Any], Any], value: Any) -> Any:
    found = plain(value)
    return found if found is None or found is values.NULL else [shape(one) for one in found]


def _empty_stays(turn: Callable[[Any], Any], value: Any) -> Any:
    return value if value == "" else turn(value)


class Rule(Struct, frozen=True):
    """What must hold for an event to be sent; `field("…")` stands for the action's fields."""

    test: Test
    reason: str
    """Why it is not sent: one of few words."""


class Action(Struct, frozen=True, kw_only=True):
    """Something that a destination can do with an event."""

    fields: MappingOf[str, Field]
    row: Expression | None = None
    """What is sent, made of `field("…")`; default: the fields as they are."""
    rules: Sequence[Rule] = ()
    route: str = ""
    build: Build | None = None
    """Makes rows of what `row` made, where a table cannot say it; default: one row."""
    about: str = ""


class Mapping(Struct, frozen=True, kw_only=True):
    """Which events go through which action."""

    action: str
    trigger: str
    """FQL, such as `type = "track" and event != "Order Completed"`."""
    fields: MappingOf[str, Like] = {}
    """Sources that differ from the action's usual ones; `nothing()` leaves a field out."""
    enabled: bool = True


class Unsent(Exception):
    """A rule says that an event is not to be sent; the argument is the reason."""


def compiled(action: Action, mapping: Mapping, settings: Any, *, label: str) -> Callable[[Any], Any]:
    """Return a function from an event (plain data) to what the action makes of it.

    The function raises `Missing`, `Unsent` or `Unfit`.
    """
    wanted = asked_fields(action, settings)
    trial = Code(settings)
    _write(trial, action, mapping, wanted)
    code = Code(settings, reached=trial.reached)
    return code.function(_write(code, action, mapping, wanted), label=label)


def _write(code: Code, action: Action, mapping: Mapping, wanted: set[str] | None) -> str:
    """Add the lines of an action, and return the variable that holds what it makes."""
    results: dict[str, str] = {}
    for name, one in action.fields.items():
        if wanted is not None and name not in wanted and not one.required:
            continue
        results[name] = emit_field(
            code, name, one, read(mapping.fields[name]) if name in mapping.fields else one.default
        )
        code.once(("field", name), lambda result=results[name]: result)
    for rule in action.rules:
        test = rule.test.emit(code)
        code.line(f"if not ({test}): raise {code.give(Unsent)}({rule.reason!r})")
    if action.row is not None:
        return action.row.emit(code)
    whole = code.assign("{}")
    for name, result in results.items():
        put(code, whole, name, result)
    return whole


def asked_fields(action: Action, settings: Any) -> set[str] | None:
    """Return the fields that the action's row and rules are made of, or None for all."""
    if action.row is None:
        return None
    trial = Code(settings)
    action.row.emit(trial)
    for rule in action.rules:
        rule.test.emit(trial)
    return trial.asked


def emit_field(code: Code, name: str, one: Field, source: Expression) -> str:
    """Add the lines that give a field its value, in its type, and return the variable that holds it."""
    if one.null and isinstance(source, at):
        source = at(source.path, null=True)
    found = source.emit(code) if not (one.members and isinstance(source, fields)) else _members(code, name, one, source)
    if one.kind == "any" and not one.choices:
        result = found
    elif not found.startswith("v"):
        result = code.give(_Turn(name, one)(source.value if isinstance(source, const) else None))
    elif one.members and isinstance(source, fields):
        result = found
    else:
        result = code.assign(f"{found} if {_fits(code, one, found)} else {code.give(_Turn(name, one))}({found})")
    if found in code.nullable:
        code.nullable.add(result)
    if one.required and result == "None":
        code.line(f"raise {code.give(Missing)}({name!r})")
    elif one.required and result.startswith("v"):
        code.line(f"if {result} is None: raise {code.give(Missing)}({name!r})")
    return result


def _fits(code: Code, one: Field, found: str) -> str:
    """Return a condition that holds when a value is surely of the field's type already, as nearly all are."""
    if one.members or one.choices or one.kind not in _FITS:
        return f"{found} is None"
    return f"{found} is None or " + _FITS[one.kind].format(found, code.give(values.iso_ms))


def _members(code: Code, name: str, one: Field, source: fields) -> str:
    """Add the lines for an object that is written out member by member: each is typed on its own."""
    whole = code.assign("{}")
    for key, expression in source.members.items():
        if key in one.members:
            member = one.members[key]
            found = expression.emit(code)
            if found.startswith("v"):
                turn = code.give(_Turn(f"{name}.{key}", member, member=True))
                found = code.assign(f"{found} if {_fits(code, member, found)} else {turn}({found})")
            put(code, whole, key, found)
        elif one.others:
            put(code, whole, key, expression.emit(code))
    return whole


class _Turn:
    """Turns a value into a field's type; the complaint begins with the field's name."""

    __slots__ = ("_name", "_turn")

    def __init__(self, name: str, one: Field, *, member: bool = False) -> None:
        self._name = name
        self._turn = one.member_turner() if member else one.turner()

    def __call__(self, value: Any) -> Any:
        try:
            return self._turn(value)
        except Unfit as error:
            raise Unfit(f"{self._name} {error}") from None
