"""The event log on one machine: partitions of SQLite segments, one writing process each.

Constraints. A 200 is answered only after the commit, so commits must be few and cheap: one row a block of records, one
transaction for everything that waits, WAL with `synchronous=FULL` (NORMAL may lose the last commits at power loss).
Writers must never wait for each other: each has a partition, that is a folder, of its own, held by a file lock.

On disk.

    <folder>/p00000/0000000001.segment     SQLite file, see segment.py; only the last one is written to
    <folder>/p00000/writer.lock            held by the partition's writer
    <folder>/cursors.db                    how far consumers have read, see cursors.py
    <folder>/bells/                        how readers are woken, see bell.py

After a crash. SQLite takes back an unfinished transaction by itself. A segment whose creation was cut short has no
tables and is removed. Between COMMIT and the caller's answer the records are there although nobody was told: the caller
sends again, and the pipeline finds the duplicate. When a commit fails it is unknown whether it reached the disk, so the
writer opens the file anew before the next append and believes what it finds there.

Retention deletes whole segments, oldest first, never the last one, never one that a consumer still needs.
"""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from trackway.log import layout, segment
from trackway.log.contract import Slice, Start
from trackway.log.cursors import Cursors
from trackway.log.layout import Layout
from trackway.log.sqlite_reader import PartitionReader, SqliteReader, heads, open_one
from trackway.log.sqlite_writer import SqliteWriter
from trackway.log.verify import Checked, verify

SEGMENT_BYTES = 128 << 20


class SegmentInfo(NamedTuple):
    """One segment on disk."""

    partition: int
    path: Path
    created_ms: int
    size_bytes: int
    offsets: dict[str, tuple[int, int]]
    """First offset, and the one after the last, by topic."""


class SqliteLog:
    """An `EventLog` in a folder. Any number of processes may open it."""

    def __init__(self, folder: Path, topics: Sequence[str], *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.topics = tuple(topics)
        self._layout = Layout(folder, self.topics, segment_bytes)
        self._cursors = Cursors(folder / "cursors.db")

    def writer(self, partition: int) -> SqliteWriter:
        """Become the writer of `partition`; see the contract."""
        return SqliteWriter(self._layout, partition)

    def reader(
        self, topic: str, *, consumer: str | None = None, start: Start | Mapping[int, int] = "committed"
    ) -> SqliteReader:
        """Return a reader of `topic`; see the contract."""
        if topic not in self.topics:
            raise ValueError(f"this log has the topics {', '.join(self.topics)}, not {topic}")
        return SqliteReader(self._layout, self._cursors, topic, consumer, start)

    def partitions(self, topic: str) -> list[int]:
        """Return the partitions that exist, ascending."""
        return self._layout.partitions()

    def starts(self, topic: str) -> dict[int, int]:
        """Return the first offset still kept, by partition."""
        return {
            partition: segment.firsts_of(db)[topic]
            for partition in self._layout.partitions()
            for db in open_one(self._layout, partition, last=False)
        }

    def heads(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        return heads(self._layout, topic)

    def marks(self, name: str) -> dict[int, bytes]:
        """Return the last committed value of a mark, by partition."""
        return {
            partition: marks[name]
            for partition in self._layout.partitions()
            for db in open_one(self._layout, partition, last=True)
            if name in (marks := segment.marks_of(db))
        }

    def read(self, topic: str, partition: int, offset: int, *, max_records: int = 1) -> Iterator[Slice]:
        """Yield the records from `offset` on, at most `max_records`."""
        with closing(PartitionReader(self._layout, topic, partition, offset)) as reader:
            while max_records > 0 and (slices := reader.read(max_records, 8 << 20)):
                for found in slices:
                    if found.first > offset:
                        return  # what was asked for is deleted
                    offset = found.next
                    max_records -= len(found.records)
                    yield found

    def consumers(self, topic: str) -> dict[str, dict[int, int]]:
        """Return each consumer's committed next offset by partition."""
        return self._cursors.consumers(topic)

    def forget(self, consumer: str) -> None:
        """Drop a consumer."""
        self._cursors.forget(consumer)

    def retain(self, *, max_age_s: float | None = None, max_bytes: int | None = None, now_ms: int | None = None) -> int:
        """Delete whole segments beyond age or size that every consumer has read; return the bytes freed."""
        now_ms = layout.now_ms() if now_ms is None else now_ms
        needed = {topic: self._cursors.consumers(topic).values() for topic in self.topics}
        excess = max(0, self.size_bytes() - max_bytes) if max_bytes is not None else 0
        freed = 0
        for partition in self._layout.partitions():
            folder = self._layout.partition(partition)
            for number, following in itertools.pairwise(segment.list_segments(folder)):
                with closing(segment.open_for_reading(folder / segment.name_of(following))) as db:
                    if not segment.is_complete(db):
                        break
                    ends, ended_ms = segment.firsts_of(db), segment.created_ms(db)
                too_old = max_age_s is not None and ended_ms < now_ms - max_age_s * 1000
                if not (too_old or freed < excess):
                    break
                if any(read.get(partition, 0) < end for topic, end in ends.items() for read in needed[topic]):
                    break
                freed += segment.delete(folder, number)
        return freed

    def segments(self) -> Iterator[SegmentInfo]:
        """Yield what is known of each segment, by partition, oldest first."""
        for partition in self._layout.partitions():
            folder = self._layout.partition(partition)
            for number in segment.list_segments(folder):
                try:
                    db = segment.open_for_reading(folder / segment.name_of(number))
                except FileNotFoundError:
                    continue  # retention was faster
                with closing(db):
                    if segment.is_complete(db):
                        firsts = segment.firsts_of(db)
                        offsets = {topic: (first, segment.next_of(db, topic)) for topic, first in firsts.items()}
                        size = sum(path.stat().st_size for path in segment.files_of(folder, number) if path.exists())
                        path = folder / segment.name_of(number)
                        yield SegmentInfo(partition, path, segment.created_ms(db), size, offsets)

    def verify(self) -> Iterator[Checked]:
        """Yield every segment with what is wrong in it; see `verify.py`."""
        return verify(self._layout)

    def size_bytes(self) -> int:
        """Return the disk space in use."""
        total = 0
        for path in self._layout.folder.rglob("*.segment*"):
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def close(self) -> None:
        """Close what the log itself holds open; writers and readers are closed by their owners."""
        self._cursors.close()
