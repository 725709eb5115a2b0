"""Bounds in time for many things at once, with one timer: a timer for each costs a tenth of a whole request."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _UnderWay:
    """Something that has to end in time."""

    __slots__ = ("cancelling", "late", "task", "until_s")

    def __init__(self, task: "asyncio.Task[Any]", until_s: float) -> None:
        self.task = task
        self.until_s = until_s
        self.cancelling = task.cancelling()
        self.late = False


class Deadlines:
    """Ends what takes too long. All of it belongs to one event loop."""

    def __init__(self) -> None:
        self._under_way: set[_UnderWay] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def within(self, timeout_s: float, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns; cancel it once `timeout_s` have passed, as `asyncio.timeout` does.

        Raises:
            TimeoutError: it took longer.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("there is no task that could be cancelled")
        loop = asyncio.get_running_loop()
        mine = _UnderWay(task, loop.time() + timeout_s)
        self._under_way.add(mine)
        if self._timer is None or mine.until_s < self._timer.when():
            self._ring(loop, mine.until_s)
        cancelled: asyncio.CancelledError | None = None
        try:
            return await work
        except asyncio.CancelledError as error:
            cancelled = error
            raise
        finally:
            self._under_way.discard(mine)
            # Our own cancelling is taken back whatever became of it: an error, or a result all the same.
            if mine.late and task.uncancel() <= mine.cancelling and cancelled is not None:
                raise TimeoutError from cancelled

    def close(self) -> None:
        """Stop the timer; nothing may be under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self, loop: asyncio.AbstractEventLoop, at_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(at_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel what is late, and ring again when the next one would be."""
        self._timer = None
        now_s = loop.time()
        waiting = [one for one in self._under_way if not one.late]
        for one in waiting:
            if one.until_s <= now_s:
                one.late = True
                one.task.cancel()
        if (next_s := min((one.until_s for one in waiting if not one.late), default=None)) is not None:
            self._ring(loop, next_s)
