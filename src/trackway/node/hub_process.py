"""The hub's process: delivery, warehouses, console, retention.

DuckDB allows one writing process, so whoever asks the warehouse lives here too.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from trackway.console.app import create_app, end_streams
from trackway.delivery.service import DeliveryService
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.node.accounts import LogAccounts
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.node.serve import serve
from trackway.state import open_state
from trackway.warehouse.duckdb import DuckDBWarehouse
from trackway.warehouse.loader import WarehouseLoader
from trackway.workspace import Secret, Workspace
from trackway.workspace.create import console_token

_RETAIN_EVERY_S = 30.0
_log = logging.getLogger(__name__)


async def run_hub(workspace: Workspace, descriptor: int, stopping: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve the console on a bound socket, and deliver and load events, until `stopping` is set."""
    async with contextlib.AsyncExitStack() as stack:
        raw, clean = open_raw_log(workspace), open_clean_log(workspace)
        stack.callback(raw.close)
        stack.callback(clean.close)
        engine = open_state(workspace.data / "state.db")
        stack.callback(engine.dispose)
        _forget_removed(workspace, clean)
        warehouses = _start_warehouses(workspace, clean, stack)
        delivery = DeliveryService(workspace, clean, engine)
        await delivery.start()
        stack.push_async_callback(delivery.stop)
        retaining = asyncio.create_task(_retain(workspace, (raw, clean)))
        stack.callback(retaining.cancel)
        console = create_app(
            workspace,
            token=workspace.console.token or Secret(console_token(workspace.data)),
            ingest_url=ingest_url(workspace),
            clean=clean,
            raw=raw,
            accounts=LogAccounts(workspace, raw, clean, engine),
            allowed_hosts=workspace.console.allowed_hosts,
            queries=warehouses[0] if warehouses else None,
        )
        await serve(console, descriptor, stopping, ready, lifespan=True, before_stop=lambda: end_streams(console))


def ingest_url(workspace: Workspace) -> str:
    """Return the address that clients send to."""
    collector = workspace.collector
    return collector.public_url or f"http://{collector.host}:{collector.port}"


def _start_warehouses(workspace: Workspace, clean: EventLog, stack: contextlib.AsyncExitStack) -> list[DuckDBWarehouse]:
    warehouses: list[DuckDBWarehouse] = []
    for name, settings in workspace.warehouses.items():
        if settings.enabled:
            warehouse = DuckDBWarehouse(workspace.folder / settings.path, sources=list(workspace.sources), name=name)
            stack.callback(warehouse.close)
            loader = WarehouseLoader(name, warehouse, clean, settings)
            loader.start()
            stack.push_async_callback(asyncio.to_thread, loader.stop)
            warehouses.append(warehouse)
    return warehouses


def _forget_removed(workspace: Workspace, clean: EventLog) -> None:
    """Stop keeping events for destinations and warehouses that are no longer in trackway.yaml."""
    kept = {consumers.destination(key) for key, one in workspace.destinations.items() if one.enabled} | {
        consumers.warehouse(name) for name, one in workspace.warehouses.items() if one.enabled
    }
    for topic in clean.topics:
        for consumer in clean.consumers(topic):
            if consumer not in kept:
                _log.warning("%s is gone from trackway.yaml or switched off: its unread events are not held", consumer)
                clean.forget(consumer)


async def _retain(workspace: Workspace, logs: tuple[EventLog, ...]) -> None:
    """Delete what is too old or too much, from time to time."""
    while True:
        for log in logs:
            await asyncio.to_thread(log.retain, max_age_s=workspace.log.keep, max_bytes=workspace.log.keep_size)
        await asyncio.sleep(_RETAIN_EVERY_S)
