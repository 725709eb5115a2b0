"""The thread that keeps the catalogue up with the events."""

import logging
import threading

from trackway.catalogue.store import Catalogue
from trackway.events.records import EVENTS, Place, decode_event
from trackway.log import consumers
from trackway.log.contract import EventLog, LogReader

_BATCH = 5_000
_LINGER_S = 1.0
"""A pause after a small batch, so that a trickle of events costs one commit a second and not one an event."""
_PAUSE_S = 5.0
_log = logging.getLogger(__name__)


class CatalogueService:
    """Feeds `catalogue` from topic `events` of `log`, all of it that is kept, on a thread of its own."""

    def __init__(self, catalogue: Catalogue, log: EventLog) -> None:
        self._catalogue = catalogue
        self._log = log
        self._stopping = threading.Event()
        self._reader: LogReader | None = None
        self._thread = threading.Thread(target=self._run, name=consumers.CATALOGUE, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when the batch in hand is entered."""
        self._stopping.set()
        if reader := self._reader:
            reader.wake()
        if self._thread.ident is not None:
            self._thread.join()

    def step(self, reader: LogReader, *, timeout_s: float = 0.0) -> int:
        """Enter the next events, waiting up to `timeout_s` for some; return how many there were."""
        slices = reader.poll(max_records=_BATCH, timeout_s=timeout_s)
        if not slices:
            return 0
        events = (
            (decode_event(record), Place(one.partition, offset))
            for one in slices
            for offset, record in enumerate(one.records, one.first)
        )
        self._catalogue.take(events, reader.position())
        reader.commit()
        return sum(len(one.records) for one in slices)

    def open_reader(self) -> LogReader:
        """Return a reader that stands where the catalogue stands."""
        return self._log.reader(EVENTS, consumer=consumers.CATALOGUE, start=self._catalogue.positions())

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self.open_reader() as reader:
                    self._reader = reader
                    while not self._stopping.is_set():
                        if self.step(reader, timeout_s=1.0) < _BATCH:
                            self._stopping.wait(_LINGER_S)
            except Exception:  # noqa: BLE001 - the outermost loop of a worker: the events wait in the log
                _log.exception("the catalogue stopped and starts again in %g s", _PAUSE_S)
                self._stopping.wait(_PAUSE_S)
            finally:
                self._reader = None
