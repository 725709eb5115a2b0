"""The live tail: one set of reader threads and one bounded ring for all viewers.

While anybody watches, a thread a topic reads the clean log from its end and puts what it finds into the ring. A viewer
is a number: the next piece of the ring it wants. Memory is the ring's, however many or slow the viewers are; one that
falls behind the ring's oldest piece is told how many records it missed (they stay in the log). Without viewers nothing
is read at all.
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import NamedTuple

from trackway.console import history
from trackway.console.history import Vector
from trackway.log.contract import EventLog, LogReader, Slice

logger = logging.getLogger(__name__)

RING_RECORDS = 20_000
RING_BYTES = 32 << 20
PIECE_RECORDS = 200
MAX_VIEWERS = 64
_POLL_S = 5.0
_RETRY_S = 1.0


class Piece(NamedTuple):
    """A few neighbouring records of one partition."""

    number: int
    """How many records the ring had taken before it."""
    topic: str
    partition: int
    first: int
    records: list[bytes]

    @property
    def next(self) -> int:
        """The offset after the last record."""
        return self.first + len(self.records)


class Taken(NamedTuple):
    """What a viewer got from the ring."""

    missed: int
    """Records that left the ring before the viewer came for them."""
    pieces: list[Piece]


class Ring:
    """The newest pieces of all topics. Safe from any thread."""

    def __init__(self, start: Vector, *, max_records: int = RING_RECORDS, max_bytes: int = RING_BYTES) -> None:
        self._lock = threading.Lock()
        self._pieces: deque[Piece] = deque()
        self._vector = dict(start)
        self._end = 0
        self._bytes = 0
        self._max_records = max_records
        self._max_bytes = max_bytes

    def push(self, topic: str, slices: list[Slice]) -> None:
        """Add records, pushing out the oldest beyond the ring's bounds."""
        with self._lock:
            for got in slices:
                for i in range(0, len(got.records), PIECE_RECORDS):
                    part = got.records[i : i + PIECE_RECORDS]
                    self._pieces.append(Piece(self._end, topic, got.partition, got.first + i, part))
                    self._end += len(part)
                    self._bytes += sum(map(len, part))
                self._vector[topic, got.partition] = got.next
            self._shrink()

    def end(self) -> tuple[int, Vector]:
        """Return the number of the next piece and the vector of all that was pushed, of the same moment."""
        with self._lock:
            return self._end, dict(self._vector)

    def take(self, number: int, *, max_records: int) -> Taken:
        """Return the pieces from `number` on, about `max_records` records of them."""
        with self._lock:
            missed = max(0, self._pieces[0].number - number) if self._pieces else 0
            taken: list[Piece] = []
            for piece in self._since(number):
                taken.append(piece)
                max_records -= len(piece.records)
                if max_records <= 0:
                    break
            return Taken(missed, taken)

    def _since(self, number: int) -> Iterator[Piece]:
        """Yield the pieces from `number` on: found from the newest end, where most viewers are."""
        back = 0
        for piece in reversed(self._pieces):
            if piece.number < number:
                break
            back += 1
        for i in range(len(self._pieces) - back, len(self._pieces)):
            yield self._pieces[i]

    def _shrink(self) -> None:
        # One piece always stays, however large: it is what tells a slow viewer how far behind it is.
        while len(self._pieces) > 1 and (
            self._end - self._pieces[0].number > self._max_records or self._bytes > self._max_bytes
        ):
            self._bytes -= sum(map(len, self._pieces.popleft().records))


class Viewer:
    """One client of the live tail."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._number, self.start = ring.end()
        self.closed = False
        self._bell = asyncio.Event()

    def take(self, *, max_records: int) -> Taken:
        """Return what is new since the last call; everything below `start` came before the first."""
        taken = self._ring.take(self._number, max_records=max_records)
        self._number += taken.missed
        if taken.pieces:
            last = taken.pieces[-1]
            self._number = last.number + len(last.records)
        return taken

    def ring_bell(self) -> None:
        """Say that there may be something new. On the event loop's thread only."""
        self._bell.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when there may be something new, at the latest after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), timeout_s)
        self._bell.clear()


