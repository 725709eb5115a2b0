"""One destination's delivery: reads the log, sends, judges, and keeps the books.

An outage stops the cursor and nothing else: the log is the queue. Events of one person stay in order through all of it,
but for those that are parked. What becomes of an event when its request fails is in `settling`.
"""

import asyncio
import contextlib
from concurrent.futures import Executor, ThreadPoolExecutor

from msgspec import Struct

from trackway.delivery.backlog import Backlog
from trackway.delivery.books import Books
from trackway.delivery.breaker import Backoff, Breaker, Stopped
from trackway.delivery.clock import Clock, SystemClock
from trackway.delivery.commits import Commits
from trackway.delivery.deletion.deleted import DELETED, Deleted
from trackway.delivery.filters import Filter
from trackway.delivery.intake import Intake
from trackway.delivery.items import Batch, End, Item, Verdict, Window
from trackway.delivery.kept_secrets import KeptSecrets
from trackway.delivery.metrics import Meter
from trackway.delivery.overflow import Overflow, Share
from trackway.delivery.parked import ParkedEvents
from trackway.delivery.redact import Redactor
from trackway.delivery.sender import Sender
from trackway.delivery.settling import Settling, fails_alone
from trackway.delivery.shared import Decode, decode_alone
from trackway.delivery.store import Attempt, Store
from trackway.delivery.transport import Transport
from trackway.destinations import kit
from trackway.destinations.destination import Destination
from trackway.log import consumers
from trackway.log.contract import EventLog

READ_RECORDS = 500
READ_WAIT_S = 1.0
KEPT = 500
"""Events in memory of a person whose others are deferred, more where one request needs it."""
READER_COMMIT_S = 1.0
"""How often the log is told what may be deleted."""


class Options(Struct, frozen=True, kw_only=True):
    """How patient a worker is, and how much it holds."""

    backoff: Backoff = Backoff()
    parking: Backoff = Backoff(base_s=10, cap_s=3600)
    """For parked events; tries before the parking count too."""
    probing: Backoff = Backoff(base_s=30, cap_s=600)
    """Between tries whether refused credentials are taken again."""
    park_after: int = 5
    """Tries that an event fails, while others succeed, before it is known to fail alone."""
    breaker_threshold: int = 5
    window_events: int = 10_000
    """Events above the cursor at the most, more where one round of full batches needs it.

    When there is no room, a person with more than a tenth of it gives way: see `overflow`.
    """
    window_bytes: int = 16 << 20
    """Memory that those of them take at the most, about, that have not been delivered."""
    look_again_s: float = 1.0
    """How often it is looked, while there is no room, whether some persons leave the others none."""
    deferred_events: int = 250_000
    """Events that give way at the most; each is a row of the state database."""


PATIENT = Options()
"""The ordinary patience: seconds at first, minutes in an outage."""


class Status(Struct, kw_only=True):
    """What a worker is doing now."""

    breaker: str
    """`closed`, `open` or `half_open`."""
    reason: str
    """Of the trouble, when the breaker is not closed."""
    detail: str = ""
    """What more is known of it, for people; free of secrets."""
    refused: bool
    """True while events wait because the destination refuses the credentials, or its address is not allowed: somebody
    has to correct the settings."""
    opens_in_s: float
    cursor: dict[int, int]
    """The next offset by partition."""
    waiting: int
    """Events that have been read and have not ended."""


