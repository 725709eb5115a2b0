"""Ctrl-C as an event: what runs finishes what it has begun."""

import asyncio
import contextlib
import signal
from collections.abc import Generator


@contextlib.contextmanager
def interruptible() -> Generator[asyncio.Event]:
    """Give an event that the first Ctrl-C sets; the second one ends the program as usual."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop() -> None:
        stopping.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield stopping
    finally:
        loop.remove_signal_handler(signal.SIGINT)
