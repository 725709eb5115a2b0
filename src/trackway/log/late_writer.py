"""A writer for a process that has to answer its clients even when the log cannot be opened."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from trackway.log.contract import LogCorrupt, LogUnavailable, LogWriter


class LateWriter:
    """A `LogWriter` that is opened at once if possible, else by the first append for which it is.

    So a collector that starts on a full disk, or on a partition that has to be repaired, answers 429 until that is
    over, and then goes on without a restart. It has no marks and no offsets before it is open: who works by those, as
    the pipeline does, must not start without them.
    """

    def __init__(self, partition: int, open_writer: Callable[[], LogWriter]) -> None:
        """Raises LogBusy when another process has the partition: that does not pass by itself."""
        self.partition = partition
        self._open_writer = open_writer
        self._writer: LogWriter | None = None
        self.trouble = ""
        """Why it is not open yet."""
        try:
            self._open()
        except LogUnavailable as error:
            self.trouble = str(error)

    @property
    def faults(self) -> int:
        """How often storage has made the writer give up a file."""
        return self._writer.faults if self._writer else 0

    def append(
        self, records: Mapping[str, Sequence[bytes]], marks: Mapping[str, bytes] | None = None
    ) -> dict[str, range]:
        """Store records and marks in one durable transaction; see the contract."""
        return (self._writer or self._open()).append(records, marks)

    def mark(self, name: str) -> bytes | None:
        """Return the last committed value of a mark, or None; None, too, when the writer is not open yet."""
        return self._writer.mark(name) if self._writer else None

    def next_offset(self, topic: str) -> int:
        """Return the offset that the next record of `topic` will get; 0 when the writer is not open yet."""
        return self._writer.next_offset(topic) if self._writer else 0

    def close(self) -> None:
        """Give the partition free for another writer."""
        if self._writer is not None:
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> LogWriter:
        try:
            self._writer = self._open_writer()
        except LogCorrupt as error:
            raise LogUnavailable(str(error)) from error
        self.trouble = ""
        return self._writer
