"""The lock by which a partition has one writer at a time."""

import contextlib
import fcntl
import os
from pathlib import Path

from trackway.log import storage
from trackway.log.contract import LogBusy, LogUnavailable


def take_lock(folder: Path) -> int:
    """Return the descriptor of a partition's lock, made with its folder if need be; closing it gives the lock back.

    Raises:
        LogBusy: another process has it.
        LogUnavailable: the folder cannot be written.
    """
    path = folder / "writer.lock"
    try:
        storage.make_folder(folder)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LogUnavailable(f"{folder} cannot be written: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(lock, 32, 0).decode(errors="replace").strip()
        os.close(lock)
        raise LogBusy(
            f"{folder} is being written by process {owner or 'unknown'}; stop it, or use another workspace"
        ) from None
    with contextlib.suppress(OSError):  # the number is for people; a full disk has no room for it
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock
