"""The console's ASGI app: API, live tail, login and the web page, behind one guard."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from trackway.console import filters
from trackway.console.access import Access, FailureLimit, Hosts
from trackway.console.accounting import AccountingApi
from trackway.console.alerts import AlertDesk, AlertsApi
from trackway.console.api import Api
from trackway.console.catalogue import CatalogueApi
from trackway.console.clients import ClientsApi
from trackway.console.contract import (
    Accounting,
    Accounts,
    Catalogue,
    Clients,
    Deliveries,
    Destinations,
    Monitoring,
    Queries,
)
from trackway.console.deliveries import DeliveryApi
from trackway.console.desks import Desks, desk_routes
from trackway.console.destinations import DestinationsApi
from trackway.console.guard import Guard
from trackway.console.handlers import error_handlers, unknown_path
from trackway.console.health import HealthApi
from trackway.console.jobs import Jobs
from trackway.console.live import Hub
from trackway.console.login import Login
from trackway.console.metrics import MetricsApi, Part
from trackway.console.overview import Overview
from trackway.console.pages import icon, stylesheet
from trackway.console.stream import LiveStream
from trackway.console.web_page import STATIC, WebPage
from trackway.log.contract import EventLog
from trackway.workspace import Secret, Workspace

_JOIN_S = 2.0


def create_app(
    workspace: Workspace,
    *,
    token: Secret,
    ingest_url: str,
    clean: EventLog,
    raw: EventLog,
    accounts: Accounts,
    queries: Queries | None,
    accounting: Accounting | None = None,
    catalogue: Catalogue | None = None,
    deliveries: Deliveries | None = None,
    metrics: Sequence[Part] = (),
    desks: Desks | None = None,
    monitoring: Monitoring | None = None,
    clients: Clients | None = None,
    destinations: Destinations | None = None,
    alerts: AlertDesk | None = None,
    allowed_hosts: Sequence[str] = (),
    static: Path = STATIC,
) -> Starlette:
    """Return the console of `workspace`, opened by `token`; serve it with lifespan on.

    `ingest_url` is where clients send to, such as `http://127.0.0.1:8080`. `allowed_hosts` are further names under
    which the console is reached, such as a proxy's. A server that stops calls `end_streams` first.
    """
    hub = Hub(clean)
    overview = Overview(accounts, lambda: hub.watched, hub.notify)
    access, failures = Access(token), FailureLimit()
    hosts = Hosts(workspace.console.host, allowed_hosts)
    jobs = Jobs()
    login, page = Login(access, failures), WebPage(static)
    api = Api(workspace, ingest_url=ingest_url, clean=clean, raw=raw, overview=overview, queries=queries)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with overview.sampling():
            yield
        jobs.stop()
        hub.close()
        await asyncio.to_thread(hub.join, _JOIN_S)

    app = Starlette(
        lifespan=lifespan,
        middleware=[Middleware(Guard, access=access, failures=failures, hosts=hosts)],
        exception_handlers=error_handlers(),
        routes=[
            Route("/login", login.show, methods=["GET"]),
            Route("/login", login.submit, methods=["POST"]),
            Route("/logout", login.leave, methods=["POST"]),
            Route("/page.css", stylesheet),
            Route("/favicon.svg", icon),
            Route("/api/live", LiveStream(clean, hub, overview).respond),
            Route("/api/events", api.events),
            Route("/api/events/{topic}/{partition:int}/{offset:int}", api.event),
            Route("/api/overview", api.overview),
            Route("/api/workspace", api.workspace),
            Route("/api/filter", filters.check),
            Route("/api/sql", api.sql, methods=["POST"]),
            *(AccountingApi(accounting).routes if accounting else []),
            *(CatalogueApi(catalogue).routes if catalogue else []),
            *(DeliveryApi(deliveries).routes if deliveries else []),
            *MetricsApi(metrics).routes,
            *(desk_routes(desks, jobs) if desks else []),
            *(DestinationsApi(destinations, jobs).routes if destinations else []),
            *(HealthApi(monitoring).routes if monitoring else []),
            *(ClientsApi(clients).routes if clients else []),
            *(AlertsApi(alerts).routes if alerts else []),
            Route("/api/{rest:path}", unknown_path),
            Route("/assets/{name}", page.asset),
            Route("/{path:path}", page.page),
        ],
    )
    app.state.hub, app.state.api = hub, api
    return app


def reconfigure(
    app: Starlette,
    workspace: Workspace,
    *,
    ingest_url: str,
    queries: Queries | None,
    mistake: str = "",
    waiting: Sequence[str] = (),
) -> None:
    """Make an app of `create_app` show changed settings.

    `mistake` says why trackway.yaml as it is now is not in force; `waiting` are the keys whose change waits for a
    restart. Token and hosts stay those of the start.
    """
    api: Api = app.state.api
    api.configure(workspace, ingest_url=ingest_url, queries=queries, mistake=mistake, waiting=waiting)


def end_streams(app: Starlette) -> None:
    """End all live views of an app of `create_app`, so that its server need not wait for them. From any thread."""
    hub: Hub = app.state.hub
    hub.end()
