"""The message ids of one bucket of time: the newest in a dictionary, the others in runs behind a filter.

Runs are kept from the oldest to the newest: first those in files, then those that are being written into one, then
those in memory. The last ones become one when there are enough of like size: sixteen in memory, sixty-four files. So an
id in files is moved once for each growth by about fifty, and a look-up that the filter lets pass searches less than a
hundred runs, as a rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from trackway.pipeline.id_filter import IdFilter
from trackway.pipeline.id_runs import FileRun, Ids, MemoryRun, Run, Seen, merge_in_memory

try:
    from trackway.pipeline.compiled_ids import newest_with
except ImportError:  # there was no compiler
    from trackway.pipeline.id_columns import newest_with

_SPILL = 1 << 13
"""Ids that a dictionary holds before they become a run."""
_R = TypeVar("_R", bound=Run)
_MEMORY_RUNS = 16
"""Runs in memory, of like size, that become one."""
_FILES = 64
"""Files of like size that become one."""
_FILES_AT_MOST = 4 * _FILES
"""From which on files become one whatever their sizes: a process may have only so many files open."""


class Bucket:
    """Ids of one bucket, and the first event of each."""

    def __init__(self, files: Sequence[FileRun] = (), *, room: int = 0) -> None:
        """Begin with the runs in `files`, and a filter for `room` ids or as many as those are."""
        self.files = [*files]
        self.leaving: list[MemoryRun] = []
        """Runs that are being written into a file."""
        self._memory: list[MemoryRun] = []
        self._newest: dict[bytes, Seen] = {}
        self._filter: IdFilter | None = self._learn(room)

    def __len__(self) -> int:
        return len(self._newest) + sum(map(len, self._runs()))

    def _runs(self) -> Iterator[Run]:
        yield from self.files
        yield from self.leaving
        yield from self._memory

    def look_up(self, keys: Sequence[bytes], ids: Ids) -> dict[bytes, Seen]:
        """Return the newest event known for each of `keys` that came before; `ids` are the same keys as columns.

        Raises:
            OSError: a file cannot be read.
        """
        newest = self._newest
        found = {key: newest[key] for key in newest.keys() & keys}
        perhaps = range(len(keys)) if self._filter is None else self._filter.perhaps(ids.hashes)
        sought = [number for number in perhaps if keys[number] not in found]
        if sought:
            hashes, rests = ids.hashes[sought].tolist(), ids.rests[sought].tolist()
            for number, hash_, rest in zip(sought, hashes, rests, strict=True):
                seen = self._search(hash_, rest)
                if seen is not None:
                    found[keys[number]] = seen
        return found

    def _search(self, hash_: int, rest: int) -> Seen | None:
        runs = [*self._runs()]
        columns = [run.column for run in runs]
        while (number := newest_with(columns, hash_)) >= 0:
            seen = runs[number].find(hash_, rest)
            if seen is not None:
                return seen
            del columns[number:]
        return None

    def add(self, seen: Mapping[bytes, Seen]) -> None:
        """Note ids."""
        self._newest.update(seen)
        if len(self._newest) >= _SPILL:
            self._spill()

    def _spill(self) -> None:
        if not self._newest:
            return
        run = MemoryRun.of(self._newest)
        self._newest = {}
        self._memory.append(run)
        if self._filter is not None:
            self._filter.add(run.hashes)
            if self._filter.should_grow:
                self._filter = self._learn(2 * self._filter.room)
        while alike := _last_alike(self._memory, _MEMORY_RUNS):
            self._memory[-len(alike) :] = [merge_in_memory(alike)]

    def _learn(self, room: int) -> IdFilter:
        """Return a filter that was told of all ids in runs."""
        made = IdFilter(max(room, sum(map(len, self._runs()))))
        for run in self._runs():
            for hashes in run.hashes() if isinstance(run, FileRun) else [run.hashes]:
                made.add(hashes)
        return made

    def forget_filter(self) -> None:
        """Free the filter's memory: few will still be looked for here."""
        self._filter = None

    def leave(self) -> list[MemoryRun]:
        """Return the runs in memory, all ids among them, that are to be written into a file; then call `arrive`."""
        self._spill()
        self.leaving, self._memory = self._memory, []
        return self.leaving

    def arrive(self, file: FileRun) -> None:
        """Take the file into which the leaving ones were written in their place."""
        self.files.append(file)
        self.leaving = []

    def alike(self) -> list[FileRun]:
        """Return the files that should become one, none if it is not yet time."""
        return _last_alike(self.files, _FILES) or (self.files[-_FILES:] if len(self.files) >= _FILES_AT_MOST else [])

    def replace(self, files: Sequence[FileRun], merged: FileRun) -> None:
        """Put `merged` in the place of `files`."""
        start = self.files.index(files[0])
        self.files[start : start + len(files)] = [merged]


def _last_alike(runs: list[_R], enough: int) -> list[_R]:
    """Return as many of the last runs as can be, if they are enough and none is much larger than their average."""
    last, largest, whole = 0, 0, 0
    for count, run in enumerate(reversed(runs), 1):
        largest, whole = max(largest, len(run)), whole + len(run)
        if count >= enough and 3 * enough * largest <= 4 * whole:
            last = count
    return runs[len(runs) - last :]
