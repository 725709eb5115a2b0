"""What the members of a JSON object must be like, in a form that is quick to ask: as types that msgspec decodes to.

A table says yes or it does not know; it never says no. Whoever asks it goes the exact way where it does not know. So
a table made of several others is the strictest of all, and may leave out whatever is hard to say.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType, json

T = TypeVar("T")
Look = Callable[[Any], bool]
"""Tells whether a value is surely as it should be."""

Read = Callable[[Raw | bytes], Any]
"""Returns what an object is decoded to; None if it may be unlike what it should be."""
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

JSON_TYPES: frozenset[type] = frozenset({str, int, float, bool, list, dict, type(None)})
"""What JSON values are in Python."""
NUMBERS: frozenset[type] = frozenset({int, float})
_DAY = (
    r"(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_match_moment = re.compile(_DAY + _CLOCK).fullmatch
_match_date = re.compile(f"{_DAY}(?:{_CLOCK})?").fullmatch
_MOST = 1 << 53
"""Beyond it a float is not exact."""
_IMPOSSIBLE: Any = Annotated[int, Meta(gt=0, lt=0)]


class Shape(NamedTuple):
    """What one value must be like."""

    types: frozenset[type] = JSON_TYPES
    enum: frozenset[str] | None = None
    """The only texts."""
    minimum: float = -math.inf
    maximum: float = math.inf
    items: "Shape | None" = None
    """Of a list's members."""
    members: "Members | None" = None
    """Of an object."""
    look: Look | None = None
    """Asked besides, of a value that stands in the object itself; below that it makes the value unknown.

    Dates are asked about so: the patterns of msgspec 0.22 are freed twice with the type that they belong to.
    """

    def and_(self, other: "Shape") -> "Shape":
        """Return what is like both."""
        return Shape(
            self.types & other.types,
            _meet(self.enum, other.enum, lambda one, two: one & two),
            max(self.minimum, other.minimum),
            min(self.maximum, other.maximum),
            _meet(self.items, other.items, Shape.and_),
            _meet(self.members, other.members, Members.and_),
            _meet(self.look, other.look, _both),
        )

    @property
    def is_exact(self) -> bool:
        """Whether the bounds can be told of any float."""
        return all(math.isinf(bound) or abs(bound) < _MOST for bound in (self.minimum, self.maximum))

    def annotation(self, *, nested: bool = False) -> Any:
        """Return the type that msgspec decodes only such values to."""
        if self == ANYTHING or (self.look is not None and not nested):
            return Any
        options: list[Any] = [kind for kind in (bool, type(None)) if kind in self.types]
        if str in self.types:
            options.append(self._text())
        if float in self.types or int in self.types:
            options.append(self._number())
        if list in self.types:
            options.append(list if self.items is None else list[self.items.annotation(nested=True)])
        if dict in self.types:
            options.append(dict if self.members is None else self.members.struct())
        options = [option for option in options if option is not _IMPOSSIBLE]
        if not options or (self.look is not None and nested) or not self.is_exact:
            return _IMPOSSIBLE
        union = options[0]
        for option in options[1:]:
            union |= option
        return union

    def _text(self) -> Any:
        if self.enum is None:
            return str
        return Literal[tuple(sorted(self.enum))] if self.enum else _IMPOSSIBLE

    def _number(self) -> Any:
        # Every whole number is one of float's, but not the other way round.
        kind: Any = float if float in self.types else int
        if not math.isinf(self.minimum):
            kind = Annotated[kind, Meta(ge=self.minimum if kind is float else math.ceil(self.minimum))]
        if not math.isinf(self.maximum):
            base = float if float in self.types else int
            kind = Annotated[kind, Meta(le=self.maximum if base is float else math.floor(self.maximum))]
        return kind


