"""What storage does to a log: which of its errors a file survives, and how a folder is made to last.

After a failed fsync the kernel may take the pages for written: a later fsync of the same file succeeds, and what a
reader finds in the page cache need not be on the disk. So a file that failed is never written to again.
"""

import contextlib
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path

from trackway.log.contract import LogCorrupt, LogUnavailable

_REPAIR = "stop Trackway and run `trackway log repair`, which keeps what can be read and says what is lost"
_FAILED = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HARMLESS = {
    # Locks, memory and the shared index of the write-ahead log: nothing of it is what a commit leaves on the disk. A
    # full disk, too, shows first as a shared index that cannot grow.
    sqlite3.SQLITE_IOERR_BLOCKED,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_NOMEM,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_UNLOCK,
}


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether nothing may be written any more to the file that gave `error`.

    A full disk (SQLITE_FULL), a read-only file system and a busy file leave it as it was.
    """
    # Errors of Python's module itself carry no code.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in _FAILED and code not in _HARMLESS


def explain(error: sqlite3.Error | OSError) -> str:
    """Return an error with the name SQLite has for it, which says more than its sentence."""
    name: str = getattr(error, "sqlite_errorname", "")
    return f"{error} ({name})" if name else str(error)


def corrupt(place: str, what: str) -> LogCorrupt:
    """Return the exception for records that cannot be read."""
    return LogCorrupt(f"{place}: {what}; {_REPAIR}")


@contextlib.contextmanager
def reading(place: str | Path) -> Generator[None]:
    """Turn SQLite's errors in the block into the log's.

    Raises:
        LogCorrupt: the file is torn.
        LogUnavailable: it cannot be read for another reason.
    """
    try:
        yield
    except sqlite3.Error as error:
        code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(error, sqlite3.InterfaceError):
            raise corrupt(str(place), f"the file is damaged: {explain(error)}") from error
        raise LogUnavailable(f"{place} cannot be read: {explain(error)}") from error


def make_folder(folder: Path) -> None:
    """Make `folder` and the folders above it, so that they are still there after a power loss."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Return when the names in `folder` are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_above(folder: Path, levels: int) -> None:
    """Return when `folder` itself, and so many folders that it lies in, will be found after a power loss."""
    for above in folder.absolute().parents[:levels]:
        # Nobody who may not read a folder has made anything in it.
        with contextlib.suppress(PermissionError):
            sync_folder(above)
