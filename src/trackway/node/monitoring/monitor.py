"""Takes samples of the product's totals, and says how everything stands."""

import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from trackway.delivery.ledger import destination_counts
from trackway.delivery.slots import DestinationStatus
from trackway.errors import TrackwayError
from trackway.events import canary
from trackway.events.records import EVENTS
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.node.monitoring import samples, series
from trackway.node.monitoring.samples import DestinationTotals, SourceTotals, Totals
from trackway.node.monitoring.series import History, since
from trackway.pipeline.tallies import MARK, add_up
from trackway.workspace.model import Workspace

EVERY_S = 10.0
RECENT_S = 900
"""What `recent` in the names below means."""
GROWTH_S = 86_400
_DAY_S = 86_400
_LEAST_GROWTH_S = 3600
"""A shorter time says nothing about how fast the disk fills."""
_log = logging.getLogger(__name__)


class SourceHealth(Struct, kw_only=True):
    """How one source stands."""

    source: str
    rate: float
    """Events a second, lately."""
    events: int
    """In the recent time; so are the next two."""
    quarantined: int
    dropped: int


class DestinationHealth(Struct, kw_only=True):
    """How one destination stands."""

    destination: str
    lag_s: float
    """Age of the oldest event that it has not passed; 0 when there is none."""
    pending: int
    retrying: int
    rate: float
    """Events delivered a second, lately."""
    requests: int
    """In the recent time; so are the next two."""
    errors: int
    failed: int


class DiskHealth(Struct, kw_only=True):
    """How the disk stands."""

    data_bytes: int
    free_bytes: int
    floor_bytes: int
    """With less free than this no events are taken."""
    growth_bytes_per_day: float | None
    """None while too little is known."""
    days_left: float | None
    """None while nothing grows, or too little is known."""


class Health(Struct, kw_only=True):
    """How everything stands."""

    at_ms: int
    recent_s: int
    """How long the recent time is: shorter while the product is young."""
    sources: list[SourceHealth]
    destinations: list[DestinationHealth]
    disk: DiskHealth


