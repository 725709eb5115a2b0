"""The counts at the top of the console: what became of each source's calls, and of each destination's events."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from trackway.console.contract import Accounts, ConsumerLag, DestinationCounts, SourceCounts

logger = logging.getLogger(__name__)

WINDOW_S = 60
PERIOD_S = 1.0


class SourceView(Struct, kw_only=True):
    """One source's counts since the log began, and its clean events of the last minute."""

    source: str
    events: int
    quarantine: dict[str, int]
    dropped: dict[str, int]
    per_second: list[int]
    """Events in each of the last seconds, oldest first; shorter than a minute while the console is young."""


class DestinationView(Struct, kw_only=True):
    """One destination's ledger."""

    destination: str
    accepted: int
    delivered: int
    discarded: dict[str, int]
    failed: dict[str, int]
    retrying: int
    pending: int


class ConsumerView(Struct, kw_only=True):
    """Records that one consumer has still to read."""

    consumer: str
    topic: str
    lag: int


class OverviewView(Struct, kw_only=True):
    """All of it."""

    sources: list[SourceView]
    destinations: list[DestinationView]
    consumers: list[ConsumerView]


class Rates:
    """Remembers a minute of each source's counts, one sample a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, int] = {}
        self._last_at: float | None = None
        self._seconds: deque[dict[str, int]] = deque(maxlen=WINDOW_S)

    def sample(self, counts: Mapping[str, int]) -> None:
        """Note how many events each source has had by now."""
        now = self._clock()
        if self._last_at is not None:
            new = {source: max(0, count - self._last.get(source, 0)) for source, count in counts.items()}
            # A late sample stands for several seconds: its events are spread over them.
            seconds = min(WINDOW_S, max(1, round((now - self._last_at) / PERIOD_S)))
            for i in range(seconds):
                self._seconds.append({source: _share(count, seconds, i) for source, count in new.items()})
        self._last, self._last_at = dict(counts), now

    def per_second(self, source: str) -> list[int]:
        """Return the source's events in each of the last seconds, oldest first."""
        return [second.get(source, 0) for second in self._seconds]


def _share(count: int, parts: int, i: int) -> int:
    return count * (i + 1) // parts - count * i // parts


class Overview:
    """Keeps the overview fresh: sources are sampled every second, the rest only while somebody watches."""

    def __init__(self, accounts: Accounts, watched: Callable[[], bool], changed: Callable[[], None]) -> None:
        self._accounts = accounts
        self._watched = watched
        self._changed = changed
        self._rates = Rates()
        self.version = 0
        """Grows whenever `latest` changes."""
        self.latest = b""
        """The last overview as JSON, not older than a second; `b""` while nobody watches."""

    @contextlib.asynccontextmanager
    async def sampling(self) -> AsyncGenerator[None]:
        """Keep the overview fresh for as long as the block runs."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def current(self) -> bytes:
        """Return the overview of this moment, as JSON."""
        return await asyncio.to_thread(self._compose_all)

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self._tick()
            except Exception:  # whatever it was: the task is the only one, and the next second may be better
                logger.exception("the counts for the console could not be read; trying again")
            await asyncio.sleep(max(0.1, PERIOD_S - (time.monotonic() - began)))

    async def _tick(self) -> None:
        sources = await asyncio.to_thread(self._accounts.sources)
        self._rates.sample({counts.source: counts.events for counts in sources})
        if not self._watched():
            self.latest = b""
            return
        latest = await asyncio.to_thread(self._compose, sources)
        if latest != self.latest:
            self.latest = latest
            self.version += 1
            self._changed()

    def _compose_all(self) -> bytes:
        return self._compose(self._accounts.sources())

    def _compose(self, sources: Sequence[SourceCounts]) -> bytes:
        return msgspec.json.encode(
            OverviewView(
                sources=[self._source(counts) for counts in sources],
                destinations=[_destination(counts) for counts in self._accounts.destinations()],
                consumers=[_consumer(lag) for lag in self._accounts.consumers()],
            )
        )

    def _source(self, counts: SourceCounts) -> SourceView:
        return SourceView(
            source=counts.source,
            events=counts.events,
            quarantine=dict(counts.quarantine),
            dropped=dict(counts.dropped),
            per_second=self._rates.per_second(counts.source),
        )


def _destination(counts: DestinationCounts) -> DestinationView:
    return DestinationView(
        destination=counts.destination,
        accepted=counts.accepted,
        delivered=counts.delivered,
        discarded=dict(counts.discarded),
        failed=dict(counts.failed),
        retrying=counts.retrying,
        pending=counts.pending,
    )


def _consumer(lag: ConsumerLag) -> ConsumerView:
    return ConsumerView(consumer=lag.consumer, topic=lag.topic, lag=lag.lag)
