"""The folder of the dedup index: which of its files count, told by one file that is replaced whole.

<folder>/index.json       the runs that count, up to which offset of `events` they hold every id, and their hashes' seed
<folder>/7-12.ids         a run (see `id_runs`) of bucket 7
<folder>/writer.lock      held by the one process that may be here
"""

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from trackway.errors import TrackwayError
from trackway.log.lock import take_lock
from trackway.log.storage import sync_folder
from trackway.pipeline.id_runs import FileRun

_FORMAT = 4
_SAVED = "index.json"
_LOCK = "writer.lock"


class _Saved(msgspec.Struct):
    format: int
    bucket_ms: int
    seed: int
    known: dict[int, int]
    runs: dict[int, list[tuple[str, int]]]
    """By bucket, from the oldest on: name and number of ids."""


class IdFolder:
    """The runs of an index on the disk."""

    def __init__(self, path: Path, *, bucket_ms: int) -> None:
        """Open what is there; what an index of other buckets or an older version left is removed.

        Raises:
            TrackwayError: another process has it, it is damaged, or it cannot be read or written.
        """
        self._path = path
        self._bucket_ms = bucket_ms
        self.seed = secrets.randbits(64)
        """Of the hashes in the runs."""
        self.known: dict[int, int] = {}
        """By partition: the offset of `events` below which every id is in the runs."""
        self.runs: dict[int, list[FileRun]] = {}
        """By bucket, from the oldest on."""
        self._lock = take_lock(path)
        try:
            self._open()
        except (OSError, msgspec.MsgspecError) as error:
            self.close()
            raise TrackwayError(
                f"{path} cannot be opened: {error}. If nothing else is wrong with the disk, delete the folder: "
                "it is rebuilt from the log"
            ) from error
        self._number = max((_number(one) for one in path.glob("*.ids")), default=0)

    def _open(self) -> None:
        saved = self._read()
        if saved is not None:
            self.known, self.seed = saved.known, saved.seed
            for bucket, runs in saved.runs.items():
                opened = self.runs[bucket] = [FileRun(self._path / name) for name, _ in runs]
                for run, (_, count) in zip(opened, runs, strict=True):
                    if len(run) != count:
                        raise OSError(f"{run.path.name} has {len(run)} ids instead of {count}")
        wanted = {run.path.name for runs in self.runs.values() for run in runs}
        for one in self._path.iterdir():
            if one.name not in {_LOCK, _SAVED, *wanted}:
                shutil.rmtree(one) if one.is_dir() else one.unlink()

    def _read(self) -> _Saved | None:
        try:
            text = (self._path / _SAVED).read_bytes()
        except FileNotFoundError:
            return None
        saved = msgspec.json.decode(text, type=_Saved)
        return saved if (saved.format, saved.bucket_ms) == (_FORMAT, self._bucket_ms) else None

    def new_path(self, bucket: int) -> Path:
        """Return where a new run is to be written."""
        self._number += 1
        return self._path / f"{bucket}-{self._number}.ids"

    def save(self, known: Mapping[int, int], runs: Mapping[int, Sequence[FileRun]], gone: Iterable[FileRun]) -> None:
        """Let `runs` be what counts from now on, on the disk, and remove `gone`.

        Raises:
            OSError: it cannot be written; what counted before still does.
        """
        self.known = dict(known)
        names = {bucket: [(run.path.name, len(run)) for run in some] for bucket, some in runs.items() if some}
        draft = self._path / f"{_SAVED}.new"
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(_Saved(_FORMAT, self._bucket_ms, self.seed, self.known, names)))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path / _SAVED)
        sync_folder(self._path)
        for run in gone:
            run.close()
            run.path.unlink()

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._lock)


def _number(path: Path) -> int:
    return int(path.stem.partition("-")[2])
