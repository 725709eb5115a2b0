# ruff: noqa: N801, D102  (expressions are classes that read like functions; `emit` is told once)
"""Where a field's value comes from, as a table that reads: `at("properties.revenue")`, `first_of(…)`, `cut(…)`.

An expression is plain data. It has no value of its own until a mapping is compiled; then it adds its lines to the
mapping's `Code`. What is absent stays absent through all of them, and a null in the event counts as absent unless the
expression says otherwise.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from trackway.destinations.kit import values
from trackway.destinations.kit.code import Code
from trackway.destinations.kit.values import NULL
from trackway.workspace.secret import Secret

Like = Any
"""An expression, an object of them (which becomes `fields`), or a plain value (which becomes `const`)."""


class Expression(ABC):
    """Something that has a value for each event."""

    @abstractmethod
    def emit(self, code: Code) -> str:
        """Add the lines that work out the value, and return the variable that holds it."""

    def compiled(self, label: str = "expression", *, settings: Any = None) -> Callable[[Any], Any]:
        """Return a function from an event to this value, on its own."""
        trial = Code(settings)
        self.emit(trial)
        code = Code(settings, reached=trial.reached)
        return code.function(self.emit(code), label=label)


def read(like: Like) -> Expression:
    """Return what is meant by an expression, an object of expressions, or a plain value."""
    if isinstance(like, Expression):
        return like
    if isinstance(like, dict):
        return fields(cast("dict[str, Like]", like))
    return const(like)


class const(Expression):
    """The same for every event."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def emit(self, code: Code) -> str:
        return code.give(self.value)


class nothing(const):
    """No value: the field is left out."""

    def __init__(self) -> None:
        super().__init__(None)


_NOTHING = object()
_STEP = re.compile(r"\[(\d+)\]|\[\"([^\"]*)\"\]|\['([^']*)'\]|\.?([^.\[\]]+)|\.")


def steps(path: str) -> tuple[str | int, ...]:
    """Return a path's steps: names, and numbers for `[0]`. A name with a dot is written `["a.b"]`."""
    found: list[str | int] = []
    for match in _STEP.finditer(path.removeprefix("$").removeprefix(".")):
        index, double, single, name = match.groups()
        if index is not None:
            found.append(int(index))
        elif (word := next((one for one in (double, single, name) if one is not None), None)) is not None:
            found.append(word)
    return tuple(found)


class at(Expression):
    """What stands at a path, such as `context.page.url` or `properties.products[0].sku`; `""` is the whole event."""

    def __init__(self, path: str, *, null: bool = False) -> None:
        """`null`: a null there is sent as null."""
        self.path = path
        self.null = null
        self.steps = steps(path)

    def emit(self, code: Code) -> str:
        if not self.null or not self.steps:
            code.paths.add(self.steps)
            return self.reach(code, self.steps)
        code.paths.add(self.steps[:-1] or self.steps)
        code.nulls.add(self.steps)
        return code.once(("null", self.steps), lambda: self._reach_null(code))

    def _reach_null(self, code: Code) -> str:
        parent, name = self.reach(code, self.steps[:-1]), repr(self.steps[-1])
        none, null = code.give(_NOTHING), code.give(NULL)
        found = code.assign(f"{parent}.get({name}, {none}) if type({parent}) is dict else {none}")
        code.line(f"{found} = None if {found} is {none} else {null} if {found} is None else {found}")
        code.nullable.add(found)
        return found

    def reach(self, code: Code, path: Sequence[str | int]) -> str:
        """Add the lines that reach a path of the event, and return the variable that holds what is there."""
        if not path:
            return "e"
        return code.once(("at", tuple(path)), lambda: self._reach(code, tuple(path)))

    def _reach(self, code: Code, path: tuple[str | int, ...]) -> str:
        """Take the last step of `path`, and with it what other expressions take from the same object."""
        step, parent = path[-1], path[:-1]
        found = self.reach(code, parent)
        if isinstance(step, int) or step.isdigit() or not parent:
            return self.take(code, found, step)
        code.reached.setdefault(parent, {})[step] = None
        # One look says of an absent object that all of it is absent.
        names = {name: code.variable() for name in code.planned.get(parent, [step])}
        code.line(f"if type({found}) is dict:")
        for name, variable in names.items():
            code.line(f"    {variable} = {found}.get({name!r})")
            code.know(("at", (*parent, name)), variable)
        code.line(f"else: {' = '.join(names.values())} = None")
        return names[step]

    @staticmethod
    def take(code: Code, parent: str, step: str | int) -> str:
        """Add a line that takes a step from `parent`, and return the variable that holds what is there."""
        if isinstance(step, int):
            return code.assign(f"{parent}[{step}] if type({parent}) is list and len({parent}) > {step} else None")
        guard = "" if parent == "e" else f" if type({parent}) is dict else None"
        if step.isdigit():  # Segment's paths may have a list's index between dots.
            in_list = f"{parent}[{step}] if type({parent}) is list and len({parent}) > {step} else None"
            return code.assign(f"{parent}.get({step!r}) if type({parent}) is dict else {in_list}")
        return code.assign(f"{parent}.get({step!r}){guard}")


