"""Which segments may go: the oldest ones, whole, that every consumer has read and that are too old or too much.

Age goes by the wall clock, and wall clocks jump. A jump must not delete the history of a week at once, nor keep it for
a year: a clock is believed once it has kept pace with the machine's own for an hour, and a segment is never taken to be
younger than those after it.
"""

import heapq
import itertools
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from trackway.log import segment
from trackway.log.contract import LogError, LogUnavailable
from trackway.log.layout import Layout, now_ms

_STEADY_S = 3600.0
_SLACK_S = 60.0
"""Clocks are set right by less than this in the time of `_STEADY_S`."""
_log = logging.getLogger(__name__)

_Begun = dict[Path, tuple[dict[str, int], int]]
"""What never changes of a segment: its first offsets, and when it was begun."""
Positions = Collection[Mapping[int, int]]
"""Of each consumer of a topic, the next offset by partition."""


class SteadyClock:
    """Tells whether the wall clock can be believed."""

    def __init__(self, wall_ms: Callable[[], int] = now_ms, machine_s: Callable[[], float] = time.monotonic) -> None:
        self._wall_ms = wall_ms
        self._machine_s = machine_s
        self._since: tuple[int, float] | None = None

    def now_ms(self) -> int | None:
        """Return the time, epoch milliseconds; None while the clock has not kept pace for an hour."""
        wall_ms, machine_s = self._wall_ms(), self._machine_s()
        if self._since is not None:
            passed_s = machine_s - self._since[1]
            ahead_s = (wall_ms - self._since[0]) / 1000 - passed_s
            if abs(ahead_s) <= _SLACK_S:
                if passed_s < _STEADY_S:
                    return None
                # Seconds of drift in an hour are no jump; those of a year must not look like one.
                self._since = wall_ms - int(_STEADY_S * 1000), machine_s - _STEADY_S
                return wall_ms
        self._since = wall_ms, machine_s
        return None


class _Ended(NamedTuple):
    partition: int
    path: Path
    ends: dict[str, int]
    """Where the segment ends, by topic."""
    ended_ms: int


class Retention:
    """Deletes segments of one log."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._begun: _Begun = {}

    def retain(
        self,
        needed: Mapping[str, Positions],
        settle: Callable[[], None],
        *,
        oldest_ms: int | None,
        excess_bytes: int,
    ) -> int:
        """Delete segments that ended before `oldest_ms`, or are among the oldest `excess_bytes`; return bytes freed.

        `needed` names the consumers' positions by topic; what one of them has not read stays. `settle` is called
        before anything is deleted, and makes sure that no consumer will be found further back.
        """
        freed = 0
        blocked: set[int] = set()
        for one in self._oldest_first():
            too_old = oldest_ms is not None and one.ended_ms < oldest_ms
            if not (too_old or freed < excess_bytes):
                break
            if one.partition in blocked or _is_needed(one, needed):
                blocked.add(one.partition)
                continue
            try:
                if not freed:
                    settle()
                freed += segment.delete(one.path)
            except (OSError, LogUnavailable) as error:
                _log.warning("%s cannot be deleted: %s", one.path, error)
                break
        return freed

    def _oldest_first(self) -> Iterable[_Ended]:
        """Return the segments of all partitions that are followed by another."""
        begun: _Begun = {}
        ended = [self._ended(partition, begun) for partition in self._layout.partitions()]
        self._begun = begun
        return heapq.merge(*ended, key=lambda one: one.ended_ms)

    def _ended(self, partition: int, begun: _Begun) -> list[_Ended]:
        """Return the segments that are followed by another, oldest first, up to the first that cannot be read."""
        folder = self._layout.partition(partition)
        paths = [folder / segment.name_of(number) for number in segment.list_segments(folder)]
        found: list[_Ended] = []
        for path, following in itertools.pairwise(paths):
            known = self._begun.get(following) or _read_begun(following)
            if known is None:
                break
            begun[following] = known
            found.append(_Ended(partition, path, *known))
        # Begun while the clock was ahead, a segment would make all before it look young.
        youngest = list(itertools.accumulate((one.ended_ms for one in reversed(found)), min))[::-1]
        return [one._replace(ended_ms=ended_ms) for one, ended_ms in zip(found, youngest, strict=True)]


def _is_needed(one: _Ended, needed: Mapping[str, Positions]) -> bool:
    return any(read.get(one.partition, 0) < end for topic, end in one.ends.items() for read in needed[topic])


def _read_begun(path: Path) -> tuple[dict[str, int], int] | None:
    try:
        with segment.reading(path) as db:
            return segment.firsts_of(db), segment.created_ms(db)
    except (FileNotFoundError, LogError):
        return None  # readers and `verify` say what is wrong with it
