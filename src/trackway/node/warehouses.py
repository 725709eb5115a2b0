"""The warehouses of a workspace, each with its loader, as trackway.yaml has them now."""

import asyncio
import logging
from pathlib import Path
from threading import Event
from typing import NamedTuple

from trackway.errors import TrackwayError
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.warehouse.contract import QueryError, QueryResult, Warehouse, WarehouseError
from trackway.warehouse.history import Step, silent
from trackway.warehouse.loader import LoaderStatus, WarehouseLoader
from trackway.warehouse.opening import open_warehouse, rules_of
from trackway.warehouse.planned import Types, planned_types
from trackway.warehouse.reports import Reports
from trackway.warehouse.upkeep import Maintained
from trackway.workspace.model import Warehouse as Settings
from trackway.workspace.model import Workspace

_log = logging.getLogger(__name__)


class _Made(NamedTuple):
    """What a warehouse was made of: another one is needed when this changes."""

    settings: Settings
    sources: tuple[str, ...]
    types: Types
    """Of the tracking plans."""


class _Running(NamedTuple):
    made: _Made
    warehouse: Warehouse
    loader: WarehouseLoader
    snapshot: Path
    copying: "asyncio.Task[None] | None"


class Warehouses:
    """Opens, loads and closes warehouses; queries go to the first one unless they name another."""

    def __init__(self, clean: EventLog, reports: Reports) -> None:
        self._clean = clean
        self._reports = reports
        self._running: dict[str, _Running] = {}
        self._first: Warehouse | None = None

    @property
    def any(self) -> bool:
        """Whether there is one to ask."""
        return self._first is not None

    async def start(self, workspace: Workspace) -> None:
        """Open all that are switched on, and begin to load.

        Raises:
            WarehouseError: one cannot be opened; the message says why.
        """
        for name, made in _wanted(workspace).items():
            await self._open(workspace, name, made)
        self._choose(workspace)

    async def configure(self, workspace: Workspace) -> None:
        """Take over changed settings: warehouses they do not touch go on undisturbed.

        One that cannot be opened is left closed, and said to be; the log keeps its events.
        """
        wanted = _wanted(workspace)
        for name in [name for name, one in self._running.items() if wanted.get(name) != one.made]:
            await self._close(name)
            if name not in wanted:
                self._clean.forget(consumers.warehouse(name))
        for name in wanted.keys() - self._running.keys():
            try:
                await self._open(workspace, name, wanted[name])
            except TrackwayError as error:
                _log.error("warehouse %s stays closed: %s", name, error)
        self._choose(workspace)

    async def stop(self) -> None:
        """End all loaders and close all warehouses."""
        for name in list(self._running):
            await self._close(name)

    def query(
        self,
        sql: str,
        *,
        limit: int = 1000,
        timeout_s: float = 30.0,
        warehouse: str | None = None,
        stop: Event | None = None,
    ) -> QueryResult:
        """Answer one reading statement by the warehouse of this name, else the first; see the warehouse's contract.

        Raises:
            QueryError: as the warehouse has it, or there is none to ask.
        """
        asked = self._first
        if warehouse is not None:
            running = self._running.get(warehouse)
            if running is None:
                raise QueryError(f"no warehouse {warehouse} is switched on in trackway.yaml")
            asked = running.warehouse
        if asked is None:
            raise QueryError("no warehouse is switched on in trackway.yaml")
        return asked.query(sql, limit=limit, timeout_s=timeout_s, stop=stop)

    def statuses(self) -> list[tuple[str, str, LoaderStatus]]:
        """Return name, type and loading of each warehouse that is open."""
        return [(name, one.made.settings.type, one.loader.status()) for name, one in list(self._running.items())]

    def get(self, name: str) -> Warehouse | None:
        """Return the warehouse of this name, if it is open."""
        running = self._running.get(name)
        return None if running is None else running.warehouse

    def snapshot_of(self, name: str) -> tuple[Path, float | None] | None:
        """Return where the copy of a warehouse for other tools stands, and after how many seconds it is made again.

        None: of warehouses of this type none is made.
        """
        running = self._running.get(name)
        if running is None or running.made.settings.type != "duckdb":
            return None
        every = running.made.settings.snapshot_every
        return running.snapshot, None if every is None else float(every)

    def snapshot(self, name: str, *, begin: Step = silent, step: Step = silent) -> Path:
        """Copy a DuckDB warehouse to the file beside it that other tools may open, and return its path.

        `begin` and `step` hear of bytes, and end it by raising.

        Raises:
            WarehouseError: it is of another kind, or busy.
        """
        running = self._running[name]
        if not isinstance(running.warehouse, Maintained):
            raise WarehouseError("only DuckDB needs a copy for other tools; ask this warehouse itself")
        running.warehouse.snapshot(running.snapshot, begin=begin, step=step)
        return running.snapshot

    def _choose(self, workspace: Workspace) -> None:
        self._running = {name: self._running[name] for name in workspace.warehouses if name in self._running}
        self._first = next(
            (self._running[name].warehouse for name in workspace.warehouses if name in self._running), None
        )

    async def _open(self, workspace: Workspace, name: str, made: _Made) -> None:
        warehouse = await asyncio.to_thread(open_warehouse, workspace, name)
        loader = WarehouseLoader(
            name,
            warehouse,
            self._clean,
            made.settings,
            on_load=lambda report, lag_s: self._reports.note(name, report, lag_s=lag_s),
        )
        loader.start()
        path = snapshot_path(workspace, name)
        copying = asyncio.create_task(_copy(warehouse, path, made.settings)) if made.settings.snapshot_every else None
        self._running[name] = _Running(made, warehouse, loader, path, copying)

    async def _close(self, name: str) -> None:
        _, warehouse, loader, _, copying = self._running.pop(name)
        if copying is not None:
            copying.cancel()
        if self._first is warehouse:
            self._first = None
        await asyncio.to_thread(loader.stop)
        await asyncio.to_thread(warehouse.close)


def snapshot_path(workspace: Workspace, name: str) -> Path:
    """Return where the copy of a DuckDB warehouse for other tools stands."""
    return (workspace.folder / workspace.warehouses[name].path).with_suffix(".snapshot.duckdb")


def _wanted(workspace: Workspace) -> dict[str, _Made]:
    sources = tuple(workspace.sources)
    return {
        name: _Made(one, sources, planned_types(workspace, rules_of(one)))
        for name, one in workspace.warehouses.items()
        if one.enabled
    }


async def _copy(warehouse: Warehouse, path: Path, settings: Settings) -> None:
    """Copy a warehouse for other tools from time to time, for ever."""
    while isinstance(warehouse, Maintained) and settings.snapshot_every:
        await asyncio.sleep(float(settings.snapshot_every))
        try:
            await asyncio.to_thread(warehouse.snapshot, path)
        except (TrackwayError, OSError) as error:
            _log.warning("the copy %s stays as it is for now: %s", path, error)
