"""The part of the API about single destinations: `/api/destinations/{key}/…`."""

import asyncio
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.bodies import read_json
from trackway.console.contract import Destinations
from trackway.console.errors import ApiError
from trackway.console.jobs import Jobs, Progress
from trackway.console.query import number
from trackway.delivery.service import UnknownDestination
from trackway.errors import TrackwayError
from trackway.events.records import Place

LETTERS = 50
MAX_LETTERS = 500
_Text = Annotated[str, Meta(max_length=1000)]


class Nothing(Struct, forbid_unknown_fields=True):
    """An empty body."""


class Release(Struct, forbid_unknown_fields=True):
    """The body of `POST …/release`: what is empty asks nothing."""

    reason: _Text = ""
    message_id: _Text = ""


class Resend(Struct, forbid_unknown_fields=True):
    """The body of `POST …/resend`: an event of the topic `events`."""

    partition: Annotated[int, Meta(ge=0, le=1 << 31)]
    offset: Annotated[int, Meta(ge=0, le=1 << 53)]


class EventBody(Struct, forbid_unknown_fields=True):
    """The body of `POST …/preview` and `…/case`."""

    event: dict[str, Any]


class DestinationsApi:
    """Answers for one destination at a time."""

    def __init__(self, destinations: Destinations, jobs: Jobs) -> None:
        self._destinations, self._jobs = destinations, jobs
        one = "/api/destinations/{key}"
        self.routes = [
            Route(one, self.detail),
            Route(f"{one}/groups", self.groups),
            Route(f"{one}/letters", self.letters),
            *(
                Route(f"{one}/{name}", method, methods=["POST"])
                for name, method in (
                    ("release", self.release),
                    ("pause", self.pause),
                    ("resume", self.resume),
                    ("check", self.check),
                    ("resend", self.resend),
                    ("preview", self.preview),
                    ("case", self.case),
                )
            ),
        ]

    async def detail(self, request: Request) -> Response:
        """`GET /api/destinations/{key}`: settings without secrets, mappings, filters, limits."""
        return json_answer(await _told(asyncio.to_thread(self._destinations.detail, _key(request))))

    async def groups(self, request: Request) -> Response:
        """`GET …/groups`: dead letters by reason, each with its newest one."""
        return json_answer({"groups": await _told(asyncio.to_thread(self._destinations.groups, _key(request)))})

    async def letters(self, request: Request) -> Response:
        """`GET …/letters?reason=…&limit=50`: the newest dead letters."""
        query = request.query_params
        limit = number(query, "limit", default=LETTERS, most=MAX_LETTERS)
        found = asyncio.to_thread(self._destinations.letters, _key(request), query.get("reason", ""), limit)
        return json_answer({"letters": await _told(found)})

    async def release(self, request: Request) -> Response:
        """`POST …/release`: a job that has dead letters tried again."""
        wanted, key = await read_json(request, Release), _key(request)
        groups = await _told(asyncio.to_thread(self._destinations.groups, key))
        waiting = sum(one.events for one in groups if wanted.reason in ("", one.reason))

        def work(progress: Progress) -> Any:
            progress.begin(1 if wanted.message_id else waiting)
            return self._destinations.release(
                key, reason=wanted.reason, message_id=wanted.message_id, advance=progress.advance
            )

        return self._jobs.start("release-letters", work)

    async def pause(self, request: Request) -> Response:
        """`POST …/pause`: send nothing more; the log keeps the events."""
        await read_json(request, Nothing)
        await _told(self._destinations.pause(_key(request)))
        return json_answer({"paused": True})

    async def resume(self, request: Request) -> Response:
        """`POST …/resume`: go on where it stood."""
        await read_json(request, Nothing)
        await _told(self._destinations.resume(_key(request)))
        return json_answer({"paused": False})

    async def check(self, request: Request) -> Response:
        """`POST …/check`: ask the destination whether it knows the credentials."""
        await read_json(request, Nothing)
        return json_answer(await _told(self._destinations.check(_key(request))))

    async def resend(self, request: Request) -> Response:
        """`POST …/resend`: send one event once more; the answer has the replay's number."""
        wanted = await read_json(request, Resend)
        place = Place(wanted.partition, wanted.offset)
        act = asyncio.to_thread(self._destinations.resend, _key(request), place)
        return json_answer({"replay": await _told(act)})

    async def preview(self, request: Request) -> Response:
        """`POST …/preview`: what today's settings would send of an event, without secrets; nothing is sent."""
        wanted = await read_json(request, EventBody)
        return json_answer(await _told(asyncio.to_thread(self._destinations.preview, _key(request), wanted.event)))

    async def case(self, request: Request) -> Response:
        """`POST …/case`: a test case of an event, for the destination type's `cases` folder."""
        wanted = await read_json(request, EventBody)
        return json_answer(await _told(asyncio.to_thread(self._destinations.case, _key(request), wanted.event)))


def _key(request: Request) -> str:
    key: str = request.path_params["key"]
    return key


async def _told(act: Any) -> Any:
    try:
        return await act
    except UnknownDestination as error:
        raise ApiError(404, "unknown_destination", str(error)) from None
    except TrackwayError as error:
        raise ApiError(400, "refused", str(error)) from None