class field(Expression):
    """The value of a field of the action; for an action's `row`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def emit(self, code: Code) -> str:
        code.asked.add(self.name)
        return code.once(("field", self.name), lambda: "None")


class setting(Expression):
    """A setting of the destination, known when the mapping is compiled; a secret stands as its text."""

    def __init__(self, name: str) -> None:
        self.name = name

    def emit(self, code: Code) -> str:
        value = getattr(code.settings, self.name)
        return code.give(value.reveal() if isinstance(value, Secret) else value, by_name=True)


class member(Expression):
    """What stands at a path within a value."""

    def __init__(self, value: Like, path: str) -> None:
        self.value = read(value)
        self.steps = steps(path)

    def emit(self, code: Code) -> str:
        found = self.value.emit(code)
        if found == "None":
            return found
        found = code.hold(found)
        for step in self.steps:
            found = at.take(code, found, step)
        return found


class first_of(Expression):
    """The first that is there."""

    def __init__(self, *choices: Like) -> None:
        self.choices = [read(choice) for choice in choices]

    def emit(self, code: Code) -> str:
        result = code.variable()
        self._choose(code, result, self.choices)
        return result

    def _choose(self, code: Code, result: str, choices: Sequence[Expression]) -> None:
        found = choices[0].emit(code) if choices else "None"
        code.line(f"{result} = {found}")
        if found in code.nullable:
            code.line(f"if {result} is {code.give(NULL)}: {result} = None")
        if len(choices) > 1:
            with code.block(f"if {result} is None:"):
                self._choose(code, result, choices[1:])


class Test(ABC):
    """A yes or no about an event."""

    @abstractmethod
    def emit(self, code: Code) -> str:
        """Add what is needed, and return a Python condition."""


class when(Expression):
    """One value or another."""

    def __init__(self, test: Test, then: Like, otherwise: Like = None) -> None:
        self.test, self.then, self.otherwise = test, read(then), read(otherwise)

    def emit(self, code: Code) -> str:
        result = code.variable()
        with code.block(f"if {self.test.emit(code)}:"):
            code.line(f"{result} = {self.then.emit(code)}")
        with code.block("else:"):
            code.line(f"{result} = {self.otherwise.emit(code)}")
        return result


class call(Expression):
    """What a function makes of values; not asked when the first of them is absent, unless `always`."""

    def __init__(self, function: Callable[..., Any], *arguments: Like, always: bool = False, **options: Any) -> None:
        self.function = function
        self.arguments = [read(argument) for argument in arguments]
        self.always = always
        self.options = options

    def emit(self, code: Code) -> str:
        # One expression may stand in several places, such as a look-up of which each place takes a part.
        return code.once(("call", self), lambda: self._emit(code))

    def _emit(self, code: Code) -> str:
        given = [argument.emit(code) for argument in self.arguments]
        if given and given[0] == "None" and not self.always:
            return "None"
        options = [f"{name}={code.give(value)}" for name, value in self.options.items()]
        made = f"{code.give(self.function)}({', '.join([*given, *options])})"
        first = given[0] if given else ""
        if self.always or not given or not first.startswith("v"):
            return code.assign(made)
        absent = f" and {first} is not {code.give(NULL)}" if first in code.nullable else ""
        return code.assign(f"{made} if {first} is not None{absent} else None")


class fields(Expression):
    """An object; members without a value are left out. It may be empty."""

    def __init__(self, members: Mapping[str, Like] | None = None, **more: Like) -> None:
        self.members = {name: read(member) for name, member in {**(members or {}), **more}.items()}

    def emit(self, code: Code) -> str:
        result = code.assign("{}")
        self.into(code, result)
        return result

    def into(self, code: Code, result: str) -> None:
        """Add the lines that put the members into the object `result`."""
        for name, member in self.members.items():
            put(code, result, name, member.emit(code))


def put(code: Code, result: str, name: str, value: str) -> None:
    """Add a line that puts a value into an object, unless it is absent."""
    target = f"{result}[{name!r}]"
    if value in code.nullable:
        code.line(f"if {value} is not None: {target} = None if {value} is {code.give(NULL)} else {value}")
    elif value.startswith("v"):
        code.line(f"if {value} is not None: {target} = {value}")
    elif value != "None":
        code.line(f"{target} = {value}")


class row(fields):
    """The vendor's object for an event; like `fields`."""


