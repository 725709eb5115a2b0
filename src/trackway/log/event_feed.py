"""A thread that feeds something with the records of a topic, each batch together with the position behind it."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from trackway.events.records import EVENTS, EventRecord, Place, decode_event
from trackway.log.contract import EventLog, LogReader

_BATCH = 5_000
_PAUSE_S = 5.0
_log = logging.getLogger(__name__)

R = TypeVar("R")
Take = Callable[[Iterable[tuple[R, Place]], Mapping[int, int]], None]
"""Takes records with their places, and the next offset by partition, in one transaction."""


class Feed(Generic[R]):
    """Feeds `take` from a topic of `log`, all of it that is kept, on a thread of its own."""

    def __init__(
        self,
        log: EventLog,
        consumer: str,
        take: Take[R],
        *,
        topic: str,
        decode: Callable[[bytes], R],
        positions: Callable[[], Mapping[int, int]],
        linger_s: float = 0.0,
    ) -> None:
        """`decode` reads a record of `topic`.

        `positions` tells where `take` stands; the log keeps what it has not taken, under the name `consumer`.

        `linger_s` is a pause after a small batch, so that a trickle of events costs a transaction now and then, not one
        an event.
        """
        self._log = log
        self._topic, self._decode = topic, decode
        self._consumer = consumer
        self._take = take
        self._positions = positions
        self._linger_s = linger_s
        self._stopping = threading.Event()
        self._reader: LogReader | None = None
        self._thread = threading.Thread(target=self._run, name=consumer, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when the batch in hand is taken."""
        self._stopping.set()
        if reader := self._reader:
            reader.wake()
        if self._thread.ident is not None:
            self._thread.join()

    def step(self, reader: LogReader, *, timeout_s: float = 0.0) -> int:
        """Hand on the next records, waiting up to `timeout_s` for some; return how many there were."""
        slices = reader.poll(max_records=_BATCH, timeout_s=timeout_s)
        if not slices:
            return 0
        records = (
            (self._decode(record), Place(one.partition, offset))
            for one in slices
            for offset, record in enumerate(one.records, one.first)
        )
        self._take(records, reader.position())
        reader.commit()
        return sum(len(one.records) for one in slices)

    def open_reader(self) -> LogReader:
        """Return a reader that stands where `take` stands."""
        return self._log.reader(self._topic, consumer=self._consumer, start=self._positions())

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self.open_reader() as reader:
                    self._reader = reader
                    while not self._stopping.is_set():
                        if self.step(reader, timeout_s=1.0) < _BATCH and self._linger_s:
                            self._stopping.wait(self._linger_s)
            except Exception:  # noqa: BLE001 - the outermost loop of a worker: the events wait in the log
                _log.exception("%s stopped and starts again in %g s", self._consumer, _PAUSE_S)
                self._stopping.wait(_PAUSE_S)
            finally:
                self._reader = None


class EventFeed(Feed[EventRecord]):
    """Feeds `take` with the clean events."""

    def __init__(
        self,
        log: EventLog,
        consumer: str,
        take: Take[EventRecord],
        *,
        positions: Callable[[], Mapping[int, int]],
        linger_s: float = 0.0,
    ) -> None:
        """As `Feed`, of the topic `events`."""
        super().__init__(log, consumer, take, topic=EVENTS, decode=decode_event, positions=positions, linger_s=linger_s)
