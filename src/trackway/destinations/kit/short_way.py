"""The short way of usual events through a mapping: what follows from a context is worked out once for each context.

Most events share their context with others, down to the byte, and most of what a vendor is told stands there. So each
mapping becomes two functions: one from a context to its part of the row, which is remembered as JSON text, and one from
the rest of an event (`outlines.py`) to the whole row. An event's own properties are laid beside that.

A mapping that cannot be divided so has no short way (`division.py`), and an event of which it is not sure takes none:
a property with a name that the row has too, a value that does not fit, a rule that leaves it out. Those go the general
way (`actions.compiled`), which says what becomes of them. `tests/destinations/test_short_way.py` holds both ways to the
same.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from trackway.destinations.kit.actions import Action, Mapping
from trackway.destinations.kit.code import Code
from trackway.destinations.kit.division import Division, NoShortWay, Part, Share, divided
from trackway.destinations.kit.expressions import Expression, at, call, const, put
from trackway.destinations.kit.outlines import ATTRIBUTES, Context, Outline, Rest, without_page
from trackway.destinations.kit.values import NULL, Missing, Unfit, without
from trackway.events.memo import Memo

K = TypeVar("K")
ShortWay: TypeAlias = Callable[[Outline], bytes | None]
"""Returns a row's JSON text; None where an event is not usual.

It may raise whatever the general way might: then that has to say what is wrong.
"""
_CONTEXTS, _LONGEST = 1024, 2048
"""Contexts and pages that are remembered for a mapping, and the bytes of one: 2 MB of usual ones, 8 at the most."""
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_Known: TypeAlias = tuple[Any, ...]
"""For each part of a row what follows, then the values that an event's own members need; `()` if that is not usual."""


class Learning(Struct):
    """What it cost beyond the short way: learning what follows from a page 1, from the rest of a context 2.

    An event that went the general way after all counts 1.
    """

    cost: int = 0


def short_way(
    action: Action, mapping: Mapping, settings: Any, *, label: str, learning: Learning | None = None
) -> ShortWay | None:
    """Return the short way through a mapping, or None if it has none; it adds to `learning`."""
    try:
        division = divided(action, mapping, settings)
        known = _known(division, label, learning or Learning())
        return _compiled(division, lambda code: _write_of_event(code, division, known), f"{label}, short way")
    except NoShortWay:
        return None


def _compiled(division: Division, write: Callable[[Code], str], label: str) -> Callable[[Any], Any]:
    """Return the function of the lines that `write` adds; in two rounds, as `actions.compiled`."""
    trial = Code(division.settings)
    write(trial)
    code = Code(division.settings, reached=trial.reached)
    return code.function(write(code), label=label)


def _known(division: Division, label: str, learning: Learning) -> Callable[[Context], _Known]:
    """Return a function from a context to what follows from it, which is remembered for its shares."""
    answers = [
        _compiled(division, lambda code, share=share: _write_of_context(code, division, share), f"{label}, context")
        for share in division.shares
    ]

    def answer(number: int, event: Any) -> _Known:
        objects, values = answers[number](event)
        return (*_as_text(objects), *values)

    def ask(text: bytes) -> _Known:
        event = {"context": _decode(text)} if text else {}
        return tuple(one for number in range(len(answers)) for one in answer(number, event))

    def ask_rest(rest: Rest) -> _Known:
        context = without_page(rest)
        return () if context is None else answer(0, {"context": context})

    def ask_page(text: bytes) -> _Known:
        return answer(1, {"context": {"page": _decode(b"{%s}" % text)}})

    wholes = Memo(_or_nothing(ask, learning, 2), _CONTEXTS, longest=_LONGEST)
    rests = Memo(_or_nothing(ask_rest, learning, 2), _CONTEXTS)
    pages = Memo(_or_nothing(ask_page, learning, 1), _CONTEXTS)
    known_wholes, known_rests, known_pages = wholes.known, rests.known, pages.known
    parted = len(answers) == 2

    def known(context: Context) -> _Known:
        text, rest, page = context
        if parted and rest is not None and len(text) <= _LONGEST:
            of_rest = known_rests.get(rest)
            if of_rest is None:
                of_rest = rests.ask(rest)
            of_page = known_pages.get(page)
            if of_page is None:
                of_page = pages.ask(page)
            if of_rest and of_page:
                return of_rest + of_page
        found = known_wholes.get(text)
        return wholes.ask(text) if found is None else found

    return known