class DestinationWorker:
    """Delivers the events log to one destination, from where it stopped before."""

    def __init__(
        self,
        key: str,
        destination: Destination,
        filter_: Filter,
        log: EventLog,
        store: Store,
        transport: Transport,
        *,
        state: Executor,
        commits: Commits | None = None,
        clock: Clock | None = None,
        options: Options = PATIENT,
        intake: Intake | None = None,
        decode: Decode = decode_alone,
        meter: Meter | None = None,
    ) -> None:
        """`key` names the destination in the workspace; `state` runs what asks or changes `store`.

        `commits` joins its transactions with those of others, `decode` its reading; default: it is alone. `meter`
        counts its requests. `intake` is where events come from; default: the log, from where the destination stands in
        it.
        """
        self._key = key
        self._clock = clock = clock or SystemClock()
        self._options = options
        self._store = store
        self._state = state
        self._deleted = Deleted(store.engine, key.partition("#")[0])  # a replay's own key has its number
        self._replays = intake is not None
        self._limits = limits = destination.limits
        self._reader = ThreadPoolExecutor(1, thread_name_prefix=f"destination-{key}")
        self._intake = intake or Intake(
            log, consumers.destination(key), destination, filter_, decode=decode, deleted=Deleted(store.engine, key)
        )
        self._window = Window()
        self._capacity = max(options.window_events, 2 * limits.events * limits.concurrency)
        self._backlog = Backlog(limits, clock)
        self._breaker = Breaker(clock, options.backoff, threshold=options.breaker_threshold, probing=options.probing)
        self._books = Books(store, self._window, commits or Commits(store.engine, state), clock, options.parking)
        self._redactor = Redactor(destination.secrets())
        kept = KeptSecrets.of(destination, store.engine, key.partition("#")[0], self._redactor.add)
        self._kept = kept
        self._sender = Sender(
            destination,
            transport,
            clock,
            self._redactor,
            self._record,
            lambda item: fails_alone(item, self._breaker, options.park_after),
            self._keep,
        )
        self._parked = ParkedEvents(
            store,
            self._books,
            self._backlog,
            self._intake,
            clock,
            most=max(1, limits.concurrency // 2),
            state=state,
            reader=self._reader,
        )
        share = self._capacity // 10
        self._overflow = Overflow(
            store,
            self._books,
            self._backlog,
            self._intake,
            self._window,
            share=Share(
                events=share,
                bytes=options.window_bytes // 10,
                kept=max(1, min(share // 2, max(KEPT, limits.events))),
                most=options.deferred_events,
            ),
            alone=limits.events == 1,
            state=state,
            reader=self._reader,
        )
        self._settling = Settling(
            key,
            self._breaker,
            self._window,
            self._backlog,
            self._overflow,
            self._books,
            self._sender,
            self._redactor,
            backoff=options.backoff,
            park_after=options.park_after,
        )
        self._crowded_s = 0.0
        """When it may be looked again who has more than a share."""
        self._senders: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()
        self._meter = meter or Meter()
        self._started = False
        self._stopping = False

    async def run(self) -> None:
        """Deliver until `stop`, or until something breaks: then another worker may take over where this one stood."""
        self._started = True
        try:
            await self._open()
            async with asyncio.TaskGroup() as tasks:
                self._senders = [tasks.create_task(self._send()) for _ in range(self._limits.concurrency)]
                tasks.create_task(self._feed())
                tasks.create_task(self._parked.run())
                tasks.create_task(self._overflow.run())
                tasks.create_task(self._books.run())
        finally:
            self._intake.wake()
            self._reader.submit(self._intake.close)
            self._reader.shutdown(wait=False)
            self._backlog.clear()
            self._ended.set()

    async def stop(self, *, grace_s: float = 2.0) -> None:
        """Send nothing more, give requests under way `grace_s` to end, and commit what is known.

        What was cut off has no end: the next start sends it again.
        """
        self._stopping = True
        self._intake.wake()
        for part in (self._backlog, self._breaker, self._parked, self._overflow):
            part.stop()
        if self._senders:
            _, late = await asyncio.wait(self._senders, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.wait(self._senders)
        self._books.stop()
        if self._started:
            await self._ended.wait()

    def try_parked(self) -> None:
        """Look at once for parked events that are due."""
        self._books.parked.set()

    def status(self) -> Status:
        """Return what the worker is doing now."""
        return Status(
            breaker=self._breaker.state,
            reason=self._breaker.reason,
            detail=self._redactor.text(self._breaker.detail),
            refused=self._breaker.refuses,
            opens_in_s=self._breaker.opens_in_s,
            cursor=dict(self._books.committed),
            waiting=self._window.count + self._overflow.live,
        )

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        beginning = await loop.run_in_executor(self._reader, self._intake.beginning)
        standing = await loop.run_in_executor(self._state, self._store.open, beginning, self._clock.now_ms())
        for partition, offsets in standing.claims:
            self._backlog.expect(partition, offsets)
        self._books.committed = dict(standing.cursors)
        self._overflow.open(standing.deferred)
        holes = await loop.run_in_executor(self._reader, self._intake.open, standing.cursors, standing.delivered)
        self._take_in(holes)

    async def _feed(self) -> None:
        """Read ahead of the cursor, as far as the window goes."""
        loop = asyncio.get_running_loop()
        committed_s = self._clock.monotonic()
        while not self._stopping:
            self._books.room.clear()
            if self._is_full():
                self._relieve()
                await self._clock.wait(self._books.room, READER_COMMIT_S)
            else:
                items = await loop.run_in_executor(self._reader, self._intake.read, READ_RECORDS, READ_WAIT_S)
                self._take_in(items)
            if self._clock.monotonic() - committed_s >= READER_COMMIT_S:
                committed_s = self._clock.monotonic()
                position = dict(self._books.committed)
                if self._overflow.count:
                    position = await loop.run_in_executor(self._state, self._store.held_from, position)
                await loop.run_in_executor(self._reader, self._intake.commit, position)

    def _take_in(self, items: list[Item]) -> None:
        self._overflow.divert(items)
        self._window.add(items)
        self._backlog.add(items)
        if any(item.end is not None or item.passing for item in items):
            self._books.ended()

    def _is_full(self) -> bool:
        # A batch from before a restart must come together whole, whatever the window was then.
        full = (
            self._window.count + self._overflow.live >= self._capacity
            or self._window.size >= self._options.window_bytes
            or self._overflow.is_full
            or (self._overflow.count >= self._capacity and self._breaker.state != "closed")
        )
        return full and not self._backlog.expecting

    def _relieve(self) -> None:
        """Let the cursor pass what keeps others from being read; not in an outage, which keeps everybody."""
        now_s = self._clock.monotonic()
        if self._replays or self._overflow.is_full or not self._breaker.calm or now_s < self._crowded_s:
            return
        if not self._overflow.relieve():  # nearly always: they are many, and just slower than the log
            self._crowded_s = now_s + self._options.look_again_s

    async def _send(self) -> None:
        """Send batch after batch, one at a time."""
        with contextlib.suppress(Stopped):
            while True:
                batch = self._backlog.ready() or await self._backlog.take()
                # A single event is the same request at any time; where several go together, it is kept which.
                if self._limits.events > 1 and not (batch.claimed or batch.parked):
                    await self._books.claim(batch)
                    batch.claimed = True
                if self._stopping or self._breaker.state != "closed":
                    await self._breaker.admit()
                # A deletion waits for what is on its way in its turn; not for these, which may have waited for days.
                if batch.parked or self._replays:
                    if not await self._leave_out_deleted(batch):
                        self._breaker.not_sent()
                        continue
                    verdicts = await self._sender.send_late(batch.items)
                else:
                    verdicts = await self._sender.send(batch.items, first=batch.tries == 0)
                if batch.parked:
                    self._settling.parked(batch, verdicts[0] if verdicts else Verdict(kit.Delivered()))
                elif verdicts is None:
                    self._settling.delivered(batch)
                else:
                    self._settling.settle(batch, verdicts)

    async def _leave_out_deleted(self, batch: Batch) -> bool:
        """End the events of people who were deleted since they were read; return whether there are others."""
        loop = asyncio.get_running_loop()
        records = [item.record for item in batch.items]
        gone = await loop.run_in_executor(self._state, self._deleted.among, records)
        ended = [item for item, is_gone in zip(batch.items, gone, strict=True) if is_gone]
        if not ended:
            return True
        if batch.parked:
            self._books.parked_ended(ended[0], End("discarded", DELETED))
            return False
        for item in ended:
            item.end = End("discarded", DELETED)
        batch.items = [item for item in batch.items if item.end is None]
        batch.wholly = False
        self._backlog.release(ended, batch.items)
        self._books.ended()
        return bool(batch.items)

    async def _keep(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._state, self._kept.write)

    def _record(self, attempt: Attempt) -> None:
        self._books.attempt(attempt)
        self._meter.count(attempt.outcome, attempt.reason, attempt.duration_ms / 1000)
