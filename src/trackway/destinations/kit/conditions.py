# ruff: noqa: N801, D102  (tests are classes that read like functions; `emit` is told once)
"""What is asked of an event: `exists(at("userId"))`, `equals(field("source"), "web")`; for `when` and for rules."""

from collections.abc import Callable
from typing import Any

from trackway.destinations.kit.code import Code
from trackway.destinations.kit.expressions import Like, Test, call, read
from trackway.destinations.kit.values import NULL


class exists(Test):
    """The value is there, and not null."""

    def __init__(self, value: Like) -> None:
        self.value = read(value)

    def emit(self, code: Code) -> str:
        found = code.hold(self.value.emit(code))
        return (
            f"({found} is not None and {found} is not {code.give(NULL)})"
            if found in code.nullable
            else (f"{found} is not None")
        )


class filled(Test):
    """The value is there, and neither `""` nor zero, false or an empty list or object."""

    def __init__(self, value: Like) -> None:
        self.value = read(value)

    def emit(self, code: Code) -> str:
        found = code.hold(self.value.emit(code))
        return f"({found} and {found} is not {code.give(NULL)})" if found in code.nullable else found


class equals(Test):
    """The value is one of those given."""

    def __init__(self, value: Like, *wanted: Any) -> None:
        self.value = read(value)
        self.wanted = wanted

    def emit(self, code: Code) -> str:
        found = code.hold(self.value.emit(code))
        return f"{found} in {code.give(self.wanted)}"


class holds(Test):
    """A function says so of values; absent ones are None."""

    def __init__(self, function: Callable[..., bool], *arguments: Like) -> None:
        self.asked = call(function, *arguments, always=True)

    def emit(self, code: Code) -> str:
        return self.asked.emit(code)


class any_of(Test):
    """At least one of the tests holds."""

    word = "or"

    def __init__(self, *tests: Test) -> None:
        self.tests = tests

    def emit(self, code: Code) -> str:
        return "(" + f" {self.word} ".join(test.emit(code) for test in self.tests) + ")"


class all_of(any_of):
    """All tests hold."""

    word = "and"


class no(Test):
    """The test does not hold."""

    def __init__(self, test: Test) -> None:
        self.test = test

    def emit(self, code: Code) -> str:
        return f"not ({self.test.emit(code)})"
