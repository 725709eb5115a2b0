"""What the console works with: quarantine, replays, people, plans, settings and the playground."""

import time
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Engine

from trackway.catalogue.entries import CatalogueReader
from trackway.console.desks import Desks
from trackway.identity.ledger import IdentityLedger
from trackway.log.contract import EventLog
from trackway.node.breakdown import BreakdownDesk
from trackway.node.playground.engine import Playground
from trackway.node.playground.sending import send_call
from trackway.node.profiles import Ask, Profiles
from trackway.node.quarantine.desk import QuarantineDesk
from trackway.node.replays import ReplayDesk
from trackway.node.warehouse_desk import WarehouseDesk
from trackway.workspace.model import Workspace

_NAMES_KEPT_S = 5.0


def console_desks(
    workspace: Callable[[], Workspace],
    raw: EventLog,
    clean: EventLog,
    engine: Engine,
    people: IdentityLedger,
    warehouses: WarehouseDesk,
    ask: Ask,
) -> Desks:
    """Return the desks of a running product; `workspace()` are the settings of any moment, `ask` asks its warehouse."""

    async def send(source: str, body: bytes, user_agent: str) -> dict[str, Any]:
        return await send_call(workspace(), source, body, user_agent=user_agent)

    return Desks(
        workspace=workspace,
        database=engine,
        clean=clean,
        quarantine=QuarantineDesk(workspace, raw, clean, engine),
        replays=ReplayDesk(workspace, raw, clean, engine),
        people=people,
        profiles=Profiles(ask),
        playground=Playground(workspace, _Names(engine)),
        send=send,
        warehouses=warehouses,
        breakdown=BreakdownDesk(workspace, clean, engine),
    )


class _Names:
    """The names of track events that a source uses, a few seconds old at most."""

    def __init__(self, engine: Engine) -> None:
        self._catalogue = CatalogueReader(engine)
        self._known: dict[str, tuple[float, Collection[str]]] = {}

    def __call__(self, source: str) -> Collection[str]:
        known = self._known.get(source)
        if known is None or time.monotonic() - known[0] > _NAMES_KEPT_S:
            names = {one.name for one in self._catalogue.events(source=source) if one.type == "track"}
            known = self._known[source] = (time.monotonic(), names)
        return known[1]