class Monitor:
    """Keeps the totals over time, and answers the console. Its methods may block; any thread may use them."""

    def __init__(
        self,
        workspace: Workspace,
        clean: EventLog,
        engine: Engine,
        delivering: Callable[[], Sequence[DestinationStatus]],
    ) -> None:
        """`delivering` tells what is going on at each destination."""
        self.workspace = workspace
        """The settings in force; they change while the product runs."""
        self._clean, self._engine = clean, engine
        self._delivering = delivering
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def start(self) -> None:
        """Begin to take samples."""
        self._thread.start()

    def stop(self) -> None:
        """End what `start` began."""
        self._stopping.set()
        self._thread.join()

    def history(self, name: str) -> History:
        """Return everything over the span `name`, such as `24h`.

        Raises:
            KeyError: there is no such span.
        """
        return series.history(self._engine, name, _now_ms())

    def health(self) -> Health:
        """Return how everything stands at the moment."""
        now_ms, now = _now_ms(), self.totals()
        recent = samples.read(self._engine, 10, now_ms - RECENT_S * 1000, now_ms)
        before = recent[0] if recent else None
        seconds = max(0.001, (now_ms - before.at_ms) / 1000) if before else 0.0
        lately = [one for one in recent if one.at_ms >= now_ms - 65_000] or recent[-1:]
        last = lately[0] if lately else None
        last_s = max(0.001, (now_ms - last.at_ms) / 1000) if last else 0.0
        past, newest = before.totals if before else now, last.totals if last else now
        return Health(
            at_ms=now_ms,
            recent_s=round(seconds),
            sources=[_source(key, one, past, newest, last_s) for key, one in now.sources.items()],
            destinations=[_destination(key, one, past, newest, last_s) for key, one in now.destinations.items()],
            disk=self._disk(now, now_ms),
        )

    def disk(self) -> DiskHealth:
        """Return how the disk stands at the moment."""
        return self._disk(self.totals(), _now_ms())

    def totals(self) -> Totals:
        """Return the totals of this moment."""
        tallies = add_up(list(self._clean.marks(MARK).values()))
        lags = self._lags_s()
        standing = {one.destination: one for one in self._delivering()}
        destinations: dict[str, DestinationTotals] = {}
        for counts in destination_counts(self._engine, self._clean):
            if (settings := self.workspace.destinations.get(counts.destination)) is None or not settings.enabled:
                continue
            status = standing.get(counts.destination)
            destinations[counts.destination] = DestinationTotals(
                delivered=counts.delivered,
                discarded=sum(counts.discarded.values()),
                failed=sum(counts.failed.values()),
                requests=status.requests if status else 0,
                errors=status.errors if status else 0,
                pending=counts.pending,
                retrying=counts.retrying,
                lag_s=lags.get(counts.destination, 0.0),
            )
        return Totals(
            sources={
                name: SourceTotals(tally.events, sum(tally.quarantine.values()), sum(tally.dropped.values()))
                for name, tally in sorted(tallies.items())
                if name != canary.SOURCE
                if name != canary.SOURCE
            },
            destinations=destinations,
            data_bytes=_size(self.workspace.data),
            free_bytes=shutil.disk_usage(self.workspace.data).free,
        )

    def _lags_s(self) -> dict[str, float]:
        """Return for each destination how old the oldest event is that it has not passed."""
        told, heads, now_ms = self._clean.consumers(EVENTS), self._clean.heads(EVENTS), _now_ms()
        lags: dict[str, float] = {}
        for key in self.workspace.destinations:
            position = told.get(consumers.destination(key))
            if position is None:
                continue
            behind = [at for at, head in heads.items() if head > position.get(at, 0)]
            oldest = [time_ms for at in behind if (time_ms := self._time_ms(at, position.get(at, 0))) is not None]
            lags[key] = max(0.0, (now_ms - min(oldest)) / 1000) if oldest else 0.0
        return lags

    def _time_ms(self, partition: int, offset: int) -> int | None:
        for got in self._clean.read(EVENTS, partition, offset):
            return got.time_ms
        return None

    def _disk(self, now: Totals, now_ms: int) -> DiskHealth:
        past = samples.read(self._engine, 60, now_ms - GROWTH_S * 1000, now_ms)
        floor = int(self.workspace.log.floor)
        growth: float | None = None
        if past and (elapsed_s := (now_ms - past[0].at_ms) / 1000) >= _LEAST_GROWTH_S:
            growth = (now.data_bytes - past[0].totals.data_bytes) / elapsed_s * _DAY_S
        left = max(0, now.free_bytes - floor) / growth if growth is not None and growth > 0 else None
        return DiskHealth(
            data_bytes=now.data_bytes,
            free_bytes=now.free_bytes,
            floor_bytes=floor,
            growth_bytes_per_day=growth,
            days_left=left,
        )

    def _run(self) -> None:
        while True:
            try:
                samples.keep(self._engine, self.totals(), _now_ms())
            except (TrackwayError, SQLAlchemyError, sqlite3.Error, OSError):
                _log.exception("the totals cannot be kept; trying again")
            if self._stopping.wait(EVERY_S - time.time() % EVERY_S):
                return


def _source(key: str, now: SourceTotals, past: Totals, newest: Totals, last_s: float) -> SourceHealth:
    before, last = past.sources.get(key, SourceTotals()), newest.sources.get(key, SourceTotals())
    return SourceHealth(
        source=key,
        rate=max(0, now.events - last.events) / last_s if last_s else 0.0,
        events=max(0, now.events - before.events),
        quarantined=max(0, now.quarantined - before.quarantined),
        dropped=max(0, now.dropped - before.dropped),
    )


def _destination(key: str, now: DestinationTotals, past: Totals, newest: Totals, last_s: float) -> DestinationHealth:
    before, last = past.destinations.get(key, DestinationTotals()), newest.destinations.get(key, DestinationTotals())
    return DestinationHealth(
        destination=key,
        lag_s=now.lag_s,
        pending=now.pending,
        retrying=now.retrying,
        rate=max(0, now.delivered - last.delivered) / last_s if last_s else 0.0,
        requests=since(before.requests, now.requests),
        errors=since(before.errors, now.errors),
        failed=max(0, now.failed - before.failed),
    )


def _size(folder: Path) -> int:
    """Return the bytes of all files in a folder and below; those that go meanwhile count nothing."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_size
            except OSError:
                continue
    return total


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
