"""One segment of a partition: an SQLite file of blocks.

    firsts(topic, first)         offset of the segment's first record of each topic
    marks(name, value)           the writer's marks, carried over from segment to segment
    about(key, value)            format version, time of creation; `after_fault`: why the one before it was given up
    lost(topic, first, next)     only after a repair: records that nobody will find again
    block_<topic>(first, count, time_ms, codec, crc, payload)    neighbouring records as one row

A row a block, not a row a record: SQLite's cost per row is paid once for a whole commit. The payload is a msgpack array
of byte strings, compressed by zstd when that pays: a hundred events shrink to a tenth for half a microsecond each,
while SQLite takes several for every kilobyte it writes (docs/decisions/0005). The checksum is that of the stored
payload. A segment is made under another name and gets its own when it is whole and on the disk.

Where a segment ends is said by `firsts` of the one after it. Usually that is after its last block; but a commit that
failed may have left blocks in a file that was given up for it, and their offsets went to other records since.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from pathlib import Path

from trackway.log import storage
from trackway.log.block import Block

FORMAT = 1
_SUFFIX = ".segment"
_PATIENCE_S = 5.0
_NO_END = (1 << 63) - 1


def name_of(number: int) -> str:
    """Return the file name of segment `number`."""
    return f"{number:010d}{_SUFFIX}"


def list_segments(folder: Path) -> list[int]:
    """Return the numbers of a partition's segments, ascending; empty when there is no such folder."""
    try:
        names = [path.name for path in folder.iterdir() if path.name.endswith(_SUFFIX)]
    except FileNotFoundError:
        return []
    return sorted(int(name.removesuffix(_SUFFIX)) for name in names)


def files_of(main: Path) -> list[Path]:
    """Return all files that belong to a segment.

    The main one is first: it goes first when they are deleted, so that nobody finds it without its write-ahead log.
    """
    return [main, main.with_name(main.name + "-wal"), main.with_name(main.name + "-shm")]


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a segment so that a returned COMMIT survives power loss."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        db.execute("PRAGMA page_size=8192")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        # Checkpoints run on a thread of their own: inside a COMMIT they would hold up everybody's answer.
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("PRAGMA cache_size=-2048")
    except sqlite3.Error:
        db.close()
        raise
    return db


def refuse_empty(path: Path) -> None:
    """Return if there is something in a segment's file.

    SQLite takes an empty file for a new one, and deletes the write-ahead log beside it.

    Raises:
        FileNotFoundError: there is no such file.
        LogCorrupt: it is empty.
    """
    if path.stat().st_size == 0:
        raise storage.corrupt(str(path), "the file is empty")


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a segment that another process may be writing.

    Raises:
        FileNotFoundError: it is gone (retention) or not yet there.
        LogCorrupt: it is empty.
    """
    refuse_empty(path)
    # Not mode=ro: a reader must be able to recover the write-ahead log when the writer was killed.
    uri = f"{path.as_uri()}?mode=rw"
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_PATIENCE_S)
        try:
            for setting in ("query_only=1", "wal_autocheckpoint=0", "cache_size=-1024"):
                db.execute(f"PRAGMA {setting}")
            return db
        except sqlite3.OperationalError:
            # The last one to close a file folds its write-ahead log in and removes it: opened in that moment, it fails.
            db.close()
            if not path.exists():
                raise FileNotFoundError(path) from None
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        except sqlite3.Error:
            db.close()
            raise


@contextlib.contextmanager
def reading(path: Path) -> Generator[sqlite3.Connection]:
    """Open a segment for reading, for the length of the block.

    Raises:
        FileNotFoundError: it is gone (retention) or not yet there.
        LogCorrupt: it is damaged; also from within the block.
        LogUnavailable: it cannot be read; also from within the block.
    """
    with storage.reading(path), closing(open_for_reading(path)) as db:
        if not is_complete(db):
            raise storage.corrupt(str(path), "the file has lost its tables")
        yield db


def is_complete(db: sqlite3.Connection) -> bool:
    """Return False for a file without a segment's tables."""
    return db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'about'").fetchone()[0] == 1


