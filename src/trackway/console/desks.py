"""The working parts of the console besides looking: what `trackway.node` hands in, and the routes for it."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine as Database
from starlette.routing import Route

from trackway.console.breakdown import BreakdownApi, BreakdownDesk
from trackway.console.jobs import Jobs
from trackway.console.people import PeopleApi, Profiles
from trackway.console.plans import PlanApi
from trackway.console.playground import Engine, PlaygroundApi, Send, in_thread
from trackway.console.quarantine import QuarantineApi, QuarantineDesk
from trackway.console.replays import ReplayApi, ReplayDesk
from trackway.console.settings import SettingsApi
from trackway.console.warehouses import WarehouseApi, WarehouseDesk
from trackway.identity.ledger import IdentityLedger
from trackway.log.contract import EventLog
from trackway.workspace.model import Workspace


class Desks(NamedTuple):
    """What the pages work with that do more than look."""

    workspace: Callable[[], Workspace]
    """The settings in force."""
    database: Database
    """The state."""
    clean: EventLog
    quarantine: QuarantineDesk
    replays: ReplayDesk
    people: IdentityLedger
    profiles: Profiles
    playground: Engine
    send: Send
    warehouses: WarehouseDesk
    breakdown: BreakdownDesk


def desk_routes(desks: Desks, jobs: Jobs) -> list[Route]:
    """Return the routes of all desks; long actions run as `jobs`."""
    return [
        *jobs.routes,
        *QuarantineApi(desks.quarantine, jobs).routes,
        *ReplayApi(desks.replays, jobs).routes,
        *PeopleApi(desks.people, desks.clean, desks.profiles).routes,
        *PlanApi(desks.workspace, desks.database, desks.clean).routes,
        *SettingsApi(desks.workspace).routes,
        *WarehouseApi(desks.warehouses, jobs).routes,
        *BreakdownApi(desks.breakdown, jobs).routes,
        *PlaygroundApi(in_thread(desks.playground), desks.send).routes,
    ]
