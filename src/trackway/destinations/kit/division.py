"""A mapping divided into what follows from an event's context alone and what is the event's own; for `short_way.py`."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct, field

from trackway.destinations.kit import expressions as ex
from trackway.destinations.kit.actions import Action, Field, Mapping, Rule, asked_fields, emit_field
from trackway.destinations.kit.code import Code
from trackway.destinations.kit.outlines import ATTRIBUTES

Path: TypeAlias = tuple[str | int, ...]
_Emit: TypeAlias = Callable[[Code], Any]
_PAGE = ("context", "page")


class NoShortWay(Exception):
    """A mapping cannot be divided."""


class Following(NamedTuple):
    """What follows from the context, for an object of the row."""

    name: str | None
    """Of the member; None for an object whose members are all laid in."""
    expression: ex.Expression
    names: Collection[str]
    """What the member or members may be called."""
    paths: Collection[Path]


class Part(Struct):
    """An object of the row, and within it perhaps another one that is divided: its members by where they are from."""

    following: list[Following] = field(default_factory=list[Following])
    own: dict[str, ex.Expression] = field(default_factory=dict[str, ex.Expression])
    """From the rest of the event, and perhaps the context too."""
    laid: ex.Expression | None = None
    """An object of the event whose members are laid beside these: not known before, so none may have their names."""
    inner: str = ""
    """The name of the next part, if there is one."""
    names: dict[str, None] = field(default_factory=dict[str, None])
    """All that the members may be called, but for what is laid beside them, in order."""


class Share(NamedTuple):
    """What is worked out from one share of a context: from its page, from the rest of it, or from all of it."""

    fields: Collection[str]
    parts: Sequence[Sequence[Following]]
    values: Sequence[Path]
    """What an event's own members take from it besides."""


