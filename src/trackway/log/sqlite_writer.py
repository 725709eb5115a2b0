"""The writer of one partition of an SQLite log; `sqlite.py` has the design note."""

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from trackway.log import segment
from trackway.log.bell import Ringer
from trackway.log.contract import LogBusy, LogUnavailable
from trackway.log.layout import Layout, now_ms

_BLOCK_RECORDS = 4096
_BLOCK_BYTES = 1 << 20
_CHECKPOINT_BYTES = 16 << 20


class SqliteWriter:
    """The writer of one partition."""

    def __init__(self, layout: Layout, partition: int) -> None:
        self.partition = partition
        self._layout = layout
        self._folder = layout.partition(partition)
        self._lock = self._take_lock()
        self._ringer = Ringer(layout.bells)
        self._keeper = _Keeper()
        self._packer = segment.Packer()
        self._db: sqlite3.Connection | None = None
        self._number = 0
        self._next: dict[str, int] = {}
        self._marks: dict[str, bytes] = {}
        self._written = 0
        try:
            self._open()
        except LogUnavailable:
            self.close()
            raise

    def append(
        self, records: Mapping[str, Sequence[bytes]], marks: Mapping[str, bytes] | None = None
    ) -> dict[str, range]:
        """Store records and marks in one durable transaction; see the contract."""
        db = self._db or self._open()
        at_ms = now_ms()
        got = {topic: range(first := self._next[topic], first + len(values)) for topic, values in records.items()}
        blocks = {
            topic: list(_blocks(self._packer, got[topic].start, values, at_ms)) for topic, values in records.items()
        }
        try:
            _write(db, blocks, marks)
        except sqlite3.Error as error:
            self._give_up()
            raise LogUnavailable(f"{self._folder}: nothing was written: {error}") from error
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
            segment.seal(self._db)
            self._db = None
        self._ringer.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_lock(self) -> int:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._folder / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LogUnavailable(f"{self._folder} cannot be written: {error}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(lock, 32, 0).decode(errors="replace").strip()
            os.close(lock)
            raise LogBusy(
                f"{self._folder} is being written by process {owner or 'unknown'}; stop it, or use another workspace"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        return lock

    def _open(self) -> sqlite3.Connection:
        """Open the last segment, or make the first one."""
        numbers = segment.list_segments(self._folder)
        try:
            while numbers:
                path = self._path(numbers[-1])
                db = segment.open_for_writing(path)
                if segment.is_complete(db):
                    return self._adopt(db, numbers[-1], path.stat().st_size)
                db.close()
                segment.delete(self._folder, numbers.pop())
            return self._create(1, dict.fromkeys(self._layout.topics, 0))
        except (sqlite3.Error, OSError) as error:
            raise LogUnavailable(f"{self._folder} cannot be opened for writing: {error}") from error

    def _adopt(self, db: sqlite3.Connection, number: int, size: int) -> sqlite3.Connection:
        known = segment.firsts_of(db)
        self._next = {topic: segment.next_of(db, topic) for topic in known}
        self._marks = segment.marks_of(db)
        self._db, self._number, self._written = db, number, size
        if known.keys() != set(self._layout.topics):
            # A topic was added to the product: it begins with the next segment.
            self._rotate()
        return self._db

    def _create(self, number: int, firsts: Mapping[str, int]) -> sqlite3.Connection:
        # Made under another name: a reader never meets a file that is no whole segment yet.
        draft = self._folder / "next.draft"
        for left in self._folder.glob("next.draft*"):
            left.unlink()
        with closing(segment.open_for_writing(draft)) as made:
            segment.create(made, firsts, self._marks, now_ms())
        draft.rename(self._path(number))
        _sync_folder(self._folder)
        db = segment.open_for_writing(self._path(number))
        self._next = dict(firsts)
        self._db, self._number, self._written = db, number, 0
        return db

    def _rotate(self) -> None:
        """Begin the next segment; the old one is sealed in the background."""
        old = self._db
        firsts = {topic: self._next.get(topic, 0) for topic in self._layout.topics}
        try:
            self._create(self._number + 1, firsts)
        except (sqlite3.Error, OSError):
            # What was appended is safe; go on in the old segment and try again with the next append.
            segment.delete(self._folder, self._number + 1)
            return
        if old is not None:
            self._keeper.seal(old)

    def _give_up(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.rollback()
            with contextlib.suppress(sqlite3.Error):
                db.close()

    def _path(self, number: int) -> Path:
        return self._folder / segment.name_of(number)


class _Keeper:
    """A thread that checkpoints and seals segments, so that no commit has to."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._growing: Path | None = None
        self._grown = 0
        self._full: list[sqlite3.Connection] = []
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="log-keeper", daemon=True)
        self._thread.start()

    def tidy(self, path: Path, size: int) -> None:
        """Note that `size` bytes went into the segment at `path`; checkpoint it when enough came together."""
        self._grown += size
        if self._grown >= _CHECKPOINT_BYTES:
            with self._changed:
                self._growing, self._grown = path, 0
                self._changed.notify()

    def seal(self, db: sqlite3.Connection) -> None:
        """Checkpoint and close a segment that gets no more records."""
        with self._changed:
            self._growing = None
            self._full.append(db)
            self._changed.notify()

    def close(self) -> None:
        """Finish what is left."""
        with self._changed:
            self._stop = True
            self._changed.notify()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._growing or self._full or self._stop)
                growing, self._growing = self._growing, None
                full, self._full = self._full, []
                if self._stop and not full:
                    return
            for db in full:
                segment.seal(db)
            if growing is not None:
                segment.checkpoint(growing)


def _write(
    db: sqlite3.Connection, blocks: Mapping[str, list[segment.Block]], marks: Mapping[str, bytes] | None
) -> None:
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


def _blocks(packer: segment.Packer, first: int, records: Sequence[bytes], at_ms: int) -> Iterator[segment.Block]:
    """Cut `records` into blocks of bounded count and size."""
    chunk: list[bytes] = []
    size = 0
    for record in records:
        if chunk and (len(chunk) >= _BLOCK_RECORDS or size + len(record) > _BLOCK_BYTES):
            yield packer.pack(first, chunk, at_ms)
            first, chunk, size = first + len(chunk), [], 0
        chunk.append(record)
        size += len(record)
    if chunk:
        yield packer.pack(first, chunk, at_ms)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