def _or_nothing(ask: Callable[[K], _Known], learning: Learning, cost: int) -> Callable[[K], _Known]:
    """Return a function that has no answer where the general way has to say what is wrong."""

    def answer(asked: K) -> _Known:
        learning.cost += cost
        try:
            return ask(asked)
        except (Missing, Unfit, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ()

    return answer


def _as_text(objects: Sequence[dict[str, Any]]) -> Sequence[Any]:
    """Return each object's members as they stand behind others."""
    return [b"," + _encode(members)[1:-1] if members else b"" for members in objects]


def _write_of_context(code: Code, division: Division, share: Share) -> str:
    """Add the lines from a share of the context to its objects, and to the values that an event's own members need."""
    division.write_fields(code, share.fields)
    objects: list[str] = []
    for following in share.parts:
        objects.append(whole := code.assign("{}"))
        for name, expression, _, _ in following:
            found = expression.emit(code)
            if name is None:
                code.line(f"if type({found}) is dict: {whole}.update({found})")
            else:
                put(code, whole, name, found)
    return f"({_tuple(objects)}, {_tuple([at('').reach(code, path) for path in share.values])})"


def _tuple(variables: Sequence[str]) -> str:
    return f"({' '.join(f'{one},' for one in variables)})"


def _write_of_event(code: Code, division: Division, known: Callable[[Context], _Known]) -> str:
    """Add the lines from an outline to the row's text, or to plain data."""
    found = code.assign(f"{code.give(known)}(e.context)")
    code.line(f"if not {found}: return None")
    followed = [[code.variable() for _ in division.shares] for _ in division.parts]
    unpacked: list[str] = []
    for number, share in enumerate(division.shares):
        unpacked += [part[number] for part in followed]
        for path in share.values:
            unpacked.append(variable := code.variable())
            code.know(("at", path), variable)
    code.line(f"{_tuple(unpacked)} = {found}")
    for name in division.of_event:
        code.know(("at", (name,)), code.assign(f"e.{ATTRIBUTES[name]}"))
    division.write_fields(code, division.needed)
    for rule in division.rules:
        code.line(f"if not ({rule.test.emit(code)}): return None")
    return _write_text(code, division.parts, followed)


def _write_text(code: Code, parts: Sequence[Part], followed: Sequence[Sequence[str]]) -> str:
    """Add the lines that write the row: what is the event's own at once, by a struct, then what is laid beside it."""
    row = ""
    for part in reversed(parts):
        values = [_leaf(code, expression.emit(code)) for expression in part.own.values()]
        names = [*part.own, *([part.inner] if part.inner else [])]
        row = f"{code.give(_struct(names))}({', '.join([*values, *([row] if part.inner else [])])})"
    depth = len(parts)
    text = code.assign(f"{code.give(_encode)}({row})")
    # Behind the bracket of an object without members no comma may stand.
    code.line(f"if {text}[-{depth + 1}] == {ord('{')}: return None")
    pieces = [f"{text}[:-{depth}]"]
    for part, known in zip(reversed(parts), reversed(followed), strict=True):
        pieces += [*known, *([_write_laid(code, part, part.laid)] if part.laid else []), 'b"}"']
    return code.assign(f'b"".join(({", ".join(pieces)}))')


def _write_laid(code: Code, part: Part, object_: Expression) -> str:
    """Add the lines that write the members of the object that is laid beside a part's own."""
    names, encode, laid = code.give(frozenset(part.names)), code.give(_encode), code.variable()
    whole = _source_of(object_, part)
    found = code.hold(whole.emit(code))
    code.line(f"if type({found}) is dict and {names}.isdisjoint({found}):")
    code.line(f'    {laid} = b"," + {encode}({found})[1:-1] if {found} else b""')
    with code.block("else:"):
        found = code.hold(object_.emit(code))
        code.line(f"if type({found}) is dict and {found}:")
        code.line(f"    if not {names}.isdisjoint({found}): return None")
        code.line(f'    {laid} = b"," + {encode}({found})[1:-1]')
        code.line(f'else: {laid} = b""')
    return laid


def _source_of(object_: Expression, part: Part) -> Expression:
    """Return what `kit.without` takes members from, if these are names of the row: mostly there is nothing to take."""
    if isinstance(object_, call) and object_.function is without:
        source, names = object_.arguments
        if isinstance(names, const) and part.names.keys() >= names.value:
            return source
    return object_


def _leaf(code: Code, found: str) -> str:
    """Return text for a value in a struct that leaves out None."""
    if found in code.nullable:
        return f"({found} if {found} is not {code.give(NULL)} else {code.give(msgspec.Raw(b'null'))})"
    return found


def _struct(names: Sequence[str]) -> type[Struct]:
    """Return a struct with the members `names`, given in this order; absent ones are not written.

    Raises:
        NoShortWay: a name cannot be a struct's.
    """
    members = [(f"m{number}", Any, msgspec.field(default=None, name=name)) for number, name in enumerate(names)]
    try:
        return msgspec.defstruct("Written", members, omit_defaults=True, gc=False)
    except ValueError:
        raise NoShortWay from None
