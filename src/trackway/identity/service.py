"""The thread that keeps the identity ledger up with the events."""

import logging
import threading

from trackway.events.records import EVENTS, Place, decode_event
from trackway.identity.evidence import evidence_of
from trackway.identity.ledger import IdentityLedger
from trackway.log import consumers
from trackway.log.contract import EventLog, LogReader

_BATCH = 5_000
_PAUSE_S = 5.0
_log = logging.getLogger(__name__)


class IdentityService:
    """Feeds `ledger` from topic `events` of `log`, all of it that is kept, on a thread of its own."""

    def __init__(self, ledger: IdentityLedger, log: EventLog) -> None:
        self._ledger = ledger
        self._log = log
        self._stopping = threading.Event()
        self._reader: LogReader | None = None
        self._thread = threading.Thread(target=self._run, name=consumers.IDENTITY, daemon=True)

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
        """Enter what the next events say, waiting up to `timeout_s` for some; return how many there were."""
        slices = reader.poll(max_records=_BATCH, timeout_s=timeout_s)
        if not slices:
            return 0
        found = (
            evidence_of(decode_event(record), Place(one.partition, offset))
            for one in slices
            for offset, record in enumerate(one.records, one.first)
        )
        self._ledger.take([one for one in found if one is not None], reader.position())
        reader.commit()
        return sum(len(one.records) for one in slices)

    def open_reader(self) -> LogReader:
        """Return a reader that stands where the ledger stands."""
        return self._log.reader(EVENTS, consumer=consumers.IDENTITY, start=self._ledger.positions())

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self.open_reader() as reader:
                    self._reader = reader
                    while not self._stopping.is_set():
                        self.step(reader, timeout_s=1.0)
            except Exception:  # noqa: BLE001 - the outermost loop of a worker: the events wait in the log
                _log.exception("the identity ledger stopped and starts again in %g s", _PAUSE_S)
                self._stopping.wait(_PAUSE_S)
            finally:
                self._reader = None
