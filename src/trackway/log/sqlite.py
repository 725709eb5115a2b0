"""The event log on one machine: partitions of SQLite segments, one writing process each.

Constraints. A 200 is answered only after the commit, so commits must be few and cheap: one row a block of records, one
transaction for everything that waits, WAL with `synchronous=FULL` (NORMAL may lose the last commits at power loss).
Writers must never wait for each other: each has a partition, that is a folder, of its own, held by a file lock.

On disk.

    <folder>/p00000/0000000001.segment     SQLite file, see segment.py; only the last one is written to
    <folder>/p00000/writer.lock            held by the partition's writer
    <folder>/cursors.db                    how far consumers have read, see cursors.py
    <folder>/bells/                        how readers are woken, see bell.py

After a crash. SQLite takes back an unfinished transaction by itself. A segment gets its name when it is whole, so one
whose creation was cut short is a draft that the next one overwrites. Between COMMIT and the caller's answer the records
are there although nobody was told: the caller sends again, and the pipeline finds the duplicate. What a crash left in
the write-ahead log is copied into the file before anything is added.

After an error. A full disk, a read-only file system or a lock leave the file as it was; the next append tries again.
After an I/O error at a commit (a failed fsync above all) it is unknown what of it reached the disk, and after a failed
fsync the kernel may report success for pages it never wrote. So nothing is written to that file any more: the log goes
on in a new segment, whose first offsets are those that follow what was acknowledged. There the old one ends, whatever
else it holds; readers, `verify` and retention go by that. Until the new segment exists nothing is acknowledged, and the
writer keeps the old file open, so that no reader can recover a commit that failed from its write-ahead log.

Damage. Readers never pass over records in silence: a block that is altered or missing, a file that is torn or gone
raises LogCorrupt until `repair.py`, started by an operator, has written off what cannot be read. The writer likewise
opens no partition whose end cannot be read; and it goes by the consumers' positions too, lest offsets be given out
twice when acknowledged records were cut off behind SQLite's back.

Retention deletes whole segments, oldest first, never the last one, never one that a consumer still needs.
"""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from trackway.log import segment
from trackway.log.contract import LogError, Slice, Start
from trackway.log.cursors import Cursors
from trackway.log.layout import Layout
from trackway.log.partition_reader import PartitionReader
from trackway.log.repair import Repaired, repair
from trackway.log.retention import Retention, SteadyClock
from trackway.log.sqlite_reader import SqliteReader, heads, look_into
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
    damage: str = ""
    """Why it cannot be read; then nothing else is known of it."""


class SqliteLog:
    """An `EventLog` in a folder. Any number of processes may open it."""

    def __init__(self, folder: Path, topics: Sequence[str], *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.topics = tuple(topics)
        self._layout = Layout(folder, self.topics, segment_bytes)
        self._cursors = Cursors(folder / "cursors.db")
        self._clock = SteadyClock()
        self._retention = Retention(self._layout)

    def writer(self, partition: int) -> SqliteWriter:
        """Become the writer of `partition`; see the contract."""
        read_up_to = {
            topic: max((read.get(partition, 0) for read in self._cursors.consumers(topic).values()), default=0)
            for topic in self.topics
        }
        return SqliteWriter(self._layout, partition, at_least=read_up_to)

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
        """Return the first offset still kept, by partition; 0 for a topic that is younger than its oldest segment."""
        return {
            partition: firsts.get(topic, 0)
            for partition in self._layout.partitions()
            for firsts in look_into(self._layout, partition, segment.firsts_of, last=False)
        }

    def heads(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        return heads(self._layout, topic)

    def marks(self, name: str) -> dict[int, bytes]:
        """Return the last committed value of a mark, by partition."""
        return {
            partition: marks[name]
            for partition in self._layout.partitions()
            for marks in look_into(self._layout, partition, segment.marks_of, last=True)
            if name in marks
        }

    def read(self, topic: str, partition: int, offset: int, *, max_records: int = 1) -> Iterator[Slice]:
        """Yield the records from `offset` on, at most `max_records`."""
        begun = False
        with closing(PartitionReader(self._layout, topic, partition, offset)) as reader:
            while max_records > 0 and (slices := reader.read(max_records, 8 << 20)):
                for found in slices:
                    if found.first > offset and not begun:
                        return  # what was asked for is deleted
                    begun = True
                    max_records -= len(found.records)
                    yield found

    def consumers(self, topic: str) -> dict[str, dict[int, int]]:
        """Return each consumer's committed next offset by partition."""
        return self._cursors.consumers(topic)

    def forget(self, consumer: str) -> None:
        """Drop a consumer."""
        self._cursors.forget(consumer)

    def retain(self, *, max_age_s: float | None = None, max_bytes: int | None = None, now_ms: int | None = None) -> int:
        """Delete whole segments beyond age or size that every consumer has read; return the bytes freed.

        Without `now_ms` age counts once the wall clock has kept pace with the machine's own for an hour.
        """
        at_ms = self._clock.now_ms() if now_ms is None else now_ms
        oldest_ms = None if max_age_s is None or at_ms is None else at_ms - int(max_age_s * 1000)
        excess = max(0, self.size_bytes() - max_bytes) if max_bytes is not None else 0
        needed = {topic: self._cursors.consumers(topic).values() for topic in self.topics}
        return self._retention.retain(needed, self._cursors.settle, oldest_ms=oldest_ms, excess_bytes=excess)

    def segments(self) -> Iterator[SegmentInfo]:
        """Yield what is known of each segment, by partition, oldest first."""
        for partition in self._layout.partitions():
            folder = self._layout.partition(partition)
            paths = [folder / segment.name_of(number) for number in segment.list_segments(folder)]
            for path, following in itertools.zip_longest(paths, paths[1:]):
                with contextlib.suppress(FileNotFoundError):  # retention was faster
                    yield _describe(partition, path, following)

    def verify(self) -> Iterator[Checked]:
        """Yield every segment with what is wrong in it; see `verify.py`."""
        return verify(self._layout, {topic: self._cursors.consumers(topic) for topic in self.topics})

    def repair(self, *, write: bool = True) -> Iterator[Repaired]:
        """Yield every segment that is damaged, with what is lost of it, after its repair; see `repair.py`."""
        return repair(self._layout, {topic: self._cursors.consumers(topic) for topic in self.topics}, write=write)

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


def _describe(partition: int, path: Path, following: Path | None) -> SegmentInfo:
    size = sum(one.stat().st_size for one in segment.files_of(path) if one.exists())
    try:
        with segment.reading(path) as db:
            firsts, begun_ms = segment.firsts_of(db), segment.created_ms(db)
            ends = {topic: segment.next_of(db, topic) for topic in firsts}
    except LogError as error:
        return SegmentInfo(partition, path, int(path.stat().st_ctime * 1000), size, {}, str(error))
    if following is not None:
        with contextlib.suppress(LogError), segment.reading(following) as db:
            ends |= segment.firsts_of(db)
    return SegmentInfo(
        partition, path, begun_ms, size, {topic: (first, ends[topic]) for topic, first in firsts.items()}
    )