class Members:
    """A table of an object's members."""

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        *,
        required: Iterable[str] = (),
        one_of: Iterable[tuple[str, ...]] = (),
        others: bool = True,
    ) -> None:
        """`one_of` has groups of names of which an object must have one at least; `others` lets it have more."""
        self.shapes = dict(shapes)
        self.required = frozenset(required)
        self.one_of = tuple(one_of)
        self.others = others

    def and_(self, other: "Members") -> "Members":
        """Return the table that holds when both do."""
        names = [*self.shapes, *(name for name in other.shapes if name not in self.shapes)]
        return Members(
            {name: self._of(name).and_(other._of(name)) for name in names},
            required=self.required | other.required,
            one_of=dict.fromkeys((*self.one_of, *other.one_of)),
            others=self.others and other.others,
        )

    def _of(self, name: str) -> Shape:
        return self.shapes.get(name, ANYTHING if self.others else NOTHING)

    @property
    def is_closed(self) -> bool:
        """Whether the table names all that may stand in the object, at any depth."""
        return not self.others and all(map(_is_closed, self.shapes.values()))

    def struct(self) -> Any:
        """Return the struct that msgspec decodes only such objects to; its fields are named by `attribute`.

        Of an open table, what stands in the other members is not looked at, not even whether it is JSON at all.
        """
        fields: list[Any] = []
        shapes = self.shapes | {name: self._of(name) for name in self.required if name not in self.shapes}
        for number, (name, shape) in enumerate(shapes.items()):
            if not self.others and not shape.types and name not in self.required:
                continue
            kind = shape.annotation()
            if name in self.required:
                fields.append((f"m{number}", kind, msgspec.field(name=name)))
            else:
                optional: Any = Any if kind is Any else kind | UnsetType
                fields.append((f"m{number}", optional, msgspec.field(name=name, default=UNSET)))
        groups = [
            [
                f"m{number}"
                for number, name in enumerate(shapes)
                if name in group and (self.others or shapes[name].types)
            ]
            for group in self.one_of
            if self.required.isdisjoint(group)
        ]
        namespace = {"__post_init__": _requiring(groups)} if groups else None
        return msgspec.defstruct(
            "Members", fields, kw_only=True, gc=False, forbid_unknown_fields=not self.others, namespace=namespace
        )

    def attribute(self, name: str) -> str | None:
        """Return the field of the struct that holds a member; None if there is none."""
        names = list(self.shapes)
        shape = self.shapes.get(name)
        return f"m{names.index(name)}" if shape is not None and (self.others or shape.types) else None


class Table:
    """Members, compiled."""

    def __init__(self, members: Members) -> None:
        # Of a table that asks for nothing it is enough that it is an object.
        asks = bool(members.shapes or members.required or members.one_of) or not members.others
        decode: Callable[[Raw | bytes], Any] = json.Decoder(members.struct()).decode if asks else _decode_object
        looks = [
            (attribute, look_of(shape))
            for name, shape in members.shapes.items()
            if shape.look is not None and (attribute := members.attribute(name))
        ]
        whole = members.is_closed or not asks
        self.read: Read = _reading(decode) if whole and not looks else _looking(decode, looks, whole=whole)
        """Returns the members named in the table, if the object is surely valid JSON and as it should be.

        None where that is not sure.
        """


def _reading(decode: Callable[[Raw | bytes], Any]) -> Read:
    """Return what is asked nearly always: a function of its own is quicker than one that has nothing else to do."""

    def read(text: Raw | bytes) -> Any:
        try:
            return decode(text)
        except _UNREADABLE:
            return None

    return read


def _looking(decode: Callable[[Raw | bytes], Any], looks: Sequence[tuple[str, Look]], *, whole: bool) -> Read:
    """Return what reads an object and looks at some members; `whole` if `decode` looks at all others itself."""

    def read(text: Raw | bytes) -> Any:
        try:
            found = decode(text)
            if not whole:
                _decode_object(text)
        except _UNREADABLE:
            return None
        for attribute, fits in looks:
            value = getattr(found, attribute)
            if value is not UNSET and not fits(value):
                return None
        return found

    return read


ANYTHING = Shape()
NOTHING = Shape(frozenset())
ANY_MEMBERS = Members({})
NO_MEMBERS = Members({}, others=False)
_decode_object = json.Decoder(dict[str, Any]).decode


def _is_closed(shape: Shape) -> bool:
    """Tell whether a value is decoded to the last member, if it is decoded at all."""
    if dict in shape.types and shape.members is not None and not shape.members.is_closed:
        return False
    return list not in shape.types or shape.items is None or _is_closed(shape.items)


def is_moment(value: Any) -> bool:
    """Tell whether a value is no text, or surely a moment by any reading of ISO 8601 and RFC 3339."""
    return type(value) is not str or _match_moment(value) is not None


def is_date(value: Any) -> bool:
    """Tell whether a value is no text, or surely a day or a moment."""
    return type(value) is not str or _match_date(value) is not None


def _meet(one: T | None, other: T | None, join: Callable[[T, T], T]) -> T | None:
    if one is None or other is None:
        return other if one is None else one
    return join(one, other)


def _both(one: Look, other: Look) -> Look:
    return lambda value: one(value) and other(value)


def look_of(shape: Shape) -> Look:
    """Return what tells whether a value, read as any JSON, is like a shape that has a look."""
    look, types, kind = shape.look or bool, shape.types, shape._replace(look=None).annotation()

    def fits(value: Any) -> bool:
        if type(value) not in types or not look(value):
            return False
        try:
            msgspec.convert(value, kind, strict=True)
        except msgspec.ValidationError:
            return False
        return True

    return fits


def _requiring(groups: list[list[str]]) -> Callable[[Any], None]:
    """Return what msgspec calls with each struct: it refuses one that has none of a group's members."""

    def check(struct: Any) -> None:
        for group in groups:
            if all(getattr(struct, attribute) is UNSET for attribute in group):
                raise ValueError("one of them is needed")

    return check
