"""Readers of an SQLite log; `sqlite.py` has the design note."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from types import TracebackType
from typing import Self

from trackway.log import segment
from trackway.log.bell import Bell
from trackway.log.contract import Slice, Start
from trackway.log.cursors import Cursors
from trackway.log.layout import Layout

_LOOK_AROUND_S = 0.25
"""How long a reader relies on its bell before it looks by itself."""


class SqliteReader:
    """A reader of all partitions of one topic."""

    def __init__(
        self, layout: Layout, cursors: Cursors, topic: str, consumer: str | None, start: Start | Mapping[int, int]
    ) -> None:
        self.topic = topic
        self._layout = layout
        self._cursors = cursors
        self._consumer = consumer
        self._parts: dict[int, PartitionReader] = {}
        self._bell = Bell(layout.bells)
        if consumer is not None:
            cursors.register(topic, consumer)
        if start == "committed":
            start = cursors.consumers(topic).get(consumer, {}) if consumer is not None else {}
        elif start == "latest":
            start = heads(layout, topic)
        elif start == "earliest":
            start = {}
        self.seek(start)

    def poll(self, *, max_records: int = 5000, max_bytes: int = 8 << 20, timeout_s: float = 0.0) -> list[Slice]:
        """Return what stands after the reader's position, waiting up to `timeout_s` for it; see the contract."""
        deadline = time.monotonic() + timeout_s
        while True:
            woken = self._bell.clear()
            found = self._read(max_records, max_bytes)
            left_s = deadline - time.monotonic()
            if found or woken or left_s <= 0:
                return found
            self._bell.wait(min(left_s, _LOOK_AROUND_S))

    def position(self) -> dict[int, int]:
        """Return the next offset to read, by partition."""
        return {partition: part.next for partition, part in self._parts.items()}

    def seek(self, position: Mapping[int, int]) -> None:
        """Read on from `position`; partitions not named start at their beginning."""
        for part in self._parts.values():
            part.close()
        self._parts = {
            partition: PartitionReader(self._layout, self.topic, partition, offset)
            for partition, offset in position.items()
        }
        self._find_partitions()

    def commit(self, position: Mapping[int, int] | None = None) -> None:
        """Remember `position` (default: where the reader stands) as the consumer's."""
        if self._consumer is None:
            raise ValueError("a reader without a consumer name has nothing to commit")
        self._cursors.commit(self.topic, self._consumer, self.position() if position is None else position)

    def wake(self) -> None:
        """Make a waiting `poll` return at once. Safe from any thread."""
        self._bell.wake()

    def close(self) -> None:
        """Free the reader's files."""
        for part in self._parts.values():
            part.close()
        self._bell.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _find_partitions(self) -> bool:
        """Take up partitions that have come into being; return True if there are any."""
        new = [number for number in self._layout.partitions() if number not in self._parts]
        for number in new:
            self._parts[number] = PartitionReader(self._layout, self.topic, number, 0)
        return bool(new)

    def _read(self, max_records: int, max_bytes: int) -> list[Slice]:
        found: list[Slice] = []
        # The partition that is furthest behind in time goes first, else a busy one could starve the others.
        for part in sorted(self._parts.values(), key=lambda part: part.last_read):
            slices = part.read(max_records, max_bytes)
            for got in slices:
                max_records -= len(got.records)
                max_bytes -= sum(map(len, got.records))
            found += slices
            if max_records <= 0 or max_bytes <= 0:
                break
        if not found and self._find_partitions():
            return self._read(max_records, max_bytes)
        return found


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
        self._unpacker = segment.Unpacker()

    def read(self, max_records: int, max_bytes: int) -> list[Slice]:
        """Return the records from `next` on and move past them; whole blocks, until one of the bounds is reached."""
        found: list[Slice] = []
        while max_records > 0 and max_bytes > 0 and (self._db or self._find()):
            sealed = (self._folder / segment.name_of(self._number + 1)).exists()
            for got in self._slices(max_records):
                found.append(got)
                self.next = got.next
                max_records -= len(got.records)
                max_bytes -= sum(map(len, got.records))
                if max_records <= 0 or max_bytes <= 0:
                    break
            # `sealed` was looked up before reading: only then does "nothing more here" mean that nothing will come.
            if max_records <= 0 or max_bytes <= 0 or not sealed or not self._advance():
                break
        if found:
            self.last_read = time.monotonic()
        return found

    def close(self) -> None:
        """Close the segment that is open."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _slices(self, limit: int) -> Iterator[Slice]:
        """Yield what the open segment holds from `next` on, block by block, at most `limit` records."""
        if self._db is None:
            return
        place = f"{self._folder / segment.name_of(self._number)}, {self._topic}"
        with closing(segment.read_blocks(self._db, self._topic, self.next)) as blocks:
            for block in blocks:
                got = self._unpacker.unpack(block, self._partition, start=self.next, limit=limit, place=place)
                limit -= len(got.records)
                yield got
                if limit <= 0:
                    return

    def _find(self) -> bool:
        """Open the segment that holds `next`, or the oldest one when that is deleted."""
        return any(self._open(number) for number in reversed(segment.list_segments(self._folder)))

    def _open(self, number: int) -> bool:
        """Open segment `number` if `next` is in it or, for the oldest segment, before it."""
        try:
            db = segment.open_for_reading(self._folder / segment.name_of(number))
        except FileNotFoundError:
            return False
        first = segment.firsts_of(db).get(self._topic) if segment.is_complete(db) else None
        if first is None or (first > self.next and self._has_earlier(number)):
            db.close()
            return False
        self.close()
        self._db, self._number, self.next = db, number, max(self.next, first)
        return True

    def _has_earlier(self, number: int) -> bool:
        return (self._folder / segment.name_of(number - 1)).exists()

    def _advance(self) -> bool:
        """Go on to the following segment, when it is complete."""
        return self._open(self._number + 1)


def open_one(layout: Layout, partition: int, *, last: bool) -> Iterator[sqlite3.Connection]:
    """Yield the first or the last complete segment of a partition, open while the loop body runs; nothing if none."""
    numbers = segment.list_segments(layout.partition(partition))
    for number in reversed(numbers) if last else numbers:
        try:
            db = segment.open_for_reading(layout.partition(partition) / segment.name_of(number))
        except FileNotFoundError:
            continue  # retention was faster
        with closing(db):
            if segment.is_complete(db):
                yield db
                return


def heads(layout: Layout, topic: str) -> dict[int, int]:
    """Return the offset after the last record, by partition."""
    return {
        partition: segment.next_of(db, topic)
        for partition in layout.partitions()
        for db in open_one(layout, partition, last=True)
    }
