"""Storage that fails, and storage that forgets: what `storage.c` notes and does, for tests.

A test starts a process with `Storage.environment`. From the trace of its changes a `Disk` knows at each moment what was
synced and what was not, and writes down what a machine could find that lost its power just then: everything that was
synced, and any part of the rest, also halves of writes, renames before contents, and names without their folders.
"""

import mmap
import os
import random
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.services import find_program

_RECORD = struct.Struct("<IIIIQq")
_FAULTS = struct.Struct("<qqqqq")
CREATE, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MAKE_FOLDER, LINK, SYNC_FAILED = range(1, 10)
_SECTOR = 512
_SOURCE = Path(__file__).with_name("storage.c")


def build(folder: Path) -> Path:
    """Compile the library to preload."""
    library = folder / "storage.so"
    subprocess.run(
        [find_program("cc"), "-O1", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"], check=True
    )
    return library


class Storage:
    """A folder below which processes are watched, and may be made to fail."""

    def __init__(self, library: Path, root: Path) -> None:
        root.mkdir(exist_ok=True)
        self.root = root
        self.trace = root.with_suffix(".trace")
        self.trace.touch()
        faults = root.with_suffix(".faults")
        faults.write_bytes(_FAULTS.pack(0, 0, 0, -1, -1))
        with faults.open("r+b") as file:
            self._faults = mmap.mmap(file.fileno(), _FAULTS.size)
        self.environment = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "STORAGE_ROOT": str(root),
            "STORAGE_TRACE": str(self.trace),
            "STORAGE_FAULTS": str(faults),
        }

    def fail(self, *, sync: int = 0, write: int = 0, create: int = 0, room: int = -1, times: int = -1) -> None:
        """From now on, let syncs (or only the next `times`), writes and creations fail with these errors.

        `room` is how many bytes may still be written.
        """
        self._faults[:] = _FAULTS.pack(sync, write, create, room, times)

    def close(self) -> None:
        """Let go of the switches."""
        self._faults.close()


class Change(NamedTuple):
    """One record of a trace."""

    kind: int
    inode: int
    offset: int
    first: bytes
    second: bytes


def changes(trace: Path) -> Iterator[Change]:
    """Yield the records of a trace."""
    data = trace.read_bytes()
    at = 0
    while at < len(data):
        kind, first, second, _, inode, offset = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        yield Change(kind, inode, offset, data[at : at + first], data[at + first : at + first + second])
        at += first + second


class _File:
    def __init__(self, content: bytes = b"") -> None:
        self.synced = bytearray(content)
        self.pending: list[Change] = []

    def sync(self) -> None:
        for change in self.pending:
            _apply(self.synced, change)
        self.pending.clear()

    def after_power_loss(self, chance: random.Random, keeps: float) -> bytes:
        content = bytearray(self.synced)
        for change in self.pending:
            if change.kind == TRUNCATE:
                if chance.random() < keeps:
                    _apply(content, change)
                continue
            for start in range(0, len(change.first), _SECTOR):
                if chance.random() < keeps:
                    part = change._replace(offset=change.offset + start, first=change.first[start : start + _SECTOR])
                    _apply(content, part)
        return bytes(content)


class _Name(NamedTuple):
    """A change of a folder: `path` names `file` from now on, or nothing; `old` is its name before."""

    path: str
    file: "_File | None"
    old: str | None = None


class Disk:
    """What is on the disk, as far as the changes so far say."""

    def __init__(self, root: Path) -> None:
        """Begin with what is below `root`, all of it synced."""
        self._root = str(root)
        self._files: dict[int, _File] = {}
        self._names: dict[str, _File] = {}
        """As the processes see them."""
        self._synced: dict[str, _File | None] = {}
        """By path; None is a folder."""
        self._pending: dict[str, list[_Name]] = {}
        self._folders: dict[int, str] = {}
        self.told = bytearray()
        """What was written to the file `told` below the root: the oracle, which is not on this disk."""
        for path in [root, *root.rglob("*")]:
            inode = path.lstat().st_ino
            if path.is_dir():
                self._folders[inode] = str(path)
                self._synced[str(path)] = None
            elif path.is_file():
                self._files[inode] = self._names[str(path)] = self._synced[str(path)] = _File(path.read_bytes())

    def change(self, change: Change) -> None:
        """Take in the next change."""
        path, other = change.first.decode(errors="replace"), change.second.decode(errors="replace")
        match change.kind:
            case _ if change.inode in self._folders and change.kind == SYNC:
                self._sync_folder(self._folders[change.inode])
            case _ if change.kind == CREATE and self._names.get(path, self) is self._files.get(change.inode):
                pass  # two processes created it at once
            case 1:
                self._files[change.inode] = self._names[path] = _File()
                self._rename(_Name(path, self._names[path]))
            case 2 | 3 if file := self._files.get(change.inode):
                if self._names.get(self._root + "/told") is file:
                    self.told += change.first
                else:
                    file.pending.append(change)
            case 4 if file := self._files.get(change.inode):
                file.sync()
            case 5:
                self._names[other] = self._names.pop(path)
                self._rename(_Name(other, self._names[other], path))
            case 6:
                self._names.pop(path, None)
                self._rename(_Name(path, None))
            case 7:
                self._folders[change.inode] = path
                self._rename(_Name(path, None, path))
            case 9 if file := self._files.get(change.inode):
                # As Linux does it: what could not be written is taken for written, and never tried again.
                file.pending.clear()
            case 8:
                self._names[other] = self._names[path]
                self._rename(_Name(other, self._names[other]))
            case _:
                pass

    def write_after_power_loss(self, root: Path, chance: random.Random) -> None:
        """Write to `root` what a machine could find that loses its power now."""
        keeps = chance.choice([0.0, 0.0, 0.5, 0.9, 1.0])
        found = dict(self._synced)
        for pending in self._pending.values():
            for name in pending:
                if chance.random() < keeps:
                    _rename(found, name)
        for path, file in sorted(found.items()):
            target = root / Path(path).relative_to(self._root)
            if file is None:
                # A folder without a name takes along what is in it, so it is made only where its own folder is.
                if target.parent.is_dir() or target == root:
                    target.mkdir(exist_ok=True)
            elif target.parent.is_dir() and not path.endswith("-shm"):  # shared memory, not a file
                target.write_bytes(file.after_power_loss(chance, keeps))

    def _rename(self, name: _Name) -> None:
        self._pending.setdefault(os.path.dirname(name.path), []).append(name)

    def _sync_folder(self, path: str) -> None:
        for name in self._pending.pop(path, ()):
            _rename(self._synced, name)


def _rename(names: "dict[str, _File | None]", name: _Name) -> None:
    if name.path == name.old:
        names[name.path] = None
    elif name.file is None:
        names.pop(name.path, None)
    else:
        if name.old is not None and names.get(name.old) is name.file:
            del names[name.old]
        names[name.path] = name.file


def _apply(content: bytearray, change: Change) -> None:
    if change.kind == TRUNCATE:
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
    else:
        if len(content) < change.offset:
            content.extend(bytes(change.offset - len(content)))
        content[change.offset : change.offset + len(change.first)] = change.first
