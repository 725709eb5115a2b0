"""Group commit: requests of an event loop share commits made by one thread.

While one commit waits for the disk, the next requests gather; so the busier the collector, the more each commit
carries, and nobody waits for a timer.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from trackway.log.contract import LogError, LogUnavailable, LogWriter

_COMMIT_RECORDS = 20_000
"""Enough for one commit: more would only make the first in line wait longer."""


class _Waiting(NamedTuple):
    records: Sequence[bytes]
    done: "asyncio.Future[int]"


class GroupCommit:
    """Appends to one topic of a log from an event loop. Owns the writer."""

    def __init__(
        self,
        writer: LogWriter,
        topic: str,
        loop: asyncio.AbstractEventLoop,
        *,
        observe: Callable[[int, float], None] = lambda _records, _seconds: None,
    ) -> None:
        """`observe` is told, in the event loop, how many records each commit held and how long it took.

        A commit that failed is told with 0 records.
        """
        self._observe = observe
        self._writer = writer
        self._topic = topic
        self._loop = loop
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, records: Sequence[bytes]) -> "asyncio.Future[int]":
        """Return a future that is done when `records` are durable; its result is the offset of the first one.

        It raises LogUnavailable when they could not be written. Call it in the event loop.
        """
        done = self._loop.create_future()
        self._queue.put(_Waiting(records, done))
        return done

    async def close(self) -> None:
        """Commit what was submitted, then give the partition free."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        going = True
        while going:
            group, going = self._take()
            if group:
                self._commit(group)
        self._writer.close()

    def _take(self) -> tuple[list[_Waiting], bool]:
        """Wait for the first request, then take all that are there; False when the queue was closed."""
        group: list[_Waiting] = []
        count = 0
        waiting = self._queue.get()
        while waiting is not None:
            group.append(waiting)
            count += len(waiting.records)
            if count >= _COMMIT_RECORDS or self._queue.empty():
                return group, True
            waiting = self._queue.get()
        return group, False

    def _commit(self, group: list[_Waiting]) -> None:
        records = group[0].records if len(group) == 1 else [record for one in group for record in one.records]
        began = time.perf_counter()
        first, error = 0, None
        try:
            first = self._writer.append({self._topic: records})[self._topic].start
        except LogError as failure:
            error = failure
        except Exception as failure:  # noqa: BLE001 - the thread must outlive any surprise; the requests hear of it
            error = LogUnavailable(f"the log failed: {failure!r}")
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_resolve, group, first, error)
            count = 0 if error else len(records)
            self._loop.call_soon_threadsafe(self._observe, count, time.perf_counter() - began)


def _resolve(group: list[_Waiting], first: int, error: LogError | None) -> None:
    for waiting in group:
        if not waiting.done.done():  # its client may have gone
            if error is None:
                waiting.done.set_result(first)
            else:
                waiting.done.set_exception(error)
        first += len(waiting.records)
