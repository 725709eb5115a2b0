"""Ctrl-C for commands that go on until it comes."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

from trackway.node.flag import Flag


@contextmanager
def interrupts() -> Generator[Flag]:
    """Yield a flag that the first Ctrl-C sets; a second one interrupts at once, as does any outside the main thread.

    Raised as an exception it can be lost: Python passes over errors of what it calls in between, such as finalizers.
    """
    asked = Flag()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
