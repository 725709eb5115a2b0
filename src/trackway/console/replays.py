"""The part of the API for replays: a dry run first, then the order, its progress, and its end."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.bodies import read_json
from trackway.console.errors import ApiError
from trackway.console.jobs import Jobs
from trackway.errors import TrackwayError


class ReplayDesk(Protocol):
    """What is done with replays. Each method may block and is called from a thread."""

    def all(self) -> Sequence[Any]:
        """Return all replays, the newest first."""
        ...

    def show(self, number: int) -> Any:
        """Return one replay, None when there is none of this number."""
        ...

    def preview(self, wish: dict[str, Any], progress: Any) -> Any:
        """Return what a replay would send."""
        ...

    def give(self, wish: dict[str, Any]) -> int:
        """Order a replay and return its number."""
        ...

    def cancel(self, number: int) -> bool:
        """End a replay; False when it had ended already."""
        ...


class Wish(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/replays` and `…/preview`."""

    destination: Annotated[str, Meta(min_length=1)]
    from_ms: Annotated[int, Meta(ge=0)] | None = None
    """Received at or after, epoch milliseconds."""
    to_ms: Annotated[int, Meta(ge=0)] | None = None
    """Received before."""
    where: Annotated[str, Meta(max_length=10_000)] = ""
    """FQL."""
    sources: list[str] = []
    through_pipeline: bool = False
    again: bool = False
    rate: Annotated[float, Meta(gt=0)] | None = None
    """Events a second at the most."""


class ReplayApi:
    """Answers `/api/replays/…`."""

    def __init__(self, desk: ReplayDesk, jobs: Jobs) -> None:
        self._desk, self._jobs = desk, jobs
        self.routes = [
            Route("/api/replays", self.all, methods=["GET"]),
            Route("/api/replays", self.give, methods=["POST"]),
            Route("/api/replays/preview", self.preview, methods=["POST"]),
            Route("/api/replays/{number:int}", self.show),
            Route("/api/replays/{number:int}/cancel", self.cancel, methods=["POST"]),
        ]

    async def all(self, request: Request) -> Response:
        """`GET /api/replays`: all of them, the newest first."""
        return json_answer({"replays": await asyncio.to_thread(self._desk.all)})

    async def show(self, request: Request) -> Response:
        """`GET /api/replays/{number}`: one, with how far it is."""
        return json_answer(await self._found(request.path_params["number"]))

    async def preview(self, request: Request) -> Response:
        """`POST /api/replays/preview`: a job that counts what would be sent, and shows some of it."""
        wish = msgspec.structs.asdict(await read_json(request, Wish))
        return self._jobs.start("replay-preview", lambda progress: self._desk.preview(wish, progress))

    async def give(self, request: Request) -> Response:
        """`POST /api/replays`: order one; it goes on by itself, and survives a restart."""
        wish = msgspec.structs.asdict(await read_json(request, Wish))
        try:
            number = await asyncio.to_thread(self._desk.give, wish)
        except TrackwayError as error:
            raise ApiError(400, "bad_replay", str(error)) from None
        return json_answer(await self._found(number), status=201)

    async def cancel(self, request: Request) -> Response:
        """`POST /api/replays/{number}/cancel`: stop one where it stands."""
        number: int = request.path_params["number"]
        await self._found(number)
        if not await asyncio.to_thread(self._desk.cancel, number):
            raise ApiError(409, "ended", f"replay {number} has ended already")
        return json_answer(await self._found(number))

    async def _found(self, number: int) -> Any:
        found = await asyncio.to_thread(self._desk.show, number)
        if found is None:
            raise ApiError(404, "not_found", f"there is no replay {number}")
        return found
