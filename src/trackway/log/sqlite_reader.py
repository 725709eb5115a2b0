"""Readers of an SQLite log; `sqlite.py` has the design note."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar

from trackway.log import segment
from trackway.log.bell import Bell
from trackway.log.contract import LogError, Slice, Start
from trackway.log.cursors import Cursors
from trackway.log.layout import Layout
from trackway.log.partition_reader import PartitionReader

T = TypeVar("T")
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
        self._fault: LogError | None = None
        """Met in one partition when others had records: those go first, and the next `poll` raises it."""
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
        self._complain()
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
        self._fault = None
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
            slices = self._read_part(part, max_records, max_bytes)
            for got in slices:
                max_records -= len(got.records)
                max_bytes -= sum(map(len, got.records))
            found += slices
            if max_records <= 0 or max_bytes <= 0:
                break
        if not found:
            self._complain()
            if self._find_partitions():
                return self._read(max_records, max_bytes)
        return found

    def _read_part(self, part: PartitionReader, max_records: int, max_bytes: int) -> Sequence[Slice]:
        try:
            return part.read(max_records, max_bytes)
        except LogError as error:
            self._fault = error
            return ()

    def _complain(self) -> None:
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault


def look_into(layout: Layout, partition: int, look: Callable[[sqlite3.Connection], T], *, last: bool) -> Iterator[T]:
    """Yield what `look` finds in the first or the last segment of a partition; nothing if there is none.

    Raises:
        LogCorrupt: it is damaged.
    """
    numbers = segment.list_segments(layout.partition(partition))
    for number in reversed(numbers) if last else numbers:
        try:
            with segment.reading(layout.partition(partition) / segment.name_of(number)) as db:
                found = look(db)
        except FileNotFoundError:
            continue  # retention was faster
        yield found
        return


def heads(layout: Layout, topic: str) -> dict[int, int]:
    """Return the offset after the last record, by partition."""
    return {
        partition: following
        for partition in layout.partitions()
        for following in look_into(layout, partition, lambda db: segment.next_of(db, topic), last=True)
    }
