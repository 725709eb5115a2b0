"""How far each consumer has read, so that retention never takes what somebody still needs.

For consumers that keep their position with their own data (the warehouse, delivery) this is a mirror that may lag
behind the truth, which only keeps records longer. A commit may be lost with the machine's power for the same reason:
before anything is deleted by a position, `settle` brings it to the disk.
"""

import contextlib
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path

from trackway.log import storage
from trackway.log.contract import LogUnavailable
from trackway.sqlite import sqlite3

_PATIENCE_S = 10.0
_ANY = -1
"""A row for this partition registers a consumer that has committed nothing yet."""
_PUT = "INSERT OR REPLACE INTO cursors VALUES(?, ?, ?, ?)"
# A value that changes: of a row that stays as it is SQLite writes nothing, and syncs nothing.
_SETTLE = f"INSERT INTO cursors VALUES('', '', {_ANY}, 0) ON CONFLICT DO UPDATE SET next = next + 1"


class Cursors:
    """The `cursors.db` of a log. Safe to use from any thread and process.

    All of it raises LogUnavailable when the file cannot be read or written. It is opened when first used: a log whose
    disk is full can be made, and says so when asked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def register(self, topic: str, consumer: str) -> None:
        """Hold records for `consumer` from now on."""
        with self._opened() as db:
            db.execute("INSERT OR IGNORE INTO cursors VALUES(?, ?, ?, 0)", (topic, consumer, _ANY))

    def commit(self, topic: str, consumer: str, position: Mapping[int, int]) -> None:
        """Remember the consumer's next offsets."""
        rows = [(topic, consumer, partition, offset) for partition, offset in position.items()]
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(_PUT, rows)
            db.execute("COMMIT")

    def settle(self) -> None:
        """Return when all that was committed so far survives a power loss."""
        with self._opened() as db:
            db.execute("PRAGMA synchronous=FULL")
            try:
                db.execute(_SETTLE)
            finally:
                db.execute("PRAGMA synchronous=NORMAL")

    def consumers(self, topic: str) -> dict[str, dict[int, int]]:
        """Return the next offsets of every registered consumer; empty for one that has committed nothing."""
        found: dict[str, dict[int, int]] = {}
        with self._opened() as db:
            rows = db.execute("SELECT consumer, partition, next FROM cursors WHERE topic = ?", (topic,)).fetchall()
        for consumer, partition, offset in rows:
            position = found.setdefault(consumer, {})
            if partition != _ANY:
                position[partition] = offset
        return found

    def forget(self, consumer: str) -> None:
        """Hold nothing for `consumer` any more."""
        with self._opened() as db:
            db.execute("DELETE FROM cursors WHERE consumer = ?", (consumer,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    @contextlib.contextmanager
    def _opened(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                db = self._db = self._db or _open(self._path)
                yield db
            except (sqlite3.Error, OSError) as error:
                if self._db is not None and self._db.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._db.rollback()
                raise LogUnavailable(f"{self._path}: {storage.explain(error)}") from error


def _open(path: Path) -> sqlite3.Connection:
    """Open the file, making it if need be, also while others do."""
    storage.make_folder(path.parent)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return _open_once(path)
        except sqlite3.OperationalError as error:
            # Switching a file to its write-ahead log does not wait for others, whatever `timeout` says.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _open_once(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_PATIENCE_S)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA cache_size=-256")
        db.execute(
            "CREATE TABLE IF NOT EXISTS cursors(topic TEXT, consumer TEXT, partition INTEGER, next INTEGER NOT NULL,"
            " PRIMARY KEY(topic, consumer, partition)) WITHOUT ROWID"
        )
    except sqlite3.Error:
        db.close()
        raise
    return db
