"""The hub's process: delivery, warehouses, console, retention.

DuckDB allows one writing process, so whoever asks the warehouse lives here too.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine
from starlette.applications import Starlette

from trackway.catalogue.blocked import BlockedLedger, blocked_feed
from trackway.catalogue.clients import ClientLedger, client_feed
from trackway.catalogue.entries import CatalogueReader
from trackway.catalogue.service import catalogue_feed
from trackway.catalogue.store import Catalogue
from trackway.console.app import create_app, end_streams, reconfigure
from trackway.delivery.deletion.service import DeletionService
from trackway.delivery.replay.service import ReplayService
from trackway.delivery.service import DeliveryService
from trackway.errors import TrackwayError
from trackway.identity.ledger import IdentityLedger
from trackway.identity.service import identity_feed
from trackway.log.contract import EventLog
from trackway.node.accounting import HubAccounting
from trackway.node.accounts import LogAccounts
from trackway.node.alerting.book import AlertBook
from trackway.node.alerting.desk import AlertDesk
from trackway.node.alerting.gather import Gatherer
from trackway.node.alerting.keeper import AlertKeeper
from trackway.node.alerting.messages import Messenger
from trackway.node.canary import Canary
from trackway.node.delivering.spread import SpreadDelivery
from trackway.node.desk import Desk
from trackway.node.desks import console_desks
from trackway.node.forwarding import Forwarder
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.node.monitoring import Monitor
from trackway.node.orders import News, Orders
from trackway.node.replaying import remaker
from trackway.node.serve import serve
from trackway.node.sockets import url_of
from trackway.node.warehouse_desk import WarehouseDesk
from trackway.node.warehouses import Warehouses
from trackway.state import open_state
from trackway.warehouse.contract import QueryResult
from trackway.warehouse.reports import Reports
from trackway.workspace import Secret, Workspace
from trackway.workspace.create import console_token

_RETAIN_EVERY_S = 30.0
_log = logging.getLogger(__name__)


async def run_hub(
    orders: Orders,
    stopping: asyncio.Event,
    ready: Callable[[], None],
    news: asyncio.Queue[News],
) -> None:
    """Serve the console on a bound socket, and deliver and load events, until `stopping` is set.

    `orders` hold the settings to begin with; those that come as `news` are taken over part by part: what they do not
    touch goes on undisturbed.
    """
    first, way, descriptor = orders.news, orders.canary, orders.sockets[0]
    workspace = first.workspace
    async with contextlib.AsyncExitStack() as stack:
        raw, clean = open_raw_log(workspace), open_clean_log(workspace)
        stack.callback(raw.close)
        stack.callback(clean.close)
        engine = open_state(workspace.data / "state.db")
        stack.callback(engine.dispose)
        reports = Reports(engine)
        warehouses = Warehouses(clean, reports)
        warehouse_desk = WarehouseDesk(warehouses, reports, clean)
        stack.push_async_callback(warehouses.stop)
        await warehouses.start(workspace)
        delivery = _delivery(orders, clean, engine)
        stack.push_async_callback(delivery.stop)
        await delivery.start()
        replays = ReplayService(workspace, clean, engine, remaker(raw))
        stack.push_async_callback(replays.stop)
        replays.start()
        deletions = DeletionService(workspace, clean, engine)
        stack.push_async_callback(deletions.stop)
        deletions.start()
        retention = _Retention(workspace, (raw, clean))
        stack.callback(asyncio.create_task(retention.run()).cancel)
        accounts = LogAccounts(workspace, raw, clean, engine)

        def ask(sql: str, limit: int) -> QueryResult:
            return warehouses.query(sql, limit=limit)

        accounting = HubAccounting(workspace, raw, clean, engine, ask)
        stack.push_async_callback(asyncio.to_thread, accounting.stop)
        accounting.start()
        canary = Canary(workspace, raw, clean, url=way.url, write_key=way.write_key, found=accounting.topics_of)
        stack.callback(asyncio.create_task(canary.run()).cancel)
        people = IdentityLedger(engine, workspace.identity)
        identity = identity_feed(people, clean)
        stack.push_async_callback(asyncio.to_thread, identity.stop)
        identity.start()
        catalogue = catalogue_feed(Catalogue(engine), clean)
        stack.push_async_callback(asyncio.to_thread, catalogue.stop)
        catalogue.start()
        now = _Now(workspace)
        clients = ClientLedger(engine)
        counting = client_feed(clients, clean)
        stack.push_async_callback(asyncio.to_thread, counting.stop)
        counting.start()
        blocking = blocked_feed(BlockedLedger(engine), clean)
        stack.push_async_callback(asyncio.to_thread, blocking.stop)
        blocking.start()
        forwarder = Forwarder(workspace, raw, clean, url=way.url)
        stack.push_async_callback(asyncio.to_thread, forwarder.stop)
        forwarder.start()
        monitor = Monitor(workspace, clean, engine, delivery.status)
        stack.push_async_callback(asyncio.to_thread, monitor.stop)
        monitor.start()
        desk = Desk(workspace, clean, engine, delivery)
        gather = Gatherer(
            now.get,
            engine,
            monitor,
            delivery.status,
            warehouses,
            lambda: accounting.differences,
            lambda: canary.report,
        )
        alerts = AlertKeeper(
            workspace.alerts,
            AlertBook(engine),
            gather,
            Messenger(allow_private=workspace.delivery.allow_private_addresses),
            console_url=_address_of(descriptor),
        )
        stack.callback(asyncio.create_task(alerts.run()).cancel)
        console = create_app(
            workspace,
            token=workspace.console.token or Secret(console_token(workspace.data)),
            ingest_url=ingest_url(workspace),
            clean=clean,
            raw=raw,
            accounts=accounts,
            accounting=accounting,
            catalogue=CatalogueReader(engine),
            deliveries=delivery,
            metrics=[delivery.metrics, accounting.metrics, canary.metrics, warehouse_desk.metrics, alerts.metrics],
            desks=console_desks(now.get, raw, clean, engine, people, warehouse_desk, ask),
            monitoring=monitor,
            clients=clients,
            destinations=desk,
            alerts=AlertDesk(alerts),
            allowed_hosts=workspace.console.allowed_hosts,
            queries=warehouses if warehouses.any else None,
        )
        parts = _Parts(
            warehouses,
            delivery,
            replays,
            deletions,
            retention,
            accounts,
            accounting,
            canary,
            alerts,
            forwarder,
            monitor,
            desk,
            people,
            now,
            console,
        )
        parts.show(first)
        stack.callback(asyncio.create_task(_follow(news, parts, held=workspace)).cancel)
        await serve(console, descriptor, stopping, ready, lifespan=True, before_stop=lambda: end_streams(console))


def ingest_url(workspace: Workspace) -> str:
    """Return the address that clients send to."""
    collector = workspace.collector
    return collector.public_url or f"http://{collector.host}:{collector.port}"


def _address_of(descriptor: int) -> str:
    """Return where the console is reached on this machine."""
    with socket.socket(fileno=os.dup(descriptor)) as listener:
        return url_of(listener)


def _delivery(orders: Orders, clean: EventLog, engine: Engine) -> DeliveryService | SpreadDelivery:
    """Return what delivers: this process, or those that the supervisor has started for it."""
    workspace = orders.news.workspace
    if orders.deliveries:
        return SpreadDelivery(workspace, orders.news.owners, clean, engine, orders.deliveries)
    return DeliveryService(workspace, clean, engine, locks=workspace.delivery_locks)


class _Now:
    """The settings in force, for whoever asks each time."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def get(self) -> Workspace:
        return self.workspace


