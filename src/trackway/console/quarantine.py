"""The part of the API for refused calls: what they are, what a change would make of them, and their release."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.bodies import read_json
from trackway.console.errors import ApiError
from trackway.console.jobs import Jobs, Progress
from trackway.console.query import number, truth

PAGE, MAX_PAGE = 100, 500
MAX_CALLS = 1_000
"""Calls that one release may name."""
_RELEASE_BYTES = 8 << 20
_POSITION = re.compile(r"(?:quarantine/)?(\d{1,9})/(\d{1,15})")
Calls = Sequence[tuple[tuple[int, int], str | None]]


class QuarantineDesk(Protocol):
    """What is done with refused calls. Each method may block and is called from a thread."""

    def page(self, wanted: dict[str, Any], *, before: tuple[int, int] | None, limit: int) -> Sequence[Any]:
        """Return the newest calls that are older than `before`, without bodies."""
        ...

    def groups(self, wanted: dict[str, Any]) -> Any:
        """Return calls in groups of those refused alike."""
        ...

    def show(self, place: tuple[int, int]) -> Any:
        """Return one call, None when it is not there."""
        ...

    def attempt(self, place: tuple[int, int], body: str | None) -> Any:
        """Return what would become of a call with another text; None when it is not there."""
        ...

    def release(
        self,
        progress: Progress,
        *,
        calls: Calls,
        wanted: dict[str, Any] | None,
        sets: Sequence[str],
        removes: Sequence[str],
        dry_run: bool,
    ) -> Any:
        """Let calls out and return what was done."""
        ...


class Which(Struct, forbid_unknown_fields=True):
    """Which calls; an empty member asks nothing."""

    source: str = ""
    reason: str = ""
    name: str = ""
    pointer: str | None = None


class NamedCall(Struct, forbid_unknown_fields=True):
    """A call to be released."""

    position: str
    body: str | None = None
    """Another text for it."""


class Attempt(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/quarantine/attempt`."""

    position: str
    body: str | None = None


class Release(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/quarantine/release`: calls by name, or all that are alike."""

    calls: list[NamedCall] = []
    which: Which | None = None
    set: list[str] = []
    """`POINTER=JSON` for each of them, such as `/properties/total=12`."""
    remove: list[str] = []
    """JSON pointers."""
    dry_run: bool = False


class QuarantineApi:
    """Answers `/api/quarantine/…`."""

    def __init__(self, desk: QuarantineDesk, jobs: Jobs) -> None:
        self._desk, self._jobs = desk, jobs
        self.routes = [
            Route("/api/quarantine", self.page),
            Route("/api/quarantine/groups", self.groups),
            Route("/api/quarantine/attempt", self.attempt, methods=["POST"]),
            Route("/api/quarantine/release", self.release, methods=["POST"]),
            Route("/api/quarantine/{partition:int}/{offset:int}", self.show),
        ]

    async def page(self, request: Request) -> Response:
        """`GET /api/quarantine`: calls older than `before`, newest first."""
        query = request.query_params
        limit = number(query, "limit", default=PAGE, most=MAX_PAGE)
        before = _place(query["before"]) if query.get("before") else None
        found = await asyncio.to_thread(self._desk.page, _wanted(query), before=before, limit=limit)
        return json_answer({"calls": found})

    async def groups(self, request: Request) -> Response:
        """`GET /api/quarantine/groups`: counts by source, reason, place of the fault and name."""
        return json_answer(await asyncio.to_thread(self._desk.groups, _wanted(request.query_params)))

    async def show(self, request: Request) -> Response:
        """`GET /api/quarantine/{partition}/{offset}`: one call with its text."""
        place = request.path_params["partition"], request.path_params["offset"]
        return json_answer(_there(await asyncio.to_thread(self._desk.show, place)))

    async def attempt(self, request: Request) -> Response:
        """`POST /api/quarantine/attempt`: what would become of a call, perhaps with another text."""
        asked = await read_json(request, Attempt)
        found = await asyncio.to_thread(self._desk.attempt, _place(asked.position), asked.body)
        return json_answer(_there(found))

    async def release(self, request: Request) -> Response:
        """`POST /api/quarantine/release`: a job that lets calls out."""
        asked = await read_json(request, Release, most_bytes=_RELEASE_BYTES)
        if bool(asked.calls) == (asked.which is not None):
            raise ApiError(400, "bad_request", "name either calls, or which calls are to be released")
        if len(asked.calls) > MAX_CALLS:
            raise ApiError(400, "too_many", f"at most {MAX_CALLS:,} calls by name; release groups instead")
        calls = [(_place(one.position), one.body) for one in asked.calls]
        which = asked.which
        wanted = None if which is None else {name: getattr(which, name) for name in which.__struct_fields__}

        def work(progress: Progress) -> Any:
            return self._desk.release(
                progress, calls=calls, wanted=wanted, sets=asked.set, removes=asked.remove, dry_run=asked.dry_run
            )

        return self._jobs.start("release", work)


def _wanted(query: Mapping[str, str]) -> dict[str, Any]:
    return {
        "source": query.get("source", ""),
        "reason": query.get("reason", ""),
        "name": query.get("name", ""),
        "pointer": query.get("pointer"),
        "released": truth(query, "released", default=False),
    }


def _place(text: str) -> tuple[int, int]:
    found = _POSITION.fullmatch(text)
    if found is None:
        raise ApiError(400, "bad_position", f"{text[:100]} is no position in quarantine; write it like quarantine/0/12")
    return int(found[1]), int(found[2])


def _there(found: Any) -> Any:
    if found is None:
        raise ApiError(404, "not_found", "there is no such call in quarantine: deleted by now, or never there")
    return found