class listed(Expression):
    """A list of values; absent ones are left out."""

    def __init__(self, *items: Like) -> None:
        self.items = [read(item) for item in items]

    def emit(self, code: Code) -> str:
        result = code.assign("[]")
        for item in self.items:
            found = code.hold(item.emit(code))
            code.line(f"if {found} is not None: {result}.append({found})")
        return result


class merge(Expression):
    """One object of several; of the same member the last one counts."""

    def __init__(self, *objects: Like) -> None:
        self.objects = [read(one) for one in objects]

    def emit(self, code: Code) -> str:
        result = code.assign("{}")
        for one in self.objects:
            if isinstance(one, fields):
                one.into(code, result)
            else:
                found = one.emit(code)
                code.line(f"if type({found}) is dict: {result}.update({found})")
        return result


class each(Expression):
    """A list's items, each as `shape` makes it; paths within begin at the item. A single object counts as a list."""

    def __init__(self, items: Like, shape: Like) -> None:
        """`items` is a path or an expression."""
        self.items = at(items) if isinstance(items, str) else read(items)
        self.shape = read(shape)

    def emit(self, code: Code) -> str:
        found = self.items.emit(code)
        made = code.give(self.shape.compiled("item", settings=code.settings))
        listed = f"[{made}(one) for one in {found} if type(one) is dict]"
        return code.assign(
            f"{listed} if type({found}) is list else [{made}({found})] if type({found}) is dict else None"
        )


_HOLE = re.compile(r"\{\{\{?([^{}]+)\}?\}\}")


class template(Expression):
    """Text with holes for paths: `Viewed {{name}}`. What is absent leaves its hole empty."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[str | at] = []
        end = 0
        for hole in _HOLE.finditer(text):
            self.parts += [text[end : hole.start()], at(hole[1].strip())]
            end = hole.end()
        self.parts.append(text[end:])

    def emit(self, code: Code) -> str:
        told = [
            repr(part) if isinstance(part, str) else f"{code.give(values.filled)}({part.emit(code)})"
            for part in self.parts
            if part != ""
        ]
        return code.assign(" + ".join(told) or "''")
