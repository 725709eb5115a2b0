"""Time, as delivery sees it: tests bring a clock of their own, so that days pass in milliseconds."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the time is, and waiting."""

    def now_ms(self) -> int:
        """Return the time of day in epoch milliseconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        ...

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> None:
        """Return when `event` is set, or after `timeout_s`."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Return the time of day in epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> None:
        """Return when `event` is set, or after `timeout_s`."""
        if timeout_s is None:
            await event.wait()
            return
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            pass
