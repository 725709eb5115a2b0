"""Group commit: requests of an event loop share commits made by one thread.

While one commit waits for the disk, the next requests gather; so the busier the collector, the more each commit
carries, and nobody waits for a timer. A commit begins at the end of a turn of the event loop: all requests that had
arrived by then are in it. (Handed to the thread one by one, the first would be committed alone: with 64 connections on
one core a commit then carried 10 requests instead of 30, and costs 0.3 ms of processor time whatever it carries.)

When a commit failed, the thread goes on trying by itself: told that the log is not ready, nobody may send any more.
"""

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from trackway.log.contract import LogError, LogUnavailable, LogWriter

_COMMIT_RECORDS = 20_000
"""Enough for one commit: more would only make the first in line wait longer."""
_TRY_AGAIN_S = 1.0
_PROBE = "probe"
"""A mark without meaning. A new value must be written: that shows whether a commit reaches the disk."""
_log = logging.getLogger(__name__)

Done = Callable[[int, LogError | None], None]


class _Waiting(NamedTuple):
    records: Sequence[bytes]
    done: Done
    """Called in the event loop with the offset of the first record, or with the error."""


class GroupCommit:
    """Appends to one topic of a log from an event loop. Owns the writer."""

    def __init__(
        self,
        writer: LogWriter,
        topic: str,
        loop: asyncio.AbstractEventLoop,
        *,
        observe: Callable[[int, float], None] = lambda _records, _seconds: None,
        trouble: str = "",
    ) -> None:
        """`observe` is told, in the event loop, how many records each commit held and how long it took.

        A commit that failed is told with 0 records. `trouble` says why the writer takes no records yet.
        """
        self.trouble = trouble
        """Why the last commit failed; empty while the log takes records. Safe to read from any thread."""
        self._observe = observe
        self._writer = writer
        self._topic = topic
        self._loop = loop
        self._waiting: deque[_Waiting] = deque()
        self._committing = False
        """True from when a commit is planned until its requests have heard of it."""
        self._groups: queue.SimpleQueue[list[_Waiting] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, records: Sequence[bytes]) -> "asyncio.Future[int]":
        """Return a future that is done when `records` are durable; its result is the offset of the first one.

        It raises LogUnavailable when they could not be written. Call it in the event loop.
        """
        future = self._loop.create_future()

        def resolve(first: int, error: LogError | None) -> None:
            if future.done():  # its client may have gone
                return
            if error is None:
                future.set_result(first)
            else:
                future.set_exception(error)

        self.hand_over(records, resolve)
        return future

    def hand_over(self, records: Sequence[bytes], done: Done) -> None:
        """As `submit`, without a future: `done` is called in the event loop, and must not raise."""
        self._waiting.append(_Waiting(records, done))
        if not self._committing:
            self._committing = True
            self._loop.call_soon(self._begin)

    async def close(self) -> None:
        """Commit what was submitted, then give the partition free."""
        while self._waiting or self._committing:
            await self.submit(())
        self._groups.put(None)
        await asyncio.to_thread(self._thread.join)

    def _begin(self) -> None:
        """Hand what is waiting to the thread."""
        group: list[_Waiting] = []
        count = 0
        while self._waiting and count < _COMMIT_RECORDS:
            group.append(one := self._waiting.popleft())
            count += len(one.records)
        self._groups.put(group)

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            self._commit(group)
        self._writer.close()

    def _next_group(self) -> list[_Waiting] | None:
        """Wait for what is to be committed next, trying the log meanwhile if it is in trouble; None at the end."""
        while self.trouble:
            try:
                return self._groups.get(timeout=_TRY_AGAIN_S)
            except queue.Empty:
                self._append((), {_PROBE: b"%d" % time.time_ns()})
        return self._groups.get()

    def _commit(self, group: list[_Waiting]) -> None:
        records = group[0].records if len(group) == 1 else [record for one in group for record in one.records]
        began = time.perf_counter()
        first, error = self._append(records) if records else (0, None)
        if not self._loop.is_closed():
            count, seconds = 0 if error else len(records), time.perf_counter() - began
            self._loop.call_soon_threadsafe(self._end, group, first, error, count, seconds)

    def _append(
        self, records: Sequence[bytes], marks: Mapping[str, bytes] | None = None
    ) -> tuple[int, LogError | None]:
        """Return the offset of the first record, or why nothing was written."""
        try:
            first = self._writer.append({self._topic: records}, marks)[self._topic].start
        except LogError as failure:
            error = failure
        except Exception as failure:  # noqa: BLE001 - the thread must outlive any surprise; the requests hear of it
            error = LogUnavailable(f"the log failed: {failure!r}")
        else:
            if self.trouble:
                _log.warning("events are taken again")
                self.trouble = ""
            return first, None
        if not self.trouble:
            _log.error("no events are taken: %s", error)
        self.trouble = str(error)
        return 0, error

    def _end(self, group: list[_Waiting], first: int, error: LogError | None, count: int, seconds: float) -> None:
        """Tell the requests of a commit, and begin the next one when the loop has looked for more requests."""
        for records, done in group:
            try:
                done(first, error)
            except Exception:  # noqa: BLE001 - the other requests of the commit must hear of it all the same
                _log.exception("what followed a commit failed")
            first += len(records)
        if count or error:
            self._observe(count, seconds)
        if self._waiting:
            self._loop.call_soon(self._begin)
        else:
            self._committing = False
