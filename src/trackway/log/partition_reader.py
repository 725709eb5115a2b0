"""Reads one topic of one partition of an SQLite log, from segment to segment.

What a reader meets behind its position is one of these: the next block; nothing yet, in the last segment; the next
segment; a gap that an operator wrote off; or damage, which it reports again and again rather than pass it over.
"""

import bisect
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from trackway.log import segment, storage
from trackway.log.block import Unpacker
from trackway.log.contract import LogCorrupt, LogError, Slice
from trackway.log.layout import Layout

_LOOK_BEYOND_S = 1.0
"""How often a reader at the end of a segment looks whether there is a later one than the next."""


class _Following(NamedTuple):
    """The segment after the one that is open."""

    number: int
    first: int
    """Where it begins, so where the open one ends."""


class PartitionReader:
    """Reads one topic of one partition across its segments."""

    def __init__(self, layout: Layout, topic: str, partition: int, offset: int) -> None:
        self.next = offset
        self.last_read = 0.0
        self._topic = topic
        self._partition = partition
        self._folder = layout.partition(partition)
        self._number = 0
        self._db: sqlite3.Connection | None = None
        self._opened = contextlib.ExitStack()
        self._following: _Following | None = None
        self._lost: list[tuple[int, int]] = []
        self._looked_beyond = 0.0
        self._unpacker = Unpacker()

    def read(self, max_records: int, max_bytes: int) -> list[Slice]:
        """Return the records from `next` on and move past them; whole blocks, until one of the bounds is reached.

        Raises:
            LogCorrupt: the records at `next` are altered or missing; the reader stays where it is.
            LogUnavailable: they cannot be read.
        """
        found: list[Slice] = []
        try:
            with storage.reading(f"{self._folder}, {self._topic} from offset {self.next}"):
                self._read(found, max_records, max_bytes)
        except LogError:
            self.close()
            if not found:
                raise
            # What stands before the fault is handed out first; the next call meets the fault again.
        if found:
            self.last_read = time.monotonic()
        return found

    def close(self) -> None:
        """Close the segment that is open."""
        self._db = None
        self._opened.close()

    def _read(self, found: list[Slice], max_records: int, max_bytes: int) -> None:
        while max_records > 0 and max_bytes > 0 and (self._db or self._find()):
            # Looked up before reading: only then does "nothing more here" mean that nothing will come.
            following, fault = self._look_ahead()
            for got in self._slices(max_records, following.first if following else None):
                found.append(got)
                self.next = got.next
                max_records -= len(got.records)
                max_bytes -= sum(map(len, got.records))
                if max_records <= 0 or max_bytes <= 0:
                    return
            if fault is not None:
                raise fault
            if following is None:
                return
            if not self._open(following.number):
                self._following = None  # retention took it as well
                return

    def _look_ahead(self) -> tuple[_Following | None, LogCorrupt | None]:
        """Return the next segment, if there is one, or what is wrong with it: that matters when this one is read."""
        try:
            self._following = self._following or self._look_for_following()
        except LogCorrupt as fault:
            return None, fault
        return self._following, None

    def _slices(self, limit: int, end: int | None) -> Iterator[Slice]:
        """Yield what the open segment holds from `next` on, block by block, at most `limit` records.

        With an `end`, the segment is sealed: if all was yielded, `next` has arrived there.
        """
        if self._db is None:
            return
        place = f"{self._folder / segment.name_of(self._number)}, {self._topic}"
        with closing(segment.read_blocks(self._db, self._topic, self.next, end)) as blocks:
            for block in blocks:
                if block.first > self.next:
                    self._pass_over(block.first, place)
                got = self._unpacker.unpack(block, self._partition, start=self.next, limit=limit, place=place)
                limit -= len(got.records)
                yield got
                if limit <= 0:
                    return
        if end is None:
            self.next = next((after for first, after in self._lost if first <= self.next < after), self.next)
        elif self.next < end:
            if (self._folder / segment.name_of(self._number)).exists():
                self._pass_over(end, place)
            self.next = end  # retention took this segment and what came after it

    def _pass_over(self, following: int, place: str) -> None:
        """Move to offset `following` if all records before it were written off.

        Raises:
            LogCorrupt: they were not.
        """
        if not any(first <= self.next and following <= after for first, after in self._lost):
            raise storage.corrupt(place, f"the records from offset {self.next} to {following - 1} are missing")
        self.next = following

    def _find(self) -> bool:
        """Open the segment that holds `next`, or the oldest one when that is deleted."""
        numbers = segment.list_segments(self._folder)
        for number in reversed(self._up_to_next(numbers)):
            try:
                if self._open(number, oldest=number == numbers[0]):
                    return True
            except LogCorrupt:
                # `next` may stand in an older one; if not, this one is met again behind that.
                if number == numbers[0]:
                    raise
        return False

    def _up_to_next(self, numbers: list[int]) -> list[int]:
        """Return the segments up to the one that holds `next`, found by halving: a log may have thousands.

        All of them, when one on the way cannot be read.
        """
        try:
            after = bisect.bisect_right(numbers, self.next, key=self._first_of)
        except (LogError, FileNotFoundError, KeyError):
            return numbers
        return numbers[: max(1, after)]

    def _first_of(self, number: int) -> int:
        with segment.reading(self._folder / segment.name_of(number)) as db:
            return segment.firsts_of(db)[self._topic]

    def _open(self, number: int, *, oldest: bool = False) -> bool:
        """Open segment `number` if `next` is in it or, for the oldest segment, before it."""
        with contextlib.ExitStack() as stack:
            try:
                db = stack.enter_context(segment.reading(self._folder / segment.name_of(number)))
            except FileNotFoundError:
                return False  # retention was faster
            first = segment.firsts_of(db).get(self._topic)
            if first is None or (first > self.next and not oldest):
                return False
            lost = segment.lost_of(db, self._topic)
            self.close()
            self._opened = stack.pop_all()
        self._db, self._number, self.next = db, number, max(self.next, first)
        self._following, self._lost = None, lost
        return True

    def _look_for_following(self) -> _Following | None:
        """Return the next segment, if there is one.

        Raises:
            LogCorrupt: it cannot be read.
        """
        number: int | None = self._number + 1
        if not (self._folder / segment.name_of(self._number + 1)).exists():
            number = self._look_beyond()
        if number is None:
            return None
        try:
            with segment.reading(self._folder / segment.name_of(number)) as db:
                first = segment.firsts_of(db).get(self._topic)
        except FileNotFoundError:
            return None
        return None if first is None else _Following(number, first)

    def _look_beyond(self) -> int | None:
        now = time.monotonic()
        if now - self._looked_beyond < _LOOK_BEYOND_S:
            return None
        self._looked_beyond = now
        return min((one for one in segment.list_segments(self._folder) if one > self._number), default=None)
