"""The enabled destinations of a process: each with its settings, its worker, and how it stands."""

import asyncio
from collections.abc import Collection, Mapping

from msgspec import Struct, structs

from trackway.delivery.filters import Filter
from trackway.delivery.metrics import Gauges, Meter
from trackway.delivery.sender import CREDENTIALS
from trackway.delivery.worker import DestinationWorker, Status
from trackway.destinations import registry
from trackway.workspace.model import Destination as DestinationSettings
from trackway.workspace.model import Function, Workspace

_SUCCESSES = ("delivered", "continued")


class DestinationStatus(Struct, kw_only=True):
    """What is going on at one destination."""

    destination: str
    type: str
    name: str
    """In the events' `integrations`."""
    state: str
    """`running`, `crashed` (and about to be started again), `paused` by somebody, or `stopped`."""
    error: str = ""
    """Why it crashed last; kept after the restart."""
    crashes: int = 0
    paused_ms: int | None = None
    """Since when it is paused."""
    requests: int = 0
    """That were sent since this process began with it."""
    errors: int = 0
    """Of these, the ones that were not answered with success."""
    p95_s: float | None = None
    """Within this time 95 of 100 of these were answered; None while there was none."""
    worker: Status | None = None


class Slot:
    """A destination, the worker that is on it, and the task that keeps one there."""

    def __init__(self, key: str, workspace: Workspace) -> None:
        """Make the destination `key` of `workspace` ready; raises as `DeliveryService` does."""
        where = f"destinations.{key}.settings"
        settings = workspace.destinations[key]
        self.key = key
        self.settings = _settings(workspace, key)
        self.destination = registry.load(
            settings.type, settings.settings, name=settings.name, where=where, folder=workspace.folder
        )
        self.filter = Filter.of(self.destination.name, workspace, key)
        self.worker: DestinationWorker | None = None
        self.meter = Meter()
        self.stopping = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.status = DestinationStatus(
            destination=key, type=self.destination.kind, name=self.destination.name, state="stopped"
        )

    async def stop(self, grace_s: float) -> None:
        """End the worker and the task; requests under way have `grace_s` to end."""
        self.stopping.set()
        if self.worker is not None:
            await self.worker.stop(grace_s=grace_s)
        if self.task is not None:
            await self.task


def standing(slot: Slot) -> DestinationStatus:
    """Return what is going on at a destination."""
    requests = slot.meter.requests.items()
    return structs.replace(
        slot.status,
        worker=slot.worker.status() if slot.worker else None,
        requests=sum(number for _, number in requests),
        errors=sum(number for (outcome, _), number in requests if outcome not in _SUCCESSES),
        p95_s=slot.meter.within_s(0.95),
    )


def gauges(slot: Slot) -> Gauges:
    """Return how a destination stands, for the metrics."""
    worker = slot.worker.status() if slot.worker is not None else None
    return Gauges(
        meter=slot.meter,
        breaker=worker.breaker if worker is not None else "closed",
        refused=worker is not None and worker.refused and worker.reason in CREDENTIALS,
        crashes=slot.status.crashes,
    )


def slots_of(workspace: Workspace, kept: Mapping[str, Slot], keys: Collection[str] | None) -> dict[str, Slot]:
    """Return a slot for each enabled destination of `keys`: that of `kept` where its settings have not changed."""
    slots: dict[str, Slot] = {}
    for key, settings in workspace.destinations.items():
        before = kept.get(key)
        if settings.enabled and (keys is None or key in keys):
            same = before is not None and before.settings == _settings(workspace, key)
            slots[key] = before if before is not None and same else Slot(key, workspace)
    return slots


def _settings(workspace: Workspace, key: str) -> tuple[DestinationSettings, list[Function | None]]:
    """Return all that a destination's work depends on."""
    settings = workspace.destinations[key]
    return settings, [workspace.functions.get(name) for name in settings.functions]
