"""The SQLite for files that several processes write: `from trackway.sqlite import sqlite3`.

SQLite up to 3.51.2 can lose a committed transaction without a word: a checkpoint that begins just after another has
ended, while a commit begins the write-ahead log anew, may take frames for copied that are not (sqlite.org/wal.html,
"The WAL-Reset Bug", read 26 November 2026). The sqlite3 module brings whatever SQLite the system has: Debian 12's is
3.40.1. So a newer build is used where there is one for the machine; elsewhere `trackway doctor` warns.

Segments of the log have one writer and one thread that checkpoints, at moments when this cannot happen
(`log/keeper.py`); they are opened by the sqlite3 module, which tells errors of a disk apart by SQLite's extended codes.
A process must never open one file by both: closing it in one frees the locks of the other.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["may_lose_commits", "sqlite3"]

_MENDED = (3, 51, 3)
_MENDED_BEFORE = {(3, 44): 6, (3, 50): 7}
"""Older lines to which the repair was taken back, with the first patch that has it."""


def may_lose_commits(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Return whether SQLite `version` has the WAL-reset bug."""
    if version >= _MENDED:
        return False
    patch = _MENDED_BEFORE.get(version[:2])
    return patch is None or version[2] < patch
