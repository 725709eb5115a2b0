"""The part of the API for warehouses: how loading goes, and recounting and rebuilding as jobs."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.bodies import read_json
from trackway.console.errors import ApiError
from trackway.console.jobs import Jobs
from trackway.console.query import number


class WarehouseDesk(Protocol):
    """What is done with warehouses. Each method may block and is called from a thread."""

    def all(self) -> Sequence[Any]:
        """Return how each warehouse does."""
        ...

    def loads(self, name: str, *, limit: int) -> Sequence[Any]:
        """Return the newest loads of one, the newest first."""
        ...

    def has(self, name: str) -> bool:
        """Say whether there is one of this name."""
        ...

    def do(self, name: str, action: str, wish: dict[str, str], progress: Any) -> Any:
        """Do something that takes long, and return what became of it."""
        ...


class Nothing(Struct, forbid_unknown_fields=True):
    """The body of `…/verify` and `…/snapshot`."""


class Table(Struct, forbid_unknown_fields=True):
    """The body of `…/rebuild`."""

    table: Annotated[str, Meta(min_length=1)]
    """`schema.table`, or `table` in the first schema that has one."""


class Column(Struct, forbid_unknown_fields=True):
    """The body of `…/retype`."""

    table: Annotated[str, Meta(min_length=1)]
    column: Annotated[str, Meta(min_length=1)]
    type: Literal["boolean", "integer", "decimal", "float", "date", "timestamp", "text", "auto"]
    """`auto` gives the column back to its values."""


_BODIES: dict[str, type[Struct]] = {"verify": Nothing, "snapshot": Nothing, "rebuild": Table, "retype": Column}


class WarehouseApi:
    """Answers `/api/warehouse/…`."""

    def __init__(self, desk: WarehouseDesk, jobs: Jobs) -> None:
        self._desk, self._jobs = desk, jobs
        self.routes = [
            Route("/api/warehouse", self.all),
            Route("/api/warehouse/{name}/loads", self.loads),
            Route("/api/warehouse/{name}/{action}", self.act, methods=["POST"]),
        ]

    async def all(self, request: Request) -> Response:
        """`GET /api/warehouse`: `warehouses`, each with `name`, `type`, `status` and `findings`.

        `status` has the loader's state, counts since its start, lag in events, the last load and the last error (see
        `loader.LoaderStatus`); `findings` the columns whose values were diverted to `_rest`, or that widened
        (`reports.Finding`); `snapshot` the copy for other tools, where one is made; `own_columns` those that keep
        their type.
        """
        return json_answer({"warehouses": await asyncio.to_thread(self._desk.all)})

    async def loads(self, request: Request) -> Response:
        """`GET /api/warehouse/{name}/loads?limit=50`: the newest `loads` (`reports.SyncReport`), newest first."""
        name = self._name(request)
        limit = number(request.query_params, "limit", default=50, most=1000)
        return json_answer({"loads": await asyncio.to_thread(self._desk.loads, name, limit=limit)})

    async def act(self, request: Request) -> Response:
        """`POST /api/warehouse/{name}/verify`, `rebuild`, `retype` or `snapshot`: a job; see `/api/jobs/{number}`.

        Its result is, for `verify`, `{"tables": [upkeep.TableCount, …], "differences": 0}`, for `rebuild` and `retype`
        an `upkeep.Rebuilt`, for `snapshot` `{"path": …, "bytes": …}`; its progress counts bytes, the others' events.
        """
        name = self._name(request)
        action: str = request.path_params["action"]
        body = _BODIES.get(action)
        if body is None:
            raise ApiError(404, "unknown_path", f"warehouses know no {action}; they know {', '.join(_BODIES)}")
        wish = msgspec.structs.asdict(await read_json(request, body))
        return self._jobs.start(f"warehouse-{action}", lambda progress: self._desk.do(name, action, wish, progress))

    def _name(self, request: Request) -> str:
        name: str = request.path_params["name"]
        if not self._desk.has(name):
            raise ApiError(404, "no_warehouse", f"no warehouse {name} is switched on in trackway.yaml")
        return name
