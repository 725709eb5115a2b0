"""What is to be played, and when the events of it are due."""

import math
from bisect import bisect_right
from random import Random
from typing import NamedTuple

ENDLESS_DAY_S = 600.0
"""The shop's day when no end is set."""
_STEPS = 1440


class Plan(NamedTuple):
    """A play. The same plan is played the same way every time."""

    seed: int
    start_ms: int
    """The moment of the first event, epoch milliseconds."""
    write_key: str
    rate: float = 20.0
    """Events a second, on average over the shop's day."""
    duration_s: float = 60.0
    """0: no end."""

    def random(self, part: str) -> Random:
        """Return the dice of one part of the play, the same whatever other parts do."""
        return Random(f"{self.seed}/{part}")  # noqa: S311 - a play, not a secret

    def ids(self) -> Random:
        """Return the dice for ids: they differ between two plays of one seed, or the second were all duplicates."""
        return Random(f"{self.seed}/ids/{self.start_ms}")  # noqa: S311 - a play, not a secret

    @property
    def day_s(self) -> float:
        """How long the shop's day lasts: a play with an end is one day from night to night."""
        return self.duration_s or ENDLESS_DAY_S

    @property
    def total(self) -> int | None:
        """The number of events, repeats not counted; None without an end."""
        return max(1, round(self.rate * self.duration_s)) if self.duration_s else None

    def due_s(self, number: int) -> float:
        """Return when event `number`, counted from 0, is due, in seconds after the start."""
        day, share = divmod(number / (self.rate * self.day_s), 1.0)
        return (day + _moment_of(share)) * self.day_s


def _intensity(moment: float) -> float:
    """How busy the shop is at a moment of its day, 0 to 1: quiet at night, a peak at noon, a higher one at eight."""
    noon = math.exp(-(((moment - 0.52) / 0.10) ** 2))
    evening = math.exp(-(((moment - 0.83) / 0.09) ** 2))
    return 0.55 + 0.5 * noon + 0.9 * evening


def _shares() -> list[float]:
    """The share of the day's events that came until each of its minutes."""
    sums = [0.0]
    for step in range(_STEPS):
        sums.append(sums[-1] + _intensity((step + 0.5) / _STEPS))
    return [one / sums[-1] for one in sums]


_SHARES = _shares()


def _moment_of(share: float) -> float:
    """Return the moment of the day, 0 to 1, until which `share` of its events have come."""
    step = min(bisect_right(_SHARES, share) - 1, _STEPS - 1)
    below, above = _SHARES[step], _SHARES[step + 1]
    return (step + (share - below) / (above - below)) / _STEPS
