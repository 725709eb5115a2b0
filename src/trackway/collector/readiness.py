"""Whether events can be kept: enough disk, and a log that takes what it is given."""

import os
from collections.abc import Callable
from pathlib import Path

from trackway.collector.reception import Ready

_LOOK_EVERY_S = 1.0


class Readiness:
    """Looks at the disk at most once a second, however often it is asked."""

    def __init__(
        self, folder: Path, *, floor_bytes: int, clock: Callable[[], float], trouble: Callable[[], str] = str
    ) -> None:
        """`folder` is where the log lies; below `floor_bytes` of free space no events are taken.

        `trouble` tells why the log does not take records, or nothing; it is asked every time.
        """
        self._folder = folder
        self._clock = clock
        self._floor = floor_bytes
        self._trouble = trouble
        self._looked = float("-inf")
        self._ready = Ready(True)
        self.free_bytes = 0
        """Free space when it was last looked at."""

    def __call__(self) -> Ready:
        """Return whether events can be kept, and if not, why."""
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self._ready = self._look()
        if self._ready.ok and (trouble := self._trouble()):
            return Ready(False, trouble)
        return self._ready

    def _look(self) -> Ready:
        try:
            disk = os.statvfs(self._folder)
        except OSError as error:
            return Ready(False, f"the log's folder cannot be looked at: {error}")
        self.free_bytes = disk.f_bavail * disk.f_frsize
        if self.free_bytes >= self._floor:
            return Ready(True)
        free, floor = self.free_bytes >> 20, self._floor >> 20
        return Ready(False, f"the disk has {free} MiB left, and {floor} MiB are kept free (log.floor)")
