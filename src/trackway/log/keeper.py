"""A thread that checkpoints and seals segments, so that no commit has to."""

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
                self._checkpoint(growing)

    def _checkpoint(self, path: Path) -> None:
        try:
            segment.checkpoint(path)
        except sqlite3.Error as error:
            # All of it stands in the write-ahead log, and is tried again: only a file that failed must be left.
            if storage.is_damage(error):
                self.fault = path, storage.explain(error)
