"""Bells: how a writer wakes waiting readers in other processes within microseconds.

Each reader makes a FIFO in the log's `bells` folder; a writer puts one byte into every FIFO after a commit. A FIFO
needs no port, has no length limit on its path as sockets have, and shows by itself (ENXIO, EPIPE) that its reader is
gone. A bell only says "look again": a lost one costs the reader's own look-around interval, never a record.
"""

import contextlib
import os
import secrets
import select
import threading
import time
from pathlib import Path

_RING = b"r"
_WAKE = b"w"
_RACY_NS = 50_000_000
"""A folder changed this shortly before a scan may change again with the same time stamp."""


class Bell:
    """A reader's bell: waits for writers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(6)}.bell"
        os.mkfifo(self._path, 0o600)
        self._ear = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # Our own writing end keeps the FIFO from reporting end-of-file while no writer has it open.
        self._own = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._ear, select.POLLIN)
        self._open = True
        # Reentrant: a signal handler may wake a reader whose thread is just closing it.
        self._closing = threading.RLock()

    def clear(self) -> bool:
        """Forget earlier rings; return True if one of them came from `wake`."""
        woken = False
        with contextlib.suppress(BlockingIOError):
            while heard := os.read(self._ear, 4096):
                woken = woken or _WAKE in heard
        return woken

    def wait(self, timeout_s: float) -> None:
        """Return at the next ring (or at once, if one came since `clear`), at the latest after `timeout_s`."""
        self._poll.poll(max(0, timeout_s) * 1000)

    def wake(self) -> None:
        """Ring it ourselves. Safe from any thread, also when it is closed: its number may be another file's by then."""
        with self._closing, contextlib.suppress(BlockingIOError, OSError):
            if self._open:
                os.write(self._own, _WAKE)

    def close(self) -> None:
        """Take the bell down."""
        with self._closing:
            if not self._open:
                return
            self._open = False
            self._path.unlink(missing_ok=True)
            for end in (self._ear, self._own):
                with contextlib.suppress(OSError):
                    os.close(end)


class Ringer:
    """A writer's hand on all bells of a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._bells: dict[str, int] = {}
        self._seen_ns = -1

    def ring(self) -> None:
        """Wake every reader that waits.

        It never raises: a reader that is not woken looks around by itself.
        """
        with contextlib.suppress(OSError):
            self._look_for_bells()
        for name, bell in list(self._bells.items()):
            try:
                os.write(bell, _RING)
            except BlockingIOError:
                pass  # full: it is ringing already
            except OSError:
                self._drop(name)

    def _look_for_bells(self) -> None:
        changed_ns = os.stat(self._folder).st_mtime_ns
        if changed_ns != self._seen_ns:
            self._scan()
            self._seen_ns = changed_ns if time.time_ns() - changed_ns > _RACY_NS else -1

    def close(self) -> None:
        """Let go of the bells."""
        for bell in self._bells.values():
            os.close(bell)
        self._bells.clear()

    def _scan(self) -> None:
        names = {name for name in os.listdir(self._folder) if name.endswith(".bell")}
        for name in names - self._bells.keys():
            try:
                self._bells[name] = os.open(self._folder / name, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                # Its reader is gone, or has not opened its end yet: a young one is tried again, as the folder is racy.
                self._bury(name)
        for name in self._bells.keys() - names:
            self._drop(name)

    def _drop(self, name: str) -> None:
        os.close(self._bells.pop(name))
        self._bury(name)

    def _bury(self, name: str) -> None:
        path = self._folder / name
        with contextlib.suppress(OSError):
            if time.time_ns() - path.stat().st_mtime_ns > 10 * 1_000_000_000:
                path.unlink()
