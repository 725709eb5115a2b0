"""Answers that are remembered, because the same questions come again and again."""

from collections.abc import Callable, Sized
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """The answers of a pure function by its argument: `memo[argument]`. One thread at a time.

    When it is full it forgets all and begins anew: that costs a question asked again now and then, where keeping the
    order of use, as `functools.lru_cache` does, costs something at each.
    """

    def __init__(self, answer: Callable[[K], V], most: int = 4096, *, longest: int | None = None) -> None:
        """Remember up to `most` answers, of arguments up to the length `longest`."""
        super().__init__()
        self._answer = answer
        self._most = most
        self._longest = longest

    def __missing__(self, argument: K) -> V:
        answer = self._answer(argument)
        if self._longest is None or (isinstance(argument, Sized) and len(argument) <= self._longest):
            if len(self) >= self._most:
                self.clear()
            self[argument] = answer
        return answer
