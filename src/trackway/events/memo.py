"""Answers that are remembered, because the same questions come again and again."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(Generic[K, V]):
    """The answers of a pure function by its argument: `memo[argument]`.

    When it is full it forgets all and begins anew: that costs a question asked again now and then, where keeping the
    order of use, as `functools.lru_cache` does, costs something at each.
    """

    def __init__(self, answer: Callable[[K], V], most: int = 4096, *, longest: int | None = None) -> None:
        """Remember up to `most` answers, of arguments up to the length `longest`."""
        self.known: dict[K, V] = {}
        """What is remembered, always the same dictionary.

        Where it is asked for each event, look here first, and `ask` about what is not there: Python looks into a plain
        dictionary at a third of the cost of any object that can do more. Look once: of a memo that several threads use,
        another one may empty it between two looks.
        """
        self._answer = answer
        self._most = most
        self._longest = longest

    def __getitem__(self, argument: K) -> V:
        try:
            return self.known[argument]
        except KeyError:
            return self.ask(argument)

    def ask(self, argument: K) -> V:
        """Return the answer to what is not known yet, and remember it."""
        answer = self._answer(argument)
        if self._longest is None or len(argument) <= self._longest:  # pyright: ignore[reportArgumentType]
            if len(self.known) >= self._most:
                self.known.clear()
            self.known[argument] = answer
        return answer
