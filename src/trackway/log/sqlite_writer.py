"""The writer of one partition of an SQLite log; `sqlite.py` has the design note."""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from trackway.log import segment, storage
from trackway.log.bell import Ringer
from trackway.log.block import Block, Packer
from trackway.log.contract import LogUnavailable
from trackway.log.keeper import Keeper
from trackway.log.layout import Layout, now_ms
from trackway.log.lock import take_lock

_DEPTH = 4
"""A partition lies in its log, among the logs, in the data folder, in the workspace; others may have made those."""
_log = logging.getLogger(__name__)


class SqliteWriter:
    """The writer of one partition."""

    def __init__(self, layout: Layout, partition: int, *, at_least: Mapping[str, int] | None = None) -> None:
        """`at_least` names, by topic, the offset that consumers have read up to: none below it is given out again."""
        self.partition = partition
        self.faults = 0
        self._layout = layout
        self._folder = layout.partition(partition)
        self._lock = take_lock(self._folder)
        self._ringer = Ringer(layout.bells)
        self._keeper = Keeper()
        self._packer = Packer()
        self._db: sqlite3.Connection | None = None
        self._number = 0
        self._next: dict[str, int] = {}
        self._marks: dict[str, bytes] = {}
        self._written = 0
        self._fault: str | None = None
        """Why the last segment must not be written to any more."""
        self._named = True
        """Whether the last segment's name is known to be on the disk."""
        try:
            self._open(at_least or {})
        except BaseException:
            self.close()
            raise

    def append(
        self, records: Mapping[str, Sequence[bytes]], marks: Mapping[str, bytes] | None = None
    ) -> dict[str, range]:
        """Store records and marks in one durable transaction; see the contract."""
        db = self._ready()
        at_ms = now_ms()
        got = {topic: range(first := self._next[topic], first + len(values)) for topic, values in records.items()}
        blocks = {topic: list(self._packer.cut(got[topic].start, values, at_ms)) for topic, values in records.items()}
        try:
            _write(db, blocks, marks)
        except sqlite3.Error as error:
            raise self._failed(db, error) from error
        size = sum(len(block.payload) for some in blocks.values() for block in some)
        for topic, offsets in got.items():
            self._next[topic] = offsets.stop
        if marks:
            self._marks.update(marks)
        self._ringer.ring()
        self._written += size
        if self._written >= self._layout.segment_bytes:
            self._rotate()
        else:
            self._keeper.tidy(self._path(self._number), size)
        return got

    def mark(self, name: str) -> bytes | None:
        """Return the last committed value of a mark, or None."""
        return self._marks.get(name)

    def next_offset(self, topic: str) -> int:
        """Return the offset that the next record of `topic` will get."""
        return self._next[topic]

    def close(self) -> None:
        """Give the partition free for another writer."""
        self._keeper.close()
        if self._db is not None:
            # What a file that failed holds beyond its end is never folded in.
            self._leave(self._db) if self._fault else segment.seal(self._db)
            self._db = None
        self._ringer.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, at_least: Mapping[str, int]) -> None:
        """Open the last segment, or make the first one."""
        numbers = segment.list_segments(self._folder)
        try:
            if numbers:
                self._adopt(numbers[-1], at_least)
            else:
                self._next = dict(at_least)
                self._create()
                storage.sync_above(self._folder, _DEPTH)
                self._settle()
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable("cannot be opened for writing", error) from error

    def _adopt(self, number: int, at_least: Mapping[str, int]) -> None:
        path = self._path(number)
        segment.refuse_empty(path)
        with storage.reading(path):
            db = self._db = segment.open_for_writing(path)
            if not segment.is_complete(db):
                raise storage.corrupt(str(path), "the file has lost its tables")
            folded = self._fold(db, path)
            known = segment.firsts_of(db)
            self._next = {topic: segment.next_of(db, topic) for topic in known}
            self._marks = segment.marks_of(db)
        self._number, self._written = number, path.stat().st_size
        behind = {topic: first for topic, first in at_least.items() if first > self._next.get(topic, 0)}
        if behind:
            self._fault = f"it ends at {self._next}, but consumers have read up to {behind}: its end is lost"
            self._next.update(behind)
            _log.error("%s: %s; the log goes on from there", path, self._fault)
        if behind or not folded or known.keys() != set(self._layout.topics):
            # The last case: a topic was added to the product. It begins with the next segment.
            self._follow()

    def _fold(self, db: sqlite3.Connection, path: Path) -> bool:
        """Bring what a crash left in the write-ahead log to the disk; False when nothing may be added to the file.

        What stands there may be the end of a commit whose fsync failed: in the page cache, but not on the disk. Added
        to, the log would break off there after a power loss. Copied into the file, it is written anew.
        """
        try:
            return segment.fold(db)
        except sqlite3.Error as error:
            if storage.is_damage(error):
                self._note_fault(path, storage.explain(error))
            return False

    def _ready(self) -> sqlite3.Connection:
        """Return a segment that may be written to, making one if need be."""
        if self._keeper.fault is not None:
            (path, why), self._keeper.fault = self._keeper.fault, None
            if path == self._path(self._number) and not self._fault:
                self._note_fault(path, why)
        if self._fault:
            self._follow()
        return self._settle()

    def _settle(self) -> sqlite3.Connection:
        """Return the last segment, open, once it will be found after a power loss."""
        try:
            if self._db is None:
                self._db = segment.open_for_writing(self._path(self._number))
            if not self._named:
                storage.sync_folder(self._folder)
                self._named = True
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable("the new segment cannot be used yet", error) from error
        return self._db

    def _failed(self, db: sqlite3.Connection, error: sqlite3.Error) -> LogUnavailable:
        """Do what a failed commit asks for, and return what the caller is told."""
        with contextlib.suppress(sqlite3.Error):
            db.rollback()
        if storage.is_damage(error):
            self._note_fault(self._path(self._number), storage.explain(error))
            # At once, not with the next append: the new segment says where this one ends. Until there is one, this one
            # stays open; closed, it might be opened by a reader who finds the commit that failed.
            with contextlib.suppress(LogUnavailable):
                self._follow()
        return self._unavailable("nothing was written", error)

    def _note_fault(self, path: Path, why: str) -> None:
        self._fault = why
        self.faults += 1
        _log.error("%s: %s; nothing more is written to this file, the log goes on in the next", path, why)

    def _follow(self) -> None:
        """Begin the segment after one that may not be written to any more.

        Raises:
            LogUnavailable: there is no room, or storage fails altogether; the next append tries again.
        """
        old = self._db
        try:
            self._create()
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable("no new segment can be begun", error) from error
        if old is not None:
            self._leave(old)
        self._settle()

    def _rotate(self) -> None:
        """Begin the next segment when this one is full; the old one is sealed in the background."""
        old = self._db
        try:
            self._create()
        except (sqlite3.Error, OSError):
            return  # what was appended is safe; go on in the old segment and try again with the next append
        if old is not None:
            self._keeper.seal(old)
        with contextlib.suppress(LogUnavailable):
            self._settle()

    def _create(self) -> None:
        """Make the next segment. Once it has its name it says where the one before ends, so that one is never used."""
        number, made_ms = self._number + 1, now_ms()
        firsts = {topic: self._next.get(topic, 0) for topic in self._layout.topics}

        def fill(db: sqlite3.Connection) -> None:
            segment.create(db, firsts, self._marks, made_ms, after_fault=self._fault)

        segment.make(self._path(number), fill)
        self._db, self._number, self._written, self._named = None, number, 0, False
        self._next, self._fault = firsts, None

    def _leave(self, db: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            db.close()

    def _unavailable(self, what: str, error: sqlite3.Error | OSError) -> LogUnavailable:
        return LogUnavailable(f"{self._folder}: {what}: {storage.explain(error)}")

    def _path(self, number: int) -> Path:
        return self._folder / segment.name_of(number)


def _write(db: sqlite3.Connection, blocks: Mapping[str, list[Block]], marks: Mapping[str, bytes] | None) -> None:
    """Write all in one transaction."""
    if not marks and sum(map(len, blocks.values())) == 1:
        # A single statement is a transaction of its own. Each further one would give the interpreter's lock away and
        # wait for it again, behind the event loop: that costs more than SQLite does.
        for topic, some in blocks.items():
            segment.put_blocks(db, topic, some)
        return
    db.execute("BEGIN IMMEDIATE")
    for topic, some in blocks.items():
        segment.put_blocks(db, topic, some)
    if marks:
        segment.put_marks(db, marks)
    db.execute("COMMIT")
