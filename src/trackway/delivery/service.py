"""Delivery as a whole: a worker per enabled destination, each on its own feet."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from msgspec import Struct, structs
from sqlalchemy import Engine

from trackway.delivery.breaker import Backoff
from trackway.delivery.clock import Clock, SystemClock
from trackway.delivery.filters import Filter
from trackway.delivery.redact import Redactor
from trackway.delivery.store import Store, prune
from trackway.delivery.transport import HttpTransport, Transport
from trackway.delivery.worker import PATIENT, DestinationWorker, Options, Status, consumer
from trackway.destinations import registry
from trackway.destinations.registry import Destination
from trackway.events.records import EVENTS
from trackway.log.contract import EventLog
from trackway.workspace.model import Destination as DestinationSettings
from trackway.workspace.model import Workspace

PRUNE_EVERY_S = 60.0
ATTEMPTS_KEPT = 500_000
"""Of all destinations together: about 100 MB."""

LONG_S = 300.0
"""A worker that broke after this long is started again as if for the first time."""

_log = logging.getLogger("trackway.delivery")


class DestinationStatus(Struct, kw_only=True):
    """What is going on at one destination."""

    destination: str
    type: str
    name: str
    """In the events' `integrations`."""
    state: str
    """`running`, `crashed` (and about to be started again) or `stopped`."""
    error: str = ""
    """Why it crashed last; kept after the restart."""
    crashes: int = 0
    worker: Status | None = None


class _Slot:
    """A destination and the worker that is on it."""

    def __init__(self, key: str, destination: Destination, filter_: Filter) -> None:
        self.key = key
        self.destination = destination
        self.filter = filter_
        self.worker: DestinationWorker | None = None
        self.status = DestinationStatus(destination=key, type=destination.kind, name=destination.name, state="stopped")


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
    ) -> None:
        """Make everything ready; `log` is the clean log, `engine` the state database.

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
        self._slots = [_slot(key, settings) for key, settings in workspace.destinations.items() if settings.enabled]
        self._state = ThreadPoolExecutor(1, thread_name_prefix="delivery-state")
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start all destinations. What the log held back for those that are gone or switched off is given free."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._forget_others)
        self._tasks = [asyncio.create_task(self._keep_running(slot)) for slot in self._slots]
        self._tasks.append(asyncio.create_task(self._prune()))

    async def stop(self, *, grace_s: float = 2.0) -> None:
        """Stop all destinations; requests under way have `grace_s` to end."""
        self._stopping.set()
        workers = [slot.worker for slot in self._slots if slot.worker is not None]
        await asyncio.gather(*(worker.stop(grace_s=grace_s) for worker in workers))
        await asyncio.gather(*self._tasks)
        self._state.shutdown()

    def status(self) -> list[DestinationStatus]:
        """Return what is going on at each enabled destination."""
        return [
            structs.replace(slot.status, worker=slot.worker.status() if slot.worker else None) for slot in self._slots
        ]

    async def _keep_running(self, slot: _Slot) -> None:
        """Run a destination's worker, and a new one whenever it breaks: nobody else is to notice."""
        tries = 0
        while not self._stopping.is_set():
            began_s = self._clock.monotonic()
            transport = self._transport(slot.destination)
            slot.worker = self._worker(slot, transport)
            slot.status.state = "running"
            try:
                await slot.worker.run()
            except Exception as error:  # noqa: BLE001  the outermost loop: one destination must not end the others
                slot.status.state = "crashed"
                slot.status.crashes += 1
                slot.status.error = _told(error, slot.destination)
                _log.error("destination %s crashed and starts again: %s", slot.key, slot.status.error)
                tries = 1 if self._clock.monotonic() - began_s > LONG_S else tries + 1
                await self._clock.wait(self._stopping, self._restart.delay_s(tries))
            finally:
                await transport.close()
        slot.status.state = "stopped"

    def _worker(self, slot: _Slot, transport: Transport) -> DestinationWorker:
        return DestinationWorker(
            slot.key,
            slot.destination,
            slot.filter,
            self._log,
            Store(self._engine, slot.key),
            transport,
            state=self._state,
            clock=self._clock,
            options=self._options,
        )

    def _http(self, destination: Destination) -> Transport:
        return HttpTransport(
            connections=destination.limits.concurrency,
            allow_private=self._workspace.delivery.allow_private_addresses,
        )

    def _forget_others(self) -> None:
        ours = {consumer(slot.key) for slot in self._slots}
        for name in self._log.consumers(EVENTS):
            if name.startswith(consumer("")) and name not in ours:
                self._log.forget(name)

    async def _prune(self) -> None:
        """Keep the records of attempts and exceptions bounded."""
        loop = asyncio.get_running_loop()
        keep_ms = round(self._workspace.log.keep * 1000)
        while not self._stopping.is_set():
            more = True
            while more and not self._stopping.is_set():
                before_ms = self._clock.now_ms() - keep_ms
                more = await loop.run_in_executor(
                    self._state, lambda at=before_ms: prune(self._engine, before_ms=at, attempts_kept=ATTEMPTS_KEPT)
                )
            await self._clock.wait(self._stopping, PRUNE_EVERY_S)


def _slot(key: str, settings: DestinationSettings) -> _Slot:
    where = f"destinations.{key}.settings"
    destination = registry.load(settings.type, settings.settings, name=settings.name, where=where)
    return _Slot(key, destination, Filter(destination.name, settings.sources))


def _told(error: BaseException, destination: Destination) -> str:
    """Return what broke in a line, free of secrets."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return Redactor(destination.secrets()).text(f"{type(error).__name__}: {error}")
