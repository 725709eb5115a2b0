"""Gathers the facts of a running product."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Engine

from trackway.delivery.slots import DestinationStatus
from trackway.node.alerting.facts import Facts, newest, now_ms, totals_before
from trackway.node.canary import CanaryReport
from trackway.node.monitoring import Monitor
from trackway.node.monitoring.monitor import DiskHealth
from trackway.node.warehouses import Warehouses
from trackway.workspace.model import Workspace

_DISK_EVERY_MS = 60_000
_QUERY_S = 10.0


class Gatherer:
    """Returns facts whenever it is called, on any one thread."""

    def __init__(
        self,
        workspace: Callable[[], Workspace],
        engine: Engine,
        monitor: Monitor,
        delivering: Callable[[], Sequence[DestinationStatus]],
        warehouses: Warehouses,
        differences: Callable[[], Mapping[str, int]],
        canary: Callable[[], CanaryReport | None],
    ) -> None:
        """`differences` are the ledger's as they were found last."""
        self._workspace, self._engine, self._monitor = workspace, engine, monitor
        self._delivering, self._warehouses = delivering, warehouses
        self._differences, self._canary = differences, canary
        self._disk: tuple[int, DiskHealth] | None = None

    def __call__(self) -> Facts:
        """Return how everything stands now."""
        at_ms = now_ms()
        return Facts(
            at_ms=at_ms,
            workspace=self._workspace(),
            now=newest(self._engine, at_ms),
            before=partial(totals_before, self._engine, at_ms),
            destinations=self._delivering(),
            warehouses={name: status for name, _, status in self._warehouses.statuses()},
            differences=self._differences(),
            disk=self._disk_health(at_ms),
            canary=self._canary(),
            ask=self._ask,
        )

    def _disk_health(self, at_ms: int) -> DiskHealth:
        if self._disk is None or at_ms - self._disk[0] >= _DISK_EVERY_MS:
            self._disk = at_ms, self._monitor.disk()
        return self._disk[1]

    def _ask(self, query: str, warehouse: str | None) -> Any:
        answer = self._warehouses.query(query, limit=1, timeout_s=_QUERY_S, warehouse=warehouse)
        return answer.rows[0][0] if answer.rows and answer.rows[0] else None