class Division:
    """The fields and the row of an action, as a mapping fills them, divided."""

    def __init__(self, action: Action, mapping: Mapping, settings: Any) -> None:
        self.settings = settings
        self.rules: Sequence[Rule] = action.rules
        self.parts: list[Part] = []
        """The row, what is divided within it, and so on."""
        self.shares: list[Share] = []
        """Of the context: all of it, or what is besides the page, and the page."""
        self.of_event: Collection[str] = ()
        """The members of the event that its own members are made of."""
        self.needed: Collection[str] = ()
        """The fields that an event's own members are made of."""
        self._fields: dict[str, tuple[Field, ex.Expression]] = {}
        self._paths: dict[str, set[Path]] = {}
        wanted = asked_fields(action, settings)
        for name, one in action.fields.items():
            if wanted is None or name in wanted or one.required:
                source = ex.read(mapping.fields[name]) if name in mapping.fields else one.default
                self._fields[name] = one, source
                self._paths[name] = self._taken_by(lambda code, name=name: self._write_field(code, name))

    def write_fields(self, code: Code, names: Collection[str]) -> None:
        """Add the lines of the fields `names`."""
        for name in self._fields:
            if name in names:
                found = self._write_field(code, name)
                code.once(("field", name), lambda found=found: found)

    def add(self, row: ex.fields | ex.merge) -> None:
        """Divide the members of an object.

        Raises:
            NoShortWay: two of its members may have one name, or it has none that is the event's own.
        """
        part, inner = Part(), None
        self.parts.append(part)
        for one in row.objects if isinstance(row, ex.merge) else [row]:
            members = self._members(one)
            if members is None:
                self._lay(part, one)
                continue
            for name, expression in members.items():
                paths = self._taken_by(expression.emit)
                if _follow(paths):
                    self._follow(part, Following(name, expression, (name,), paths))
                    continue
                if name in part.names:
                    raise NoShortWay
                part.names[name] = None
                if inner is None and isinstance(expression, ex.fields | ex.merge):
                    part.inner, inner = name, expression
                else:
                    part.own[name] = expression
        if inner is not None:
            self.add(inner)
        elif not part.own:
            raise NoShortWay

    def finish(self) -> None:
        """Find what the members are made of.

        Raises:
            NoShortWay: something is taken from the event that is not in an outline.
        """
        emits: list[_Emit] = [rule.test.emit for rule in self.rules]
        for part in self.parts:
            emits += [one.emit for one in part.own.values()] + ([part.laid.emit] if part.laid else [])
        own = {name for name, paths in self._paths.items() if not _follow(paths)}
        self.needed = _tried(self.settings, emits).asked | own
        emits.append(lambda code: self.write_fields(code, self.needed))
        taken = self._taken_by(*emits)
        tells_null = any(len(path) == 1 for path in _tried(self.settings, emits).nulls)
        if tells_null or any(not path or path[0] not in ATTRIBUTES for path in taken):
            raise NoShortWay
        self.of_event = sorted({str(path[0]) for path in taken} - {"context"})
        self._share(sorted((path for path in taken if path[0] == "context"), key=str))

    def _members(self, one: ex.Expression) -> dict[str, ex.Expression] | None:
        """Return an object's members, if they are written out; for a field also where it adds nothing to its source."""
        if isinstance(one, ex.field):
            of, source = self._fields[one.name]
            if isinstance(source, ex.fields) and not of.members and not of.required and of.kind in ("object", "any"):
                one = source
        return one.members if isinstance(one, ex.fields) else None

    def _lay(self, part: Part, expression: ex.Expression) -> None:
        """Take in an object whose members are laid beside others."""
        paths = self._taken_by(expression.emit)
        if _follow(paths):
            self._follow(part, Following(None, expression, self._names_in(expression), paths))
        elif part.laid is None:
            part.laid = expression
        else:
            raise NoShortWay

    @staticmethod
    def _follow(part: Part, following: Following) -> None:
        # Those that follow may have one name among them: the last one counts, as ever.
        if not {*part.own, part.inner}.isdisjoint(following.names):
            raise NoShortWay
        part.names |= dict.fromkeys(following.names)
        part.following.append(following)

    def _names_in(self, expression: ex.Expression) -> Collection[str]:
        """Return what the members of an object may be called."""
        if isinstance(expression, ex.field):
            one, source = self._fields[expression.name]
            if isinstance(source, ex.fields):
                return source.members.keys()
            if one.members and not one.others:
                return one.members.keys()
        raise NoShortWay

    def _share(self, values: Sequence[Path]) -> None:
        """Divide what follows from the context once more: the page, and the rest of it."""
        required = {name: paths for name, paths in self._paths.items() if self._fields[name][0].required}
        following = [one for part in self.parts for one in part.following]
        every = [*filter(_follow, required.values()), *(one.paths for one in following), *([path] for path in values)]
        parted = any(map(_on_page, every)) and not any(map(_on_both, every)) and not any(map(_told_twice, self.parts))
        for takes in (_off_page, _on_page) if parted else (_any,):
            parts = [[one for one in part.following if takes(one.paths)] for part in self.parts]
            asked = _tried(self.settings, [one.expression.emit for part in parts for one in part]).asked
            asked |= {name for name, paths in required.items() if _follow(paths) and takes(paths)}
            self.shares.append(Share(asked, parts, [path for path in values if takes([path])]))

    def _taken_by(self, *emits: _Emit) -> set[Path]:
        """Return the paths that expressions take from an event, themselves and by the fields that they ask for."""
        code = _tried(self.settings, emits)
        return code.paths.union(*(self._paths[name] for name in code.asked))

    def _write_field(self, code: Code, name: str) -> str:
        one, source = self._fields[name]
        return emit_field(code, name, one, source)


def divided(action: Action, mapping: Mapping, settings: Any) -> Division:
    """Return an action divided, as `mapping` fills its fields.

    Raises:
        NoShortWay: it cannot be.
    """
    if action.build is not None:
        raise NoShortWay  # it takes as long to lay plain data together as to make them
    division = Division(action, mapping, settings)
    row = ex.fields({name: ex.field(name) for name in action.fields}) if action.row is None else action.row
    if not isinstance(row, ex.fields):
        raise NoShortWay
    division.add(row)
    division.finish()
    return division


def _tried(settings: Any, emits: Iterable[_Emit]) -> Code:
    """Return what expressions add to a function, to see what they ask for."""
    code = Code(settings)
    for emit in emits:
        emit(code)
    return code


def _follow(paths: Iterable[Path]) -> bool:
    """Say whether all that stands at `paths` is in the context; nothing at all follows from any context."""
    return all(path and path[0] == "context" for path in paths)


def _on_page(paths: Collection[Path]) -> bool:
    return any(path[:2] == _PAGE for path in paths)


def _any(paths: Collection[Path]) -> bool:
    return True


def _off_page(paths: Collection[Path]) -> bool:
    return not _on_page(paths)


def _on_both(paths: Collection[Path]) -> bool:
    """Say whether something is made of the page and of the rest, or of all together."""
    return ("context",) in paths or (_on_page(paths) and not all(path[:2] == _PAGE for path in paths))


def _told_twice(part: Part) -> bool:
    """Say whether the page gives a member that the rest may give too: then it counts which comes last."""
    names = [
        {name for one in part.following if _on_page(one.paths) == on for name in one.names} for on in (True, False)
    ]
    return not names[0].isdisjoint(names[1])
