"""The part of the API that counts events by type, name and release of the app."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.bodies import read_json
from trackway.console.jobs import Jobs, Progress

BreakdownDesk = Callable[[dict[str, Any], Progress], Any]
"""Answers a wish; may take long, and is called from a thread."""
_Name = Annotated[str, Meta(max_length=200)]


class Wish(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/breakdown`; what is empty asks nothing."""

    destinations: Annotated[list[_Name], Meta(max_length=20)] = []
    """What became of the events where; none: only what came is counted."""
    from_ms: Annotated[int, Meta(ge=0, le=1 << 53)] | None = None
    """Received at or after."""
    source: _Name = ""
    where: Annotated[str, Meta(max_length=10_000)] = ""
    """A filter in FQL."""


class BreakdownApi:
    """Answers `/api/breakdown`."""

    def __init__(self, desk: BreakdownDesk, jobs: Jobs) -> None:
        self._desk, self._jobs = desk, jobs
        self.routes = [Route("/api/breakdown", self.begin, methods=["POST"])]

    async def begin(self, request: Request) -> Response:
        """`POST /api/breakdown`: a job that counts calls by source, type, name and release of the app.

        Its result is a `node.breakdown.Breakdown`; its progress counts records of the log.
        """
        wish = msgspec.structs.asdict(await read_json(request, Wish))
        return self._jobs.start("breakdown", lambda progress: self._desk(wish, progress))
