"""What can be asked of a running product's warehouses, and done with them, by their names in trackway.yaml."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from trackway.log.contract import EventLog
from trackway.node.warehouses import Warehouses
from trackway.warehouse.contract import Warehouse, WarehouseError
from trackway.warehouse.history import History
from trackway.warehouse.loader import LoaderStatus
from trackway.warehouse.naming import RESERVED_COLUMNS
from trackway.warehouse.reports import Finding, Reports, SyncReport
from trackway.warehouse.upkeep import Maintained, kind_of


class Snapshot(Struct, frozen=True, kw_only=True):
    """The copy of a warehouse for other tools."""

    path: str
    made_ms: int | None
    """When it was made last; None: never."""
    every_s: float | None
    """How often it is made by itself; None: when somebody asks."""


class WarehouseView(Struct, frozen=True, kw_only=True):
    """A warehouse at this moment."""

    name: str
    type: str
    status: LoaderStatus
    findings: list[Finding]
    snapshot: Snapshot | None = None
    """None where no copy is made; `NO_COPY` says why."""
    own_columns: tuple[str, ...] = tuple(sorted(RESERVED_COLUMNS))
    """Columns whose type nobody can change."""


class WarehouseDesk:
    """Each method may block and is called from a thread."""

    def __init__(self, warehouses: Warehouses, reports: Reports, clean: EventLog) -> None:
        self._warehouses, self._reports, self._clean = warehouses, reports, clean

    def all(self) -> list[WarehouseView]:
        """Return how each warehouse does."""
        return [
            WarehouseView(
                name=name,
                type=type_,
                status=status,
                findings=self._reports.findings(name),
                snapshot=self._snapshot(name),
            )
            for name, type_, status in self._warehouses.statuses()
        ]

    def loads(self, name: str, *, limit: int) -> Sequence[SyncReport]:
        """Return the newest loads of a warehouse, the newest first."""
        return self._reports.loads(name, limit=limit)

    def has(self, name: str) -> bool:
        """Say whether a warehouse of this name is open."""
        return self._warehouses.get(name) is not None

    def do(self, name: str, action: str, wish: dict[str, str], progress: Any) -> Any:
        """Recount a warehouse, rebuild or retype a table, or make a snapshot; return what JSON can hold.

        Raises:
            WarehouseError: it cannot be done; the message is for whoever asked.
        """
        warehouse = self._warehouses.get(name)
        if warehouse is None:
            raise WarehouseError(f"no warehouse {name} is switched on in trackway.yaml")
        if action == "snapshot":
            path = self._warehouses.snapshot(name, begin=progress.begin, step=progress.advance)
            return {"path": str(path), "bytes": path.stat().st_size}
        return do(warehouse, History(self._clean), action, wish, progress)

    def _snapshot(self, name: str) -> Snapshot | None:
        found = self._warehouses.snapshot_of(name)
        if found is None:
            return None
        path, every_s = found
        made = path.stat().st_mtime_ns // 1_000_000 if path.exists() else None
        return Snapshot(path=str(path), made_ms=made, every_s=every_s)

    async def metrics(self) -> Sequence[Metric]:
        """Return what is measured at warehouses as Prometheus' metric families."""
        return list(_families(self._warehouses.statuses(), self._reports.diverted))


def do(warehouse: Warehouse, history: History, action: str, wish: dict[str, str], progress: Any) -> Any:
    """Recount a warehouse, rebuild a table or retype a column of it; see `WarehouseDesk.do`."""
    if not isinstance(warehouse, Maintained):
        raise WarehouseError("this kind of warehouse cannot do that; DuckDB can")
    progress.begin(history.count(warehouse.positions("events")))
    if action == "verify":
        counts = warehouse.recount(history, progress.advance)
        return {"tables": counts, "differences": sum(count.differences for count in counts)}
    if action == "rebuild":
        return warehouse.rebuild(wish["table"], history, progress.advance)
    kind = kind_of(wish["type"])
    return warehouse.retype(wish["table"], wish["column"], kind, history, progress.advance)


def _families(
    statuses: Sequence[tuple[str, str, LoaderStatus]], diverted: Callable[[], dict[str, int]]
) -> Iterator[Metric]:
    events = CounterMetricFamily("trackway_warehouse_events", "Events loaded since the start.", labels=["warehouse"])
    rows = CounterMetricFamily("trackway_warehouse_rows", "Rows written since the start.", labels=["warehouse"])
    loads = CounterMetricFamily("trackway_warehouse_loads", "Loads committed since the start.", labels=["warehouse"])
    lag = GaugeMetricFamily("trackway_warehouse_lag_events", "Events not loaded yet.", labels=["warehouse"])
    last = GaugeMetricFamily("trackway_warehouse_load_seconds", "What the last load took.", labels=["warehouse"])
    failures = GaugeMetricFamily("trackway_warehouse_failures", "Failed loads in a row.", labels=["warehouse"])
    rest = CounterMetricFamily(
        "trackway_warehouse_diverted_values", "Values that did not fit their column, ever.", labels=["warehouse"]
    )
    ever = diverted()
    for name, _, status in statuses:
        events.add_metric([name], status.events)
        rows.add_metric([name], sum(status.rows.values()))
        loads.add_metric([name], status.loads)
        lag.add_metric([name], status.lag)
        failures.add_metric([name], status.failures)
        rest.add_metric([name], ever.get(name, 0))
        if status.last_load is not None:
            last.add_metric([name], status.last_load.duration_s)
    yield from (events, rows, loads, lag, last, failures, rest)
