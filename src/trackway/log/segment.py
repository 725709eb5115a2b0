"""One segment of a partition: an SQLite file of blocks.

    firsts(topic, first)         offset of the segment's first record of each topic
    marks(name, value)           the writer's marks, carried over from segment to segment
    about(key, value)            format version, time of creation
    block_<topic>(first, count, time_ms, codec, crc, payload)    neighbouring records as one row

A row a block, not a row a record: SQLite's cost per row is paid once for a whole commit. The payload is a msgpack array
of byte strings, compressed by zstd when that pays: a hundred events shrink to a tenth for half a microsecond each,
while SQLite takes several for every kilobyte it writes (docs/decisions/0005). The checksum is that of the stored
payload. All of a segment is created in one transaction, so a file without tables is one that never was.
"""

import contextlib
import sqlite3
import time
import zlib
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from trackway.log.contract import LogCorrupt, Slice

FORMAT = 1
_PLAIN, _ZSTD = 0, 1
_WORTH_COMPRESSING = 4096
"""Smaller payloads fit into a page or two of the file, whatever they are."""
_SUFFIX = ".segment"
_PATIENCE_S = 5.0
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode


class Block(NamedTuple):
    """A row of `block_<topic>`."""

    first: int
    length: int
    time_ms: int
    codec: int
    crc: int
    payload: bytes


class Packer:
    """Makes blocks of records. One thread at a time."""

    def __init__(self) -> None:
        self._zstd = ZstdCompressor(level=1)

    def pack(self, first: int, records: list[bytes], time_ms: int) -> Block:
        """Return `records`, whose first one has the offset `first`, as a block."""
        codec, payload = _PLAIN, _encode(records)
        if len(payload) >= _WORTH_COMPRESSING:
            codec, payload = _ZSTD, self._zstd.compress(payload)
        return Block(first, len(records), time_ms, codec, zlib.crc32(payload), payload)


class Unpacker:
    """Makes records of blocks. One thread at a time."""

    def __init__(self) -> None:
        self._zstd = ZstdDecompressor()

    def unpack(self, block: Block, partition: int, *, start: int, limit: int, place: str) -> Slice:
        """Return at most `limit` records of `block` from offset `start` on.

        Raises:
            LogCorrupt: the payload is not what was written; `place` says where.
        """
        if zlib.crc32(block.payload) != block.crc:
            raise LogCorrupt(f"{place}: the block at offset {block.first} does not match its checksum")
        try:
            payload = self._zstd.decompress(block.payload) if block.codec == _ZSTD else block.payload
            records = _decode(payload)
        except (ZstdError, msgspec.DecodeError) as error:
            raise LogCorrupt(f"{place}: the block at offset {block.first} cannot be read: {error}") from error
        skip = max(0, start - block.first)
        if skip or len(records) > limit:
            records = records[skip : skip + limit]
        return Slice(partition, block.first + skip, block.time_ms, records)


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


def files_of(folder: Path, number: int) -> list[Path]:
    """Return all files that belong to a segment, the main one last: it goes last when they are deleted."""
    main = folder / name_of(number)
    return [main.with_name(main.name + "-wal"), main.with_name(main.name + "-shm"), main]


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a segment so that a returned COMMIT survives power loss."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    db.execute("PRAGMA page_size=8192")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    # Checkpoints run on a thread of their own: inside a COMMIT they would hold up everybody's answer.
    db.execute("PRAGMA wal_autocheckpoint=0")
    db.execute("PRAGMA cache_size=-2048")
    return db


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a segment that another process may be writing.

    Raises:
        FileNotFoundError: it is gone (retention) or not yet there.
    """
    if not path.exists():
        raise FileNotFoundError(path)
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
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def is_complete(db: sqlite3.Connection) -> bool:
    """Return False for a file whose creation a crash cut short."""
    return db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'about'").fetchone()[0] == 1


def create(db: sqlite3.Connection, firsts: Mapping[str, int], marks: Mapping[str, bytes], now_ms: int) -> None:
    """Make the tables of a new segment that begins at `firsts`, in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("CREATE TABLE about(key TEXT PRIMARY KEY, value) WITHOUT ROWID")
    db.execute("CREATE TABLE firsts(topic TEXT PRIMARY KEY, first INTEGER NOT NULL) WITHOUT ROWID")
    db.execute("CREATE TABLE marks(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    for topic in firsts:
        db.execute(
            f"CREATE TABLE block_{topic}(first INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
            " time_ms INTEGER NOT NULL, codec INTEGER NOT NULL, crc INTEGER NOT NULL, payload BLOB NOT NULL)"
        )
    db.executemany("INSERT INTO about VALUES(?, ?)", [("format", FORMAT), ("created_ms", now_ms)])
    db.executemany("INSERT INTO firsts VALUES(?, ?)", firsts.items())
    put_marks(db, marks)
    db.execute("COMMIT")


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
    """Return the offset after the segment's last record of `topic`."""
    last = db.execute(f"SELECT first + count FROM block_{topic} ORDER BY first DESC LIMIT 1").fetchone()  # noqa: S608
    if last is None:
        last = db.execute("SELECT first FROM firsts WHERE topic = ?", (topic,)).fetchone()
    return int(last[0])


def marks_of(db: sqlite3.Connection) -> dict[str, bytes]:
    """Return all marks."""
    return dict(db.execute("SELECT name, value FROM marks"))


def created_ms(db: sqlite3.Connection) -> int:
    """Return when the segment was begun, epoch milliseconds."""
    return int(db.execute("SELECT value FROM about WHERE key = 'created_ms'").fetchone()[0])


def read_blocks(db: sqlite3.Connection, topic: str, start: int) -> Generator[Block, None, None]:
    """Yield the block that holds offset `start` and all after it, in order; closing it ends its read transaction."""
    rows = db.execute(
        # The block that holds `start` is the last one that begins at or before it.
        f"SELECT first, count, time_ms, codec, crc, payload FROM block_{topic}"  # noqa: S608
        f" WHERE first >= coalesce((SELECT max(first) FROM block_{topic} WHERE first <= ?1), 0) AND first + count > ?1"
        " ORDER BY first",
        (start,),
    )
    try:
        yield from map(Block._make, rows)
    finally:
        rows.close()


def checkpoint(path: Path) -> None:
    """Move what stands in a segment's write-ahead log into the file, without making its writer wait."""
    with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as db:
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def seal(db: sqlite3.Connection) -> None:
    """Fold the write-ahead log into the file and close it; readers may still have it open."""
    with contextlib.suppress(sqlite3.Error):
        db.execute("PRAGMA busy_timeout=200")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    with contextlib.suppress(sqlite3.Error):
        db.close()


def delete(folder: Path, number: int) -> int:
    """Delete a segment and return the bytes freed."""
    freed = 0
    for path in files_of(folder, number):
        with contextlib.suppress(FileNotFoundError):
            freed += path.stat().st_size
            path.unlink()
    return freed