def make(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make a segment in one transaction of `fill` and give it its name; the caller makes the name last.

    Raises:
        sqlite3.Error, OSError: there is no such segment.
    """
    draft = path.with_name("next.draft")
    # A write-ahead log left beside the name would be taken for that of the new file.
    for left in (*files_of(draft), *files_of(path)[1:]):
        left.unlink(missing_ok=True)
    with closing(open_for_writing(draft)) as db:
        db.execute("BEGIN IMMEDIATE")
        fill(db)
        db.execute("COMMIT")
        if not fold(db):
            raise sqlite3.OperationalError(f"{draft} is in use")
    draft.rename(path)


def fold(db: sqlite3.Connection) -> bool:
    """Move all of a segment's write-ahead log into the file, and both to the disk; False if a reader is in the way."""
    busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def create(
    db: sqlite3.Connection,
    firsts: Mapping[str, int],
    marks: Mapping[str, bytes],
    now_ms: int,
    *,
    after_fault: str | None = None,
) -> None:
    """Make the tables of a new segment that begins at `firsts`, within the caller's transaction."""
    db.execute("CREATE TABLE about(key TEXT PRIMARY KEY, value) WITHOUT ROWID")
    db.execute("CREATE TABLE firsts(topic TEXT PRIMARY KEY, first INTEGER NOT NULL) WITHOUT ROWID")
    db.execute("CREATE TABLE marks(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    for topic in firsts:
        db.execute(
            f"CREATE TABLE block_{topic}(first INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
            " time_ms INTEGER NOT NULL, codec INTEGER NOT NULL, crc INTEGER NOT NULL, payload BLOB NOT NULL)"
        )
    db.executemany("INSERT INTO about VALUES(?, ?)", [("format", FORMAT), ("created_ms", now_ms)])
    if after_fault:
        db.execute("INSERT INTO about VALUES('after_fault', ?)", (after_fault,))
    db.executemany("INSERT INTO firsts VALUES(?, ?)", firsts.items())
    put_marks(db, marks)


def put_marks(db: sqlite3.Connection, marks: Mapping[str, bytes]) -> None:
    """Set marks, within the caller's transaction."""
    db.executemany("INSERT OR REPLACE INTO marks VALUES(?, ?)", marks.items())


def put_blocks(db: sqlite3.Connection, topic: str, blocks: Iterable[Block]) -> None:
    """Add blocks, within the caller's transaction."""
    db.executemany(f"INSERT INTO block_{topic} VALUES(?, ?, ?, ?, ?, ?)", blocks)


def firsts_of(db: sqlite3.Connection) -> dict[str, int]:
    """Return the offset at which the segment begins, by topic."""
    return dict(db.execute("SELECT topic, first FROM firsts"))


def next_of(db: sqlite3.Connection, topic: str) -> int:
    """Return the offset after the segment's last record of `topic`, lost ones included."""
    last = db.execute(f"SELECT first + count FROM block_{topic} ORDER BY first DESC LIMIT 1").fetchone()  # noqa: S608
    if last is None:
        last = db.execute("SELECT first FROM firsts WHERE topic = ?", (topic,)).fetchone()
    if last is None or last[0] is None:
        raise sqlite3.InterfaceError(f"its table of {topic} has lost where it begins")  # taken for damage
    return max([int(last[0]), *(following for _, following in lost_of(db, topic))])


def lost_of(db: sqlite3.Connection, topic: str) -> list[tuple[int, int]]:
    """Return the ranges of offsets (first, and the one after the last) that a repair wrote off, ascending."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'lost'").fetchone():
        return []
    return db.execute("SELECT first, next FROM lost WHERE topic = ? ORDER BY first", (topic,)).fetchall()


def put_lost(db: sqlite3.Connection, lost: Iterable[tuple[str, int, int]]) -> None:
    """Write off ranges of offsets (topic, first, and the one after the last), within the caller's transaction."""
    db.execute("CREATE TABLE IF NOT EXISTS lost(topic TEXT, first INTEGER, next INTEGER, PRIMARY KEY(topic, first))")
    db.executemany("INSERT INTO lost VALUES(?, ?, ?)", lost)


def after_fault_of(db: sqlite3.Connection) -> str | None:
    """Return why the segment before this one was given up, or None."""
    found = db.execute("SELECT value FROM about WHERE key = 'after_fault'").fetchone()
    return str(found[0]) if found else None


def marks_of(db: sqlite3.Connection) -> dict[str, bytes]:
    """Return all marks."""
    return dict(db.execute("SELECT name, value FROM marks"))


def created_ms(db: sqlite3.Connection) -> int:
    """Return when the segment was begun, epoch milliseconds."""
    return int(db.execute("SELECT value FROM about WHERE key = 'created_ms'").fetchone()[0])


def read_blocks(db: sqlite3.Connection, topic: str, start: int, end: int | None = None) -> Generator[Block, None, None]:
    """Yield the block that holds offset `start` and all after it, in order; closing it ends its read transaction.

    Blocks from `end` on are left out.
    """
    rows = db.execute(
        # The block that holds `start` is the last one that begins at or before it.
        f"SELECT first, count, time_ms, codec, crc, payload FROM block_{topic}"  # noqa: S608
        f" WHERE first >= coalesce((SELECT max(first) FROM block_{topic} WHERE first <= :start), 0)"
        " AND first + count > :start AND first < :end ORDER BY first",
        {"start": start, "end": _NO_END if end is None else end},
    )
    try:
        yield from map(Block._make, rows)
    finally:
        rows.close()


def checkpoint(path: Path) -> None:
    """Move what stands in a segment's write-ahead log into the file, without making its writer wait.

    Raises:
        sqlite3.Error: it stays where it is.
    """
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as db:
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def seal(db: sqlite3.Connection) -> None:
    """Fold the write-ahead log into the file and close it; readers may still have it open."""
    with contextlib.suppress(sqlite3.Error):
        db.execute("PRAGMA busy_timeout=200")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    with contextlib.suppress(sqlite3.Error):
        db.close()


def delete(path: Path) -> int:
    """Delete a segment, make that last, and return the bytes freed."""
    freed = 0
    for one in files_of(path):
        with contextlib.suppress(FileNotFoundError):
            size = one.stat().st_size
            one.unlink()
            freed += size
    # One by one: were the next one gone after a power loss and this one back, there would be a hole.
    storage.sync_folder(path.parent)
    return freed
