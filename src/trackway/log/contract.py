"""What an event log promises.

`sqlite.py` keeps it on one machine; `tests/log/contract.py` holds any log to it.

A log has topics, a topic has partitions, a partition has records at offsets 0, 1, 2, … without holes. Each partition
has one writer at a time. A writer appends to several topics at once and remembers marks, all in one transaction: that
is how the pipeline commits its output together with its position in the input.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self

from trackway.errors import TrackwayError

Start = Literal["earliest", "latest", "committed"]


class LogError(TrackwayError):
    """A log cannot do what was asked; the message says why and what to do."""


class LogUnavailable(LogError):
    """Nothing was done: no room, no permission, or a file that failed. Trying again later may succeed."""


class LogBusy(LogError):
    """Another process is the writer of this partition."""


class LogCorrupt(LogError):
    """Records that were acknowledged cannot be read: altered, missing, or in a file that is torn."""


class Slice(NamedTuple):
    """Neighbouring records of one partition, in order."""

    partition: int
    first: int
    """Offset of `records[0]`."""
    time_ms: int
    """When the records were appended, epoch milliseconds."""
    records: list[bytes]

    @property
    def next(self) -> int:
        """The offset after the last record."""
        return self.first + len(self.records)


class LogWriter(Protocol):
    """The one writer of a partition. Not thread-safe: one thread owns it."""

    partition: int

    @property
    def faults(self) -> int:
        """How often storage has failed in a way that made the writer give up a file and go on in a new one."""
        ...

    def append(
        self, records: Mapping[str, Sequence[bytes]], marks: Mapping[str, bytes] | None = None
    ) -> dict[str, range]:
        """Store `records` (by topic) and `marks` (by name), and return the offsets that each topic's records got.

        On return all of it survives a crash of this process and of the machine. All or nothing: after an error
        none of it is visible, and the offsets are given out again. The writer mends itself: after any error the next
        append may succeed.

        Raises:
            LogUnavailable: nothing was written.
        """
        ...

    def mark(self, name: str) -> bytes | None:
        """Return the last committed value of a mark, or None."""
        ...

    def next_offset(self, topic: str) -> int:
        """Return the offset that the next record of `topic` will get."""
        ...

    def close(self) -> None:
        """Give the partition free for another writer."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LogReader(Protocol):
    """Reads all partitions of a topic in offset order each. Not thread-safe, but for `wake`."""

    topic: str

    def poll(self, *, max_records: int = 5000, max_bytes: int = 8 << 20, timeout_s: float = 0.0) -> list[Slice]:
        """Return what stands after the reader's position and move past it; wait up to `timeout_s` for the first record.

        A new record wakes a waiting reader within milliseconds, also from another process. At least one block is
        returned when there is one, so the bounds may be passed by the rest of a block.

        Nothing is left out in silence: what was found before a fault is returned, and the next call raises. Records
        that retention deleted, or that an operator wrote off, are passed over; `Slice.first` shows it.

        Raises:
            LogCorrupt: the next records are altered or missing. It is raised again until they are written off.
            LogUnavailable: storage cannot be read.
        """
        ...

    def position(self) -> dict[int, int]:
        """Return the next offset to read, by partition."""
        ...

    def seek(self, position: Mapping[int, int]) -> None:
        """Read on from `position`; partitions not named start at their beginning."""
        ...

    def commit(self, position: Mapping[int, int] | None = None) -> None:
        """Remember `position` (default: where the reader stands) as the consumer's; records below it may be deleted.

        Raises:
            ValueError: the reader has no consumer name.
        """
        ...

    def wake(self) -> None:
        """Make a waiting `poll` return at once. Safe from any thread."""
        ...

    def close(self) -> None:
        """Free the reader's files."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class EventLog(Protocol):
    """A set of topics that are written together."""

    topics: tuple[str, ...]

    def writer(self, partition: int) -> LogWriter:
        """Become the writer of a partition, repairing what a crash left.

        Raises:
            LogBusy: another writer has it.
            LogUnavailable: it cannot be opened; the message says why.
            LogCorrupt: where its records end cannot be read.
        """
        ...

    def reader(
        self, topic: str, *, consumer: str | None = None, start: Start | Mapping[int, int] = "committed"
    ) -> LogReader:
        """Return a reader of `topic`.

        A reader with a `consumer` name holds what it has not committed against deletion, from this call on.
        `start="committed"` reads on from the consumer's last commit, or from the beginning when there is none.
        """
        ...

    def partitions(self, topic: str) -> list[int]:
        """Return the partitions that exist, ascending."""
        ...

    def starts(self, topic: str) -> dict[int, int]:
        """Return the first offset still kept, by partition."""
        ...

    def heads(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        ...

    def marks(self, name: str) -> dict[int, bytes]:
        """Return the last committed value of a mark, by the partition whose writer set it."""
        ...

    def read(self, topic: str, partition: int, offset: int, *, max_records: int = 1) -> Iterable[Slice]:
        """Yield the records from `offset` on, at most `max_records`; nothing when that one is gone or not yet there.

        Raises:
            LogCorrupt, LogUnavailable: as `LogReader.poll`.
        """
        ...

    def consumers(self, topic: str) -> dict[str, dict[int, int]]:
        """Return each consumer's committed next offset by partition."""
        ...

    def forget(self, consumer: str) -> None:
        """Drop a consumer: what it has not read no longer waits for it."""
        ...

    def retain(self, *, max_age_s: float | None = None, max_bytes: int | None = None, now_ms: int | None = None) -> int:
        """Delete whole segments beyond age or size that every consumer has read; return the bytes freed."""
        ...

    def size_bytes(self) -> int:
        """Return the disk space in use."""
        ...

    def close(self) -> None:
        """Close what the log itself holds open; writers and readers are closed by their owners."""
        ...
