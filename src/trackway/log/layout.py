"""Where the files of an SQLite log lie."""

import time
from pathlib import Path
from typing import NamedTuple

from trackway.log import segment


class Layout(NamedTuple):
    """The folder of a log, and what all its parts need to know of it."""

    folder: Path
    topics: tuple[str, ...]
    segment_bytes: int
    """A segment that holds this much is followed by a new one."""

    @property
    def bells(self) -> Path:
        """Where readers hang their bells."""
        return self.folder / "bells"

    def partition(self, number: int) -> Path:
        """Return the folder of a partition's segments."""
        return self.folder / f"p{number:05d}"

    def partitions(self) -> list[int]:
        """Return the partitions that have segments, ascending."""
        numbers = [int(path.name[1:]) for path in self.folder.glob("p[0-9]*")]
        return sorted(number for number in numbers if segment.list_segments(self.partition(number)))


def now_ms() -> int:
    """Return the wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000
