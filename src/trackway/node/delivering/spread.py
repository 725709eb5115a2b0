"""The hub's view of delivery when other processes do it: how all destinations stand, and pausing and resuming them."""

import asyncio
from collections.abc import Mapping, Sequence

from prometheus_client.core import Metric
from sqlalchemy import Engine

from trackway.delivery import pauses
from trackway.delivery.clock import SystemClock
from trackway.delivery.service import UnknownDestination, measured
from trackway.delivery.slots import DestinationStatus
from trackway.log.contract import EventLog
from trackway.node.delivering.wire import Ask, Told, ask
from trackway.workspace.model import Workspace

LOOK_EVERY_S = 0.5
PATIENCE_S = 5.0
"""A process that says nothing for so long is told to be down."""


class SpreadDelivery:
    """Delivery by processes of their own, one at each of `places`."""

    def __init__(
        self, workspace: Workspace, owners: Mapping[str, int], log: EventLog, engine: Engine, places: Sequence[str]
    ) -> None:
        """`owners` has the number of the process for each enabled destination."""
        self._workspace = workspace
        self._owners = owners
        self._log = log
        self._engine = engine
        self._places = places
        self._clock = SystemClock()
        self._told: dict[int, Told] = {}
        self._down: set[int] = set()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to ask the processes how they are; nothing waits for them."""
        self._tasks = [asyncio.create_task(self._follow(number)) for number in range(len(self._places))]

    async def stop(self) -> None:
        """Ask no more; the processes go on."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def configure(self, workspace: Workspace, owners: Mapping[str, int]) -> None:
        """Take over changed settings; the processes hear of them from the supervisor."""
        self._workspace, self._owners = workspace, owners

    async def pause(self, key: str) -> None:
        """Send nothing more to a destination until `resume`, as `DeliveryService.pause`."""
        owner = self._owner(key)
        # Whoever owns it reads this when it starts, should it be down now.
        await asyncio.to_thread(pauses.add, self._engine, key, self._clock.now_ms())
        await self._ask(owner, Ask("pause", key))

    async def resume(self, key: str) -> None:
        """Go on sending to a destination, as `DeliveryService.resume`."""
        owner = self._owner(key)
        await asyncio.to_thread(pauses.remove, self._engine, key)
        await self._ask(owner, Ask("resume", key))

    def status(self) -> list[DestinationStatus]:
        """Return what was going on at each enabled destination a moment ago."""
        known = {one.destination: one for told in self._told.values() for one in told.destinations}
        return [self._standing(key, owner, known.get(key)) for key, owner in self._owners.items()]

    async def metrics(self) -> Sequence[Metric]:
        """Return what is measured at each enabled destination, as Prometheus' metric families."""
        up = [number for number in range(len(self._places)) if number not in self._down]
        await asyncio.gather(*(self._ask(number, Ask("tell")) for number in up))
        gauges = {key: one for told in self._told.values() for key, one in told.gauges.items() if key in self._owners}
        return await measured(gauges, self._engine, self._log)

    def _owner(self, key: str) -> int:
        if (owner := self._owners.get(key)) is None:
            raise UnknownDestination(f"there is no destination {key} that is switched on in trackway.yaml")
        return owner

    def _standing(self, key: str, owner: int, known: DestinationStatus | None) -> DestinationStatus:
        if known is not None and owner not in self._down:
            return known
        settings = self._workspace.destinations[key]
        down = owner in self._down
        return DestinationStatus(
            destination=key,
            type=settings.type,
            name=known.name if known else settings.name,
            state="crashed" if down else "stopped",
            error=f"the process delivery-{owner} does not answer; it is started again when it ends" if down else "",
        )

    async def _ask(self, owner: int, what: Ask) -> None:
        try:
            self._told[owner] = await ask(self._places[owner], what, timeout_s=PATIENCE_S)
            self._down.discard(owner)
        except (TimeoutError, OSError):
            self._down.add(owner)

    async def _follow(self, number: int) -> None:
        while True:
            await self._ask(number, Ask("tell"))
            await self._clock.wait(self._stopping, LOOK_EVERY_S)
