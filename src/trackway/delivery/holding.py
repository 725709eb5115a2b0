"""One process at a time on a destination: who delivers to it holds a lock, which ends with the process at the latest.

After a crash of the supervisor its children take a moment to end, and the next product may start meanwhile; two on one
destination would send the same twice.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from trackway.delivery.clock import SystemClock

_LOOK_EVERY_S = 0.1


@asynccontextmanager
async def held(folder: Path | None, key: str, stopping: asyncio.Event) -> AsyncGenerator[bool]:
    """Hold the destination `key` within, after waiting for it; yields False when `stopping` was set before.

    `folder` is where the locks are kept; None: nobody else can be there.
    """
    if folder is None:
        yield True
        return
    lock = _open(folder, key)
    try:
        while not (taken := _try(lock)) and not stopping.is_set():
            await SystemClock().wait(stopping, _LOOK_EVERY_S)
        yield taken
    finally:
        os.close(lock)


def _open(folder: Path, key: str) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
