"""A thread that checkpoints and seals segments, so that no commit has to.

A checkpoint of a segment that is written to begins only when something was committed since the one before it was over,
so never on a write-ahead log that is all copied: there SQLite before 3.51.3 may lose a commit (`trackway/sqlite.py`).
"""

import sqlite3
import threading
from pathlib import Path

from trackway.log import segment, storage

_CHECKPOINT_BYTES = 16 << 20


class Keeper:
    """Looks after the files of one writer."""

    def __init__(self) -> None:
        self.fault: tuple[Path, str] | None = None
        """The segment whose checkpoint failed in a way that the file must not be written to any more, and why."""
        self._changed = threading.Condition()
        self._growing: Path | None = None
        """The segment to checkpoint, until that is done."""
        self._grown: int | None = 0
        """Bytes committed since the last checkpoint was over; None before the first commit that was surely later."""
        self._full: list[sqlite3.Connection] = []
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="log-keeper", daemon=True)
        self._thread.start()

    def tidy(self, path: Path, size: int) -> None:
        """Note that `size` bytes were committed to the segment at `path`; checkpoint it when enough came together."""
        if self._growing is not None:
            self._grown = None
            return
        self._grown = 0 if self._grown is None else self._grown + size
        if self._grown >= _CHECKPOINT_BYTES:
            with self._changed:
                self._growing = path
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
                growing = self._growing
                full, self._full = self._full, []
                if self._stop and not full:
                    return
            for db in full:
                segment.seal(db)
            if growing is not None:
                self._checkpoint(growing)
                with self._changed:
                    if self._growing is growing:
                        self._growing = None

    def _checkpoint(self, path: Path) -> None:
        try:
            segment.checkpoint(path)
        except sqlite3.Error as error:
            # All of it stands in the write-ahead log, and is tried again: only a file that failed must be left.
            if storage.is_damage(error):
                self.fault = path, storage.explain(error)
