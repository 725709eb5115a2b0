"""Answers that are remembered, because the same questions come again and again."""

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """The answers of a pure function by its argument: `memo[argument]`. One thread at a time.

    When it is full it forgets all and begins anew: that costs a question asked again now and then, where keeping the
    order of use, as `functools.lru_cache` does, costs something at each.
    """

    def __init__(self, answer: Callable[[K], V], most: int = 4096) -> None:
        """Remember up to `most` answers."""
        super().__init__()
        self._answer = answer
        self._most = most

    def __missing__(self, argument: K) -> V:
        if len(self) >= self._most:
            self.clear()
        answer = self[argument] = self._answer(argument)
        return answer
