"""Delivery as a whole: a worker per enabled destination, each on its own feet."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from prometheus_client.core import Metric
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from trackway.delivery import pauses
from trackway.delivery.breaker import Backoff
from trackway.delivery.clock import Clock, SystemClock
from trackway.delivery.commits import Commits
from trackway.delivery.deletion import orders as deletion_orders
from trackway.delivery.holding import held
from trackway.delivery.ledger import destination_counts
from trackway.delivery.metrics import Gauges, families
from trackway.delivery.proxies import environment_proxies
from trackway.delivery.redact import Redactor
from trackway.delivery.shared import SharedEvents
from trackway.delivery.slots import DestinationStatus, Slot, gauges, slots_of, standing
from trackway.delivery.store import Store, destinations_due, prune
from trackway.delivery.transport import HttpTransport, Transport
from trackway.delivery.worker import PATIENT, DestinationWorker, Options
from trackway.destinations.destination import Destination
from trackway.errors import TrackwayError
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.workspace.model import Workspace

GRACE_S = 2.0
PRUNE_EVERY_S = 60.0
LOOK_EVERY_S = 1.0
"""How often released events and pauses are looked for: another process may have noted them."""
ATTEMPTS_KEPT = 500_000
"""Of all destinations together: about 100 MB."""

LONG_S = 300.0
"""A worker that broke after this long is started again as if for the first time."""

_log = logging.getLogger("trackway.delivery")


class UnknownDestination(TrackwayError):
    """There is no such destination, or it is switched off."""


class DeliveryService:
    """Runs the destinations of a workspace."""

    def __init__(
        self,
        workspace: Workspace,
        log: EventLog,
        engine: Engine,
        *,
        clock: Clock | None = None,
        options: Options = PATIENT,
        transport: Callable[[Destination], Transport] | None = None,
        keys: Collection[str] | None = None,
        locks: Path | None = None,
        prunes: bool = True,
    ) -> None:
        """Make everything ready; `log` is the clean log, `engine` the state database.

        `keys` are the destinations to deliver to, where other processes deliver to the others; default: all. In the
        folder `locks` it is settled that nobody else delivers to them at the same time. `prunes`: old records of all
        destinations are deleted here.

        Raises:
            WorkspaceError: a destination's settings are wrong; the message points at the place.
            DestinationError: there is no such destination type.
        """
        self._workspace = workspace
        self._log = log
        self._engine = engine
        self._clock = clock or SystemClock()
        self._options = options
        self._transport = transport or self._http
        self._restart = Backoff(base_s=1, cap_s=60)
        self._keys = keys
        self._locks = locks
        self._prunes = prunes
        self._slots = slots_of(workspace, {}, keys)
        self._paused: dict[str, int] = {}
        self._told: set[str] = set()
        """Troubles of the state database that last."""
        self._changing = asyncio.Lock()
        self._state = ThreadPoolExecutor(1, thread_name_prefix="delivery-state")
        self._commits = Commits(engine, self._state)
        self._shared = SharedEvents()
        self._tasks: list[asyncio.Task[None]] = []
        self._changes: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start all destinations but those that are paused."""
        self._paused = await asyncio.to_thread(pauses.read, self._engine)
        self._run(self._slots.values())
        self._tasks = [asyncio.create_task(self._look())]
        if self._prunes:
            self._tasks.append(asyncio.create_task(self._prune()))

    async def stop(self, *, grace_s: float = GRACE_S) -> None:
        """Stop all destinations; requests under way have `grace_s` to end."""
        self._stopping.set()
        async with self._changing:
            await asyncio.gather(*(slot.stop(grace_s) for slot in self._slots.values()))
        await asyncio.gather(*self._tasks, *self._changes)
        self._state.shutdown()

    async def configure(
        self, workspace: Workspace, *, keys: Collection[str] | None = None, grace_s: float = GRACE_S
    ) -> None:
        """Take over changed settings: destinations they do not touch go on undisturbed, the others where they stood.

        `keys` as at the start.

        A new destination begins at the end of the log, unless the log holds events for it already. For one that is
        gone or switched off the log holds nothing any more.

        Raises:
            WorkspaceError, DestinationError: as at the start; nothing is changed.
        """
        await self._carry_out(self._configure(workspace, keys, grace_s))

    async def _carry_out(self, change: Coroutine[Any, Any, None]) -> None:
        """Make a change, one at a time, and wholly: whoever asked for it may be cancelled meanwhile."""

        async def run() -> None:
            async with self._changing:
                if self._stopping.is_set():  # nothing is to start any more
                    change.close()
                else:
                    await change

        task = asyncio.create_task(run())
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        await asyncio.shield(task)

    async def _configure(self, workspace: Workspace, keys: Collection[str] | None, grace_s: float) -> None:
        # Every transport is made by the group `delivery`.
        kept = self._slots if workspace.delivery == self._workspace.delivery else {}
        before, after = self._slots, slots_of(workspace, kept, keys)
        self._workspace = workspace
        await asyncio.gather(*(slot.stop(grace_s) for key, slot in before.items() if after.get(key) is not slot))
        self._slots = after
        for key in before.keys() - after.keys():
            await asyncio.to_thread(self._log.forget, consumers.destination(key))
        self._run(slot for key, slot in after.items() if before.get(key) is not slot)

    async def pause(self, key: str) -> None:
        """Send nothing more to a destination until `resume`, also after a restart. The log keeps its events.

        Raises:
            UnknownDestination: there is none of this key that is switched on.
        """
        await self._carry_out(self._pause(key))

    async def _pause(self, key: str) -> None:
        slot = self._slot(key)
        now_ms = self._clock.now_ms()
        await asyncio.to_thread(pauses.add, self._engine, key, now_ms)
        self._paused.setdefault(key, now_ms)
        await self._hold(slot)

    async def resume(self, key: str) -> None:
        """Go on sending to a destination where it stood; nothing happens to one that is not paused.

        Raises:
            UnknownDestination: as in `pause`.
        """
        await self._carry_out(self._resume(key))

    async def _resume(self, key: str) -> None:
        slot = self._slot(key)
        await asyncio.to_thread(pauses.remove, self._engine, key)
        if self._paused.pop(key, None) is not None:
            slot.stopping.clear()
            self._run([slot])

    async def _hold(self, slot: Slot) -> None:
        await slot.stop(GRACE_S)
        slot.worker, slot.task = None, None
        self._run([slot])

    async def _follow_pauses(self) -> None:
        """Take over what another process, such as the command line, has noted."""
        async with self._changing:
            if self._stopping.is_set():
                return
            before = self._paused
            loop = asyncio.get_running_loop()
            self._paused = await loop.run_in_executor(self._state, pauses.read, self._engine)
            for key, slot in self._slots.items():
                if key in self._paused and key not in before:
                    await self._hold(slot)
                elif key in before and key not in self._paused:
                    slot.stopping.clear()
                    self._run([slot])
                else:
                    slot.status.paused_ms = self._paused.get(key)

    def _slot(self, key: str) -> Slot:
        if (slot := self._slots.get(key)) is None:
            raise UnknownDestination(f"there is no destination {key} that is switched on in trackway.yaml")
        return slot

    def _run(self, slots: Iterable[Slot]) -> None:
        self._shared.readers = len(self._slots)
        for slot in slots:
            slot.status.paused_ms = self._paused.get(slot.key)
            if slot.status.paused_ms is None:
                slot.task = asyncio.create_task(self._keep_running(slot))
            else:
                slot.status.state = "paused"

    def status(self) -> list[DestinationStatus]:
        """Return what is going on at each enabled destination."""
        return [standing(slot) for slot in self._slots.values()]

    async def metrics(self) -> Sequence[Metric]:
        """Return what is measured at each enabled destination, as Prometheus' metric families."""
        return await measured(self.gauges(), self._engine, self._log)

    def gauges(self) -> dict[str, Gauges]:
        """Return how each enabled destination stands, for the metrics."""
        return {key: gauges(slot) for key, slot in self._slots.items()}

    async def _keep_running(self, slot: Slot) -> None:
        """Deliver to a destination as soon as no other process does, until it is stopped."""
        async with held(self._locks, slot.key, slot.stopping) as mine:
            if mine:
                await self._keep_working(slot)
        slot.status.state = "stopped"

    async def _keep_working(self, slot: Slot) -> None:
        """Run a destination's worker, and a new one whenever it breaks: nobody else is to notice."""
        tries = 0
        while not slot.stopping.is_set():
            began_s = self._clock.monotonic()
            try:
                await self._work(slot)
            except Exception as error:  # noqa: BLE001  the outermost loop: one destination must not end the others
                slot.status.state = "crashed"
                slot.status.crashes += 1
                slot.status.error = _told(error, slot.destination)
                _log.error("destination %s crashed and starts again: %s", slot.key, slot.status.error)
                tries = 1 if self._clock.monotonic() - began_s > LONG_S else tries + 1
                await self._clock.wait(slot.stopping, self._restart.delay_s(tries))

    async def _work(self, slot: Slot) -> None:
        transport = self._transport(slot.destination)
        try:
            slot.worker = self._worker(slot, transport)
            slot.status.state = "running"
            await slot.worker.run()
        finally:
            await transport.close()

    def _worker(self, slot: Slot, transport: Transport) -> DestinationWorker:
        return DestinationWorker(
            slot.key,
            slot.destination,
            slot.filter,
            self._log,
            Store(self._engine, slot.key),
            transport,
            state=self._state,
            commits=self._commits,
            decode=self._shared.of,
            clock=self._clock,
            options=self._options,
            meter=slot.meter,
        )

    def _http(self, destination: Destination) -> Transport:
        return HttpTransport(
            connections=destination.limits.concurrency,
            proxies=environment_proxies(),
            allow_private=self._workspace.delivery.allow_private_addresses,
        )

    async def _look(self) -> None:
        """Do what another process has noted: hold or let go destinations, and wake those that have released events."""
        clock = SystemClock()
        while not self._stopping.is_set():
            with self._whatever_the_database_says("what other processes have noted is not known"):
                await self._wake_due()
                await self._follow_pauses()
            # By the machine's own clock: other processes live by that.
            await clock.wait(self._stopping, LOOK_EVERY_S)

    async def _wake_due(self) -> None:
        loop = asyncio.get_running_loop()
        keys = await loop.run_in_executor(self._state, destinations_due, self._engine, self._clock.now_ms())
        for key in keys & self._slots.keys():
            if (worker := self._slots[key].worker) is not None:
                worker.try_parked()

    @contextmanager
    def _whatever_the_database_says(self, lacking: str) -> Generator[None]:
        """Go on after an error of the state database, and tell once a time of trouble what is `lacking`."""
        try:
            yield
            self._told.discard(lacking)
        except SQLAlchemyError as error:
            if lacking not in self._told:
                _log.error("%s; trying again: %s", lacking, error)
            self._told.add(lacking)

    async def _prune(self) -> None:
        """Keep the records of attempts and exceptions bounded."""
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            more = True
            with self._whatever_the_database_says("old records of destinations are not deleted"):
                while more and not self._stopping.is_set():
                    before_ms = self._clock.now_ms() - round(self._workspace.log.keep * 1000)
                    more = await loop.run_in_executor(
                        self._state, lambda at=before_ms: prune(self._engine, before_ms=at, attempts_kept=ATTEMPTS_KEPT)
                    )
            await self._clock.wait(self._stopping, PRUNE_EVERY_S)


async def measured(gauges: Mapping[str, Gauges], engine: Engine, log: EventLog) -> Sequence[Metric]:
    """Return the metrics of destinations, with what the state database and the log have of them."""
    counts = await asyncio.to_thread(destination_counts, engine, log)
    deletions = await asyncio.to_thread(deletion_orders.counts, engine)
    return families(gauges, counts, deletions)


def _told(error: BaseException, destination: Destination) -> str:
    """Return what broke in a line, free of secrets."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return Redactor(destination.secrets()).text(f"{type(error).__name__}: {error}")
