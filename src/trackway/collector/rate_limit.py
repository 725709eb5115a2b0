"""A token bucket: so many events a second, with room for a burst."""

import math
from collections.abc import Callable


class TokenBucket:
    """Lets `rate` events a second pass on average, and up to `burst` at once."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        """`clock` counts seconds and never goes back."""
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def take(self, count: int) -> int:
        """Let `count` events pass and return 0, or return the whole seconds to wait.

        A request larger than the burst passes when the bucket is full, and is paid off afterwards: else it never could.
        """
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        needed = min(count, self._burst)
        if self._tokens >= needed:
            self._tokens -= count
            return 0
        return min(300, max(1, math.ceil((needed - self._tokens) / self._rate)))