class _Tail(threading.Thread):
    """Reads one topic into the ring until it is stopped."""

    def __init__(self, log: EventLog, topic: str, ring: Ring, notify: Callable[[], None]) -> None:
        super().__init__(name=f"console-tail-{topic}", daemon=True)
        self._log, self._topic, self._ring, self._notify = log, topic, ring, notify
        self._start = {partition: offset for (of, partition), offset in ring.end()[1].items() if of == topic}
        self._reader: LogReader | None = None
        self._reader_lock = threading.Lock()
        self._stopped = threading.Event()

    def run(self) -> None:
        """Follow the topic, and start over after an error."""
        while not self._stopped.is_set():
            try:
                self._follow()
            except Exception:  # whatever it was: without this thread no viewer would see anything again
                logger.exception("the live view cannot read %s; trying again in %s s", self._topic, _RETRY_S)
                self._stopped.wait(_RETRY_S)

    def stop(self) -> None:
        """Ask the thread to end soon. From any thread."""
        self._stopped.set()
        with self._reader_lock:  # a closed reader must not be woken
            if self._reader is not None:
                self._reader.wake()

    def _follow(self) -> None:
        with self._log.reader(self._topic, start=self._start) as reader:
            self._reader = reader
            try:
                while not self._stopped.is_set():
                    if slices := reader.poll(timeout_s=_POLL_S):
                        self._ring.push(self._topic, slices)
                        self._start = reader.position()
                        self._notify()
            finally:
                with self._reader_lock:
                    self._reader = None


class Hub:
    """Lets any number of viewers watch the clean log. Its methods run on the event loop, but for `notify`."""

    def __init__(self, log: EventLog, *, max_records: int = RING_RECORDS, max_bytes: int = RING_BYTES) -> None:
        self._log = log
        self._max_records, self._max_bytes = max_records, max_bytes
        self._viewers: set[Viewer] = set()
        self._ring: Ring | None = None
        self._tails: list[_Tail] = []
        self._stopping: list[_Tail] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = asyncio.Lock()
        self._notified = False
        self._closed = False

    @property
    def watched(self) -> bool:
        """True while anybody watches."""
        return bool(self._viewers)

    @property
    def full(self) -> bool:
        """True when nobody more may watch."""
        return len(self._viewers) >= MAX_VIEWERS

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncGenerator[Viewer]:
        """Give a viewer that stands at the log's end, for as long as the block runs."""
        viewer = Viewer(await self._reading())
        viewer.closed = self._closed
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            if not self._viewers:
                self._stop_reading()

    async def _reading(self) -> Ring:
        async with self._starting:
            if self._ring is None:
                self._ring = self._start_reading(await asyncio.to_thread(history.heads, self._log))
            return self._ring

    def notify(self) -> None:
        """Wake all viewers. From any thread; many calls at once cost one wake."""
        if self._notified or self._loop is None:
            return
        self._notified = True
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._wake)

    def end(self) -> None:
        """End all viewers and the reading soon. From any thread."""
        self._closed = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self.close)

    def close(self) -> None:
        """End all viewers and the reading, without waiting for either."""
        self._closed = True
        for viewer in self._viewers:
            viewer.closed = True
            viewer.ring_bell()
        self._stop_reading()

    def join(self, timeout_s: float) -> None:
        """Wait until no thread reads any more. From a thread that may block."""
        for tail in self._stopping:
            tail.join(timeout_s)
        self._stopping.clear()

    def _wake(self) -> None:
        self._notified = False
        for viewer in self._viewers:
            viewer.ring_bell()

    def _start_reading(self, start: Vector) -> Ring:
        self._loop = asyncio.get_running_loop()
        ring = Ring(start, max_records=self._max_records, max_bytes=self._max_bytes)
        self._stopping = [tail for tail in self._stopping if tail.is_alive()]
        self._tails = [_Tail(self._log, topic, ring, self.notify) for topic in self._log.topics]
        for tail in self._tails:
            tail.start()
        return ring

    def _stop_reading(self) -> None:
        for tail in self._tails:
            tail.stop()
        self._stopping += self._tails
        self._tails, self._ring = [], None
