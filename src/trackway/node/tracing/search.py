"""Finding the newest records of a user or with words in them: by reading the clean log, the newest parts first.

A large log is read by as many processes as the machine has cores. Parts are given out newest first over all topics and
partitions, and the search ends when no part that is left can hold anything newer than what is found.
"""

import heapq
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from typing import NamedTuple

from trackway.console.entries import Filter, open_record
from trackway.events.records import CLEAN_TOPICS, Place
from trackway.log.contract import EventLog
from trackway.node.tracing.index import Located

Told = Callable[[int, int, int], None]
"""Called with the records looked at, those there are, and those found."""
PART_RECORDS = 50_000
_WORTH_PROCESSES = 500_000
"""Fewer records are read before other processes have started."""


class Match(NamedTuple):
    """A record that fits; the newest is the greatest."""

    time_ms: int
    rank: int
    """Of one commit, events count as newer than what was refused, and that as newer than what was dropped."""
    offset: int
    partition: int
    topic: str


class _Part(NamedTuple):
    """Neighbouring records to look at."""

    topic: str
    partition: int
    first: int
    end: int
    newest_ms: int
    """When the last of them was appended."""


def search(
    open_log: Callable[[], EventLog], *, user: str, text: str, source: str, limit: int, told: Told
) -> list[Located]:
    """Return the newest `limit` records that fit, newest first.

    `user` is a part of an id and `text` of the event's JSON, in any case; `source` is the whole key. An empty one asks
    nothing. `open_log` returns the clean log, here and in other processes, to which it is pickled.
    """
    wanted = Filter(source=source, user=user.casefold(), text=text.casefold())
    log = open_log()
    try:
        total = sum(log.heads(topic)[p] - start for topic in log.topics for p, start in log.starts(topic).items())
        with _executor(open_log, total) as executor:
            found = _Search(log, wanted, limit, lambda looked_at, matches: told(looked_at, total, matches))
            return [Located(one.topic, Place(one.partition, one.offset)) for one in found.run(executor)]
    finally:
        log.close()


class _Search:
    """One search: what is found, and what is left to look at."""

    def __init__(self, log: EventLog, wanted: Filter, limit: int, told: Callable[[int, int], None]) -> None:
        self._log = log
        self._wanted = wanted
        self._limit = limit
        self._told = told
        self._found: list[Match] = []
        """The newest so far, the oldest of them first (a heap)."""
        self._looked_at = 0
        self._left: list[tuple[int, int, _Part, Iterator[_Part]]] = []
        """The newest part of each partition that is not given out, and those before it; the newest of all first."""

    def run(self, executor: Executor | None) -> list[Match]:
        """Look at as many parts as it takes; return the matches, newest first."""
        for number, (topic, partition) in enumerate(self._partitions()):
            self._push(number, self._parts(topic, partition))
        if executor is None:
            while self._left and self._may_hold_newer(self._left[0][2]):
                part = self._pop()
                self._take(part, look_through(self._log, self._wanted, part, self._limit))
        else:
            self._run_many(executor)
        return sorted(self._found, reverse=True)

    def _run_many(self, executor: Executor) -> None:
        under_way: dict[Future[list[Match]], _Part] = {}
        while True:
            while self._left and len(under_way) < 2 * _cores() and self._may_hold_newer(self._left[0][2]):
                part = self._pop()
                under_way[executor.submit(_look_through_there, self._wanted, part, self._limit)] = part
            if not under_way:
                return
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for one in done:
                self._take(under_way.pop(one), one.result())

    def _may_hold_newer(self, part: _Part) -> bool:
        return len(self._found) < self._limit or part.newest_ms >= self._found[0].time_ms

    def _take(self, part: _Part, matches: list[Match]) -> None:
        for match in matches:
            heapq.heappush(self._found, match)
            if len(self._found) > self._limit:
                heapq.heappop(self._found)
        self._looked_at += part.end - part.first
        self._told(self._looked_at, len(self._found))

    def _partitions(self) -> Iterator[tuple[str, int]]:
        for topic in self._wanted.topics:
            for partition in self._log.heads(topic):
                yield topic, partition

    def _parts(self, topic: str, partition: int) -> Iterator[_Part]:
        """Yield the parts of a partition, the newest first."""
        end, start = self._log.heads(topic)[partition], self._log.starts(topic).get(partition, 0)
        while end > start:
            first = max(start, end - PART_RECORDS)
            for last in self._log.read(topic, partition, end - 1):
                yield _Part(topic, partition, first, end, last.time_ms)
            end = first

    def _push(self, number: int, parts: Iterator[_Part]) -> None:
        for part in parts:
            heapq.heappush(self._left, (-part.newest_ms, number, part, parts))
            return

    def _pop(self) -> _Part:
        _, number, part, parts = heapq.heappop(self._left)
        self._push(number, parts)
        return part


def look_through(log: EventLog, wanted: Filter, part: _Part, limit: int) -> list[Match]:
    """Return the newest `limit` records of `part` that fit, oldest first."""
    found: deque[Match] = deque(maxlen=limit)
    rank = -CLEAN_TOPICS.index(part.topic)
    may_match = wanted.sieve(part.topic)
    for got in log.read(part.topic, part.partition, part.first, max_records=part.end - part.first):
        for offset, record in enumerate(got.records, got.first):
            if may_match(record) and wanted.matches(open_record(part.topic, part.partition, offset, record)):
                found.append(Match(got.time_ms, rank, offset, part.partition, part.topic))
    return list(found)


_opened: EventLog | None = None
"""The log, in a process that helps with a search."""


def _open_there(open_log: Callable[[], EventLog]) -> None:
    global _opened
    _opened = open_log()


def _look_through_there(wanted: Filter, part: _Part, limit: int) -> list[Match]:
    assert _opened is not None  # noqa: S101 - `_open_there` came first
    return look_through(_opened, wanted, part, limit)


@contextmanager
def _executor(open_log: Callable[[], EventLog], total: int) -> Generator[Executor | None]:
    """Give processes that help, None where they would not."""
    if total < _WORTH_PROCESSES or _cores() < 2:
        yield None
        return
    # A fork would copy the locks of this process's threads as they stand.
    pool = ProcessPoolExecutor(_cores(), get_context("spawn"), _open_there, (open_log,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    return os.cpu_count() or 1
