"""Python source for one event's way through a mapping: written once a destination, run for every event.

Interpreting forty fields an event, one object at a time, costs five times as much as the straight lines written here.
An expression adds lines and returns the name of a variable; None in it means absent. Values that Python source cannot
spell, such as functions and settings, are given to the source by name and never written into it.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

K = TypeVar("K")
Reached = dict[tuple[str | int, ...], dict[str, None]]
"""Names that are taken from each object, by the object's path."""


class Code:
    """The body of a function of one argument, `e`: an event, or an item of a list in it."""

    def __init__(self, settings: Any = None, *, reached: Mapping[tuple[str | int, ...], Iterable[str]] = {}) -> None:
        """`reached` of the same expressions in a first round lets them take together what they take from one object."""
        self.settings = settings
        """Of the destination that the code is for."""
        self.asked: set[str] = set()
        """Fields that the expressions asked for."""
        self.planned = reached
        self.reached: Reached = {}
        self.paths: set[tuple[str | int, ...]] = set()
        """All that the expressions took from the event; `()` is the whole of it."""
        self.nulls: set[tuple[str | int, ...]] = set()
        """Where they told null from nothing."""
        self._lines: list[str] = []
        self._depth = 1
        self._variables = 0
        self._given: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._known: list[dict[object, str]] = [{}]
        self.nullable: set[str] = set()
        """Variables that may hold `NULL`."""

    def line(self, text: str) -> None:
        """Add a line."""
        self._lines.append("    " * self._depth + text)

    def variable(self) -> str:
        """Return a name that is not in use."""
        self._variables += 1
        return f"v{self._variables}"

    def assign(self, text: str) -> str:
        """Add a line that gives a new variable the value of `text`, and return the variable."""
        name = self.variable()
        self.line(f"{name} = {text}")
        return name

    def give(self, value: Any, *, by_name: bool = False) -> str:
        """Return text that stands for `value`; with `by_name` it is not spelled out, since it may be a secret."""
        if value is None or (isinstance(value, bool | int | str) and not by_name):
            return repr(value)
        name = self._names.get(id(value))
        if name is None:
            name = self._names[id(value)] = f"c{len(self._given)}"
            self._given[name] = value
        return name

    def hold(self, text: str) -> str:
        """Return a variable with the value of `text`: `text` itself if it is one."""
        return text if text.startswith("v") else self.assign(text)

    @contextmanager
    def block(self, head: str) -> Generator[None]:
        """Indent what is added within; what becomes known there is known only there."""
        self.line(head)
        self._depth += 1
        self._known.append({})
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.line("pass")
        self._known.pop()
        self._depth -= 1

    def once(self, key: object, make: Callable[[], str]) -> str:
        """Return the variable that holds `key`; `make` adds what fills it, if nothing before did."""
        for scope in reversed(self._known):
            if key in scope:
                return scope[key]
        found = self._known[-1][key] = make()
        return found

    def know(self, key: object, variable: str) -> None:
        """Note that a variable holds `key`, here and in blocks within."""
        self._known[-1][key] = variable

    def function(self, result: str, *, label: str) -> Callable[[Any], Any]:
        """Return the function, which returns `result`; `label` stands in tracebacks."""
        source = "\n".join(["def made(e):", *self._lines, f"    return {result}"])
        space: dict[str, Any] = dict(self._given)
        exec(compile(source, f"<mapping {label}>", "exec"), space)  # noqa: S102  only our own lines; values go by name
        return space["made"]
