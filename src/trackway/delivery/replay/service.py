"""Runs the replays that were ordered, each with a worker of its own, until they have ended or are cancelled."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from trackway.delivery.clock import Clock, SystemClock
from trackway.delivery.configured import load_destination
from trackway.delivery.deletion.deleted import Deleted
from trackway.delivery.filters import Filter
from trackway.delivery.items import write_offsets
from trackway.delivery.proxies import environment_proxies
from trackway.delivery.replay import orders
from trackway.delivery.replay.intake import ReplayIntake
from trackway.delivery.replay.marking import Remake
from trackway.delivery.replay.orders import Replay
from trackway.delivery.replay.selection import Selection
from trackway.delivery.store import Changes, Store
from trackway.delivery.trace import replay_key
from trackway.delivery.transport import HttpTransport, Transport
from trackway.delivery.worker import PATIENT, DestinationWorker, Options
from trackway.destinations.destination import Destination
from trackway.errors import TrackwayError
from trackway.log.contract import EventLog
from trackway.state import upsert
from trackway.state.tables import replayed
from trackway.workspace.model import Workspace

LOOK_EVERY_S = 0.5
AT_ONCE = 4
"""Replays that run at a time; the others wait, in the order in which they were given."""
_log = logging.getLogger("trackway.replay")


class ReplayStore(Store):
    """The books of a replay: they also say which events were delivered, for the next replay and for traces."""

    wants_taken = True

    def __init__(self, engine: Engine, replay: Replay) -> None:
        super().__init__(engine, replay_key(replay.destination, replay.id))
        self._replay = replay

    def _note_more(self, connection: Connection, changes: Changes) -> None:
        by_partition: dict[int, list[int]] = {}
        for place in changes.taken:
            by_partition.setdefault(place.partition, []).append(place.offset)
        rows: list[dict[str, Any]] = [
            {
                "replay": self._replay.id,
                "destination": self._replay.destination,
                "partition": partition,
                "first_offset": min(offsets),
                "last_offset": max(offsets),
                "offsets": write_offsets(sorted(offsets)),
            }
            for partition, offsets in by_partition.items()
        ]
        upsert(connection, replayed, rows)


class ReplayService:
    """Looks for orders in the state database and carries them out. `workspace` may change while it runs."""

    def __init__(
        self,
        workspace: Workspace,
        log: EventLog,
        engine: Engine,
        remake: Callable[[Workspace], Remake],
        *,
        clock: Clock | None = None,
        options: Options = PATIENT,
        transport: Callable[[Destination], Transport] | None = None,
    ) -> None:
        """`log` is the clean log; `remake` gives what makes events anew by the pipeline of a workspace."""
        self.workspace = workspace
        self._log = log
        self._engine = engine
        self._remake = remake
        self._clock = clock or SystemClock()
        self._options = options
        self._transport = transport or self._http
        self._state = ThreadPoolExecutor(1, thread_name_prefix="replay-state")
        self._running: dict[int, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for orders; those that a restart interrupted go on where they stood."""
        self._task = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Stop all; what is open goes on at the next start."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        await asyncio.gather(*self._running.values())
        self._state.shutdown()

    async def _look(self) -> None:
        while not self._stopping.is_set():
            try:
                found = await asyncio.to_thread(orders.read_open, self._engine)
            except SQLAlchemyError:
                _log.exception("the orders for replays cannot be read; trying again")
                found = []
            self._running = {number: task for number, task in self._running.items() if not task.done()}
            for replay in found:
                if replay.id not in self._running and len(self._running) < AT_ONCE:
                    self._running[replay.id] = asyncio.create_task(self._carry_out(replay))
            await self._clock.wait(self._stopping, LOOK_EVERY_S)

    async def _carry_out(self, replay: Replay) -> None:
        """Run one replay to its end; what breaks it is written down, and costs no other."""
        try:
            if await asyncio.to_thread(orders.move, self._engine, replay.id, "running"):
                await self._run(replay)
        except Exception as error:  # noqa: BLE001  the outermost loop of a worker
            told = str(error) if isinstance(error, TrackwayError) else f"{type(error).__name__}: {error}"
            _log.error("replay %d failed: %s", replay.id, told)
            await asyncio.to_thread(orders.move, self._engine, replay.id, "failed", told)
        if not self._stopping.is_set():
            await asyncio.to_thread(self._log.forget, _consumer(replay.id))

    async def _run(self, replay: Replay) -> None:
        destination, filter_ = load_destination(self.workspace, replay.destination)
        transport = self._transport(destination)
        try:
            worker = self._worker(replay, destination, filter_, transport)
            working = asyncio.create_task(worker.run())
            try:
                while not working.done() and await self._goes_on(replay):
                    await self._clock.wait(self._stopping, LOOK_EVERY_S)
            finally:
                if not working.done():
                    await worker.stop()
                await working
        finally:
            await transport.close()

    async def _goes_on(self, replay: Replay) -> bool:
        """Return whether the replay is to go on; note it down when all of it has ended."""
        if self._stopping.is_set():
            return False
        now = await asyncio.to_thread(orders.read, self._engine, replay.id)
        if now.state == "running" and now.counts.pending <= 0:
            await asyncio.to_thread(orders.move, self._engine, replay.id, "done")
            return False
        return now.state == "running"

    def _worker(
        self, replay: Replay, destination: Destination, filter_: Filter, transport: Transport
    ) -> DestinationWorker:
        intake = ReplayIntake(
            self._log,
            _consumer(replay.id),
            destination,
            filter_,
            order=replay.order,
            replay=replay.id,
            selection=Selection(self._engine, replay.destination, replay.order),
            remake=self._remake(self.workspace) if replay.order.through_pipeline else None,
            deleted=Deleted(self._engine, replay.destination),
        )
        return DestinationWorker(
            replay_key(replay.destination, replay.id),
            destination,
            filter_,
            self._log,
            ReplayStore(self._engine, replay),
            transport,
            state=self._state,
            clock=self._clock,
            options=self._options,
            intake=intake,
        )

    def _http(self, destination: Destination) -> Transport:
        return HttpTransport(
            connections=destination.limits.concurrency,
            proxies=environment_proxies(),
            allow_private=self.workspace.delivery.allow_private_addresses,
        )


def _consumer(replay: int) -> str:
    return f"replay:{replay}"
