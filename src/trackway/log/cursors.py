"""How far each consumer has read, so that retention never takes what somebody still needs.

For consumers that keep their position with their own data (the warehouse, delivery) this is a mirror that may lag
behind the truth, which only keeps records longer.
"""

import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path

_ANY = -1
"""A row for this partition registers a consumer that has committed nothing yet."""


class Cursors:
    """The `cursors.db` of a log. Safe to use from any thread and process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA cache_size=-256")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS cursors(topic TEXT, consumer TEXT, partition INTEGER, next INTEGER NOT NULL,"
            " PRIMARY KEY(topic, consumer, partition)) WITHOUT ROWID"
        )

    def register(self, topic: str, consumer: str) -> None:
        """Hold records for `consumer` from now on."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO cursors VALUES(?, ?, ?, 0)", (topic, consumer, _ANY))

    def commit(self, topic: str, consumer: str, position: Mapping[int, int]) -> None:
        """Remember the consumer's next offsets."""
        rows = [(topic, consumer, partition, offset) for partition, offset in position.items()]
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO cursors VALUES(?, ?, ?, ?)", rows)
            self._db.execute("COMMIT")

    def consumers(self, topic: str) -> dict[str, dict[int, int]]:
        """Return the next offsets of every registered consumer; empty for one that has committed nothing."""
        found: dict[str, dict[int, int]] = {}
        with self._lock:
            rows = self._db.execute(
                "SELECT consumer, partition, next FROM cursors WHERE topic = ?", (topic,)
            ).fetchall()
        for consumer, partition, offset in rows:
            position = found.setdefault(consumer, {})
            if partition != _ANY:
                position[partition] = offset
        return found

    def forget(self, consumer: str) -> None:
        """Hold nothing for `consumer` any more."""
        with self._lock:
            self._db.execute("DELETE FROM cursors WHERE consumer = ?", (consumer,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
