"""Moves events from the log into a warehouse, in loads, for as long as it runs.

The position that counts stands in the warehouse, where it was committed with the rows; the log's own cursor is told
afterwards, so that retention knows what is no longer needed. A load that fails is tried again, with fewer events and
after a growing pause, for ever: no event is left out to get on.
"""

import contextlib
import gc
import logging
import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from typing import Literal

import msgspec
from msgspec import Struct

from trackway.events.records import EVENTS
from trackway.log import consumers
from trackway.log.contract import EventLog, LogReader, Slice
from trackway.warehouse.contract import LoadReport, Warehouse, WarehouseError
from trackway.warehouse.memory import give_back
from trackway.warehouse.waiting import Waiting
from trackway.workspace.model import Warehouse as Settings

State = Literal["starting", "idle", "loading", "failing", "stopped"]

_LOAD_BYTES = 48 << 20
"""Bytes of events taken into one load at the most, when many wait: what a load costs for each table and each commit is
shared by its events. A load needs twice as much memory for a moment."""
_POLL_BYTES = 8 << 20
_IDLE_S = 0.25
"""How long a stop may wait for an idle loader."""
_REST, _LONGEST_REST_S = 3.0, 30.0
"""Between loads of few events, times what the last one took: loading takes a quarter of the time at the most."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0

logger = logging.getLogger(__name__)


class LoaderStatus(Struct, frozen=True, kw_only=True):
    """How a loader does; counts are since its start."""

    name: str
    state: State = "starting"
    events: int = 0
    """Events taken from the log and committed."""
    left_out: int = 0
    unreadable: int = 0
    missed: int = 0
    """Events that the log had deleted before they were loaded: somebody forgot this consumer."""
    rows: dict[str, int] = {}
    """Rows written, by `schema.table`."""
    columns_added: int = 0
    columns_widened: int = 0
    loads: int = 0
    last_load: LoadReport | None = None
    positions: dict[int, int] = {}
    """The next offset to load, by partition."""
    lag: int = 0
    """Events in the log that are not loaded yet."""
    error: str | None = None
    """Why the last attempt failed; None once one succeeded."""
    error_at: datetime | None = None
    failures: int = 0
    """Failed attempts in a row."""
    next_at: datetime | None = None
    """When the next load begins, also after a failure; None while nothing waits, or one is under way."""


class WarehouseLoader:
    """Keeps `warehouse` up with topic `events` of `log`, on a thread of its own.

    A load takes at most `settings.rows` events and begins at the latest `settings.load_every` seconds after the first
    of them was seen.
    """

    def __init__(
        self,
        name: str,
        warehouse: Warehouse,
        log: EventLog,
        settings: Settings,
        on_load: Callable[[LoadReport, float], None] | None = None,
    ) -> None:
        """Take the warehouse and what it is loaded from.

        `on_load` hears of each load, and how many seconds the oldest event of it had waited.
        """
        self._on_load = on_load
        self._name = name
        self._warehouse = warehouse
        self._log = log
        self._rows = settings.rows
        self._most_rows = settings.rows
        self._kept_memory = False
        """Whether memory of loads may be kept for the next one."""
        self._load_every_s = float(settings.load_every)
        self._stopping = Event()
        self._lock = Lock()
        self._status = LoaderStatus(name=name)
        self._thread = Thread(target=self._run, name=self.consumer, daemon=True)

    @property
    def consumer(self) -> str:
        """The name under which the log knows the loader."""
        return consumers.warehouse(self._name)

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the thread and return True once it has; a load that takes longer is taken back and done after a restart.

        Returns within `timeout_s`. The warehouse stays open: its owner closes it.
        """
        self._stopping.set()
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s * 0.75)
        if self._thread.is_alive():
            self._warehouse.interrupt()
            self._thread.join(timeout_s * 0.25)
        return not self._thread.is_alive()

    def status(self) -> LoaderStatus:
        """Return how it does now."""
        with self._lock:
            status = self._status
        heads = self._log.heads(EVENTS)
        lag = sum(max(0, head - status.positions.get(partition, 0)) for partition, head in heads.items())
        return msgspec.structs.replace(status, lag=lag)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._open() as reader:
                    while not self._stopping.is_set():
                        self._load_next(reader)
            except Exception as error:  # noqa: BLE001 the outermost loop of a worker
                if not self._stopping.is_set():
                    self._stopping.wait(self._note_failure(error))
        self._note(state="stopped")

    def _open(self) -> LogReader:
        positions = self._warehouse.positions(EVENTS)
        heads = self._log.heads(EVENTS)
        for partition, offset in positions.items():
            if offset > heads.get(partition, 0):
                raise WarehouseError(
                    f"the warehouse {self._name} has loaded partition {partition} up to offset {offset}, but the log "
                    f"ends at {heads.get(partition, 0)}: this is not the log it was loaded from. Bring that log back, "
                    "or give the warehouse a new file"
                )
        self._note(positions=positions)
        return self._log.reader(EVENTS, consumer=self.consumer, start=positions)

    def _load_next(self, reader: LogReader) -> None:
        before = self._status.positions
        with _uncollected():
            taken = self._gather(reader)
            if not taken.records or self._stopping.is_set():
                return
            self._note(state="loading", next_at=None)
            report = self._warehouse.load(taken.records, EVENTS, taken.positions)
        self._note_load(report, before | taken.positions, missed=taken.missed)
        self._kept_memory = True
        self._rows = min(self._most_rows, self._rows + self._rows // 8 + 1)
        reader.commit(self._status.positions)
        self._tell(report, taken.records.oldest_ms or 0)

    def _tell(self, report: LoadReport, oldest_ms: int) -> None:
        if self._on_load is None:
            return
        try:
            self._on_load(report, max(0.0, time.time() - oldest_ms / 1000))
        except Exception:
            logger.exception("the report of a load into %s is lost", self._name)

    def _gather(self, reader: LogReader) -> "_Taken":
        """Wait for events and return what makes up the next load; nothing when there is none for a while."""
        taken = _Taken(self._status.positions)
        first = reader.poll(max_records=self._rows, max_bytes=_POLL_BYTES, timeout_s=_IDLE_S)
        if not first:
            self._note_idle()
            return taken
        taken.add(first)
        self._fill(taken, reader)
        # Nothing is read meanwhile: the events wait as well in the log, and reading them one by one costs more.
        linger = linger_s(self._load_every_s, self._status.last_load)
        if self._has_room(taken):
            self._note(next_at=datetime.now(UTC) + timedelta(seconds=linger))
            if not self._stopping.wait(linger):
                self._fill(taken, reader)
        return taken

    def _fill(self, taken: "_Taken", reader: LogReader) -> None:
        """Take what there is, as far as a load has room for it."""
        while self._has_room(taken) and not self._stopping.is_set():
            more = reader.poll(
                max_records=self._rows - len(taken.records),
                max_bytes=min(_POLL_BYTES, _LOAD_BYTES - taken.records.size_bytes),
            )
            if not more:
                return
            taken.add(more)

    def _has_room(self, taken: "_Taken") -> bool:
        return len(taken.records) < self._rows and taken.records.size_bytes < _LOAD_BYTES

    def _note(self, **changes: object) -> None:
        with self._lock:
            self._status = msgspec.structs.replace(self._status, **changes)

    def _note_idle(self) -> None:
        if self._kept_memory:
            self._kept_memory = False
            give_back()
        if self._status.state != "idle":
            self._note(state="idle", error=None, error_at=None, failures=0, next_at=None)

    def _note_load(self, report: LoadReport, positions: dict[int, int], *, missed: int) -> None:
        status = self._status
        rows = dict(status.rows)
        for table, count in report.rows.items():
            rows[table] = rows.get(table, 0) + count
        self._note(
            state="idle",
            events=status.events + report.events,
            left_out=status.left_out + report.left_out,
            unreadable=status.unreadable + report.unreadable,
            missed=status.missed + missed,
            rows=rows,
            columns_added=status.columns_added + len(report.columns_added),
            columns_widened=status.columns_widened + len(report.columns_widened),
            loads=status.loads + 1,
            last_load=report,
            positions=positions,
            error=None,
            error_at=None,
            failures=0,
        )

    def _note_failure(self, error: Exception) -> float:
        """Make the failure visible and return the seconds to pause."""
        failures = self._status.failures + 1
        # Half as many may succeed where all together need too much memory.
        self._rows = max(1, self._rows // 2)
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(failures - 1, 10))
        now = datetime.now(UTC)
        next_at = now + timedelta(seconds=pause_s)
        self._note(state="failing", error=str(error), error_at=now, failures=failures, next_at=next_at)
        logger.warning("loading into warehouse %s failed, next try in %.1f s: %s", self._name, pause_s, error)
        return pause_s


@contextlib.contextmanager
def _uncollected() -> Generator[None]:
    """Keep the cyclic collector from looking, again and again, at tens of thousands of records that have no cycles."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def linger_s(load_every_s: float, last: LoadReport | None) -> float:
    """Return how long events are gathered: a load that has to touch hundreds of tables is not made every moment."""
    rest_s = min(_LONGEST_REST_S, _REST * last.duration_s) if last else 0.0
    return max(load_every_s, rest_s)


class _Taken:
    """Events taken from the log for one load."""

    def __init__(self, before: Mapping[int, int]) -> None:
        """Begin with nothing; `before` is what was loaded, by partition."""
        self.records = Waiting()
        self.positions: dict[int, int] = {}
        """The next offset to load, by partition that events were taken from."""
        self.missed = 0
        """Records that are missing in the log since what was loaded, in partitions that were loaded before."""
        self._expected = dict(before)

    def add(self, slices: list[Slice]) -> None:
        """Take the records of `slices`, which follow on those before."""
        for part in slices:
            self.records.add(part.records)
            self.missed += part.first - self._expected.get(part.partition, part.first)
            self._expected[part.partition] = self.positions[part.partition] = part.next