class _Retention:
    """Deletes what is too old or too much, from time to time."""

    def __init__(self, workspace: Workspace, logs: tuple[EventLog, ...]) -> None:
        self.workspace = workspace
        self._logs = logs

    async def run(self) -> None:
        """Work for ever."""
        while True:
            for log in self._logs:
                kept = self.workspace.log
                await asyncio.to_thread(log.retain, max_age_s=kept.keep, max_bytes=kept.keep_size)
            await asyncio.sleep(_RETAIN_EVERY_S)


class _Parts(NamedTuple):
    """What follows the settings."""

    warehouses: Warehouses
    delivery: DeliveryService | SpreadDelivery
    replays: ReplayService
    deletions: DeletionService
    retention: _Retention
    accounts: LogAccounts
    accounting: HubAccounting
    canary: Canary
    alerts: AlertKeeper
    forwarder: Forwarder
    monitor: Monitor
    desk: Desk
    people: IdentityLedger
    now: "_Now"
    console: Starlette

    async def configure(self, news: News) -> None:
        """Take over changed settings."""
        workspace = news.workspace
        if isinstance(self.delivery, SpreadDelivery):
            self.delivery.configure(workspace, news.owners)
        else:
            await self.delivery.configure(workspace)
        await self.warehouses.configure(workspace)
        self.replays.workspace = workspace
        self.deletions.workspace = workspace
        self.retention.workspace = workspace
        self.accounts.workspace = workspace
        self.accounting.workspace = workspace
        self.canary.configure(workspace)
        self.alerts.configure(workspace)
        await asyncio.to_thread(self.forwarder.configure, workspace)
        self.monitor.workspace = workspace
        self.desk.workspace = workspace
        self.people.rules = workspace.identity
        self.now.workspace = workspace

    def show(self, news: News) -> None:
        """Let the console show how the settings stand."""
        reconfigure(
            self.console,
            news.workspace,
            ingest_url=ingest_url(news.workspace),
            queries=self.warehouses if self.warehouses.any else None,
            mistake=news.mistake,
            waiting=news.waiting,
        )


async def _follow(news: asyncio.Queue[News], parts: _Parts, *, held: Workspace) -> None:
    while True:
        heard = await news.get()
        if heard.workspace != held:
            try:
                await parts.configure(heard)
                held = heard.workspace
            except TrackwayError as error:
                _log.error("the changed settings cannot be used here: %s", error)
        parts.show(heard)
