"""What signal handlers may set, and the main thread waits for."""

import contextlib
import threading


class Flag:
    """As `threading.Event`, for one thread that waits, and safe to set in a signal handler.

    An event is not: it has a lock that `wait` holds for moments. A handler runs in the main thread, between any two of
    its steps, so that `set` would wait for the very `wait` that it interrupted, for ever.
    """

    def __init__(self) -> None:
        self._set = False
        self._unset = threading.Lock()
        """Held as long as it is not set: who waits waits for this."""
        self._unset.acquire()

    def set(self) -> None:
        """Set it, and wake who waits."""
        self._set = True
        with contextlib.suppress(RuntimeError):  # let go already
            self._unset.release()

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._set

    def clear(self) -> None:
        """Let it be as before it was set."""
        self._set = False
        self._unset.acquire(blocking=False)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it is set, for `timeout_s` seconds at the most; return whether it is."""
        if not self._set:
            self._unset.acquire(timeout=-1 if timeout_s is None else timeout_s)
        return self._set
