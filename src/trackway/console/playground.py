"""The playground's part of the API: what would become of a call, what is known to help, and sending it for real."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta, Struct, structs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.bodies import read_json
from trackway.console.errors import ApiError
from trackway.console.guard import client_of
from trackway.errors import TrackwayError
from trackway.events.semantic import semantic_events

MAX_CALL = 256 * 1024
CallType = Literal["track", "identify", "page", "screen", "group", "alias"]


class Engine(Protocol):
    """What runs a made-up call through the product's own code. May block; called from a thread."""

    def preview(
        self,
        body: bytes,
        *,
        source: str = "",
        path_type: str | None = None,
        ip: str = "",
        user_agent: str = "",
        client_side: bool = False,
        examples: bool = True,
    ) -> Any:
        """Return what would become of a call, as something that JSON can hold."""
        ...


class Call(Struct, frozen=True, kw_only=True):
    """A made-up call, and how it is said to have come."""

    body: bytes
    source: str = ""
    path_type: str | None = None
    ip: str = ""
    user_agent: str = ""
    client_side: bool = False
    examples: bool = True


Preview = Callable[[Call], Awaitable[Any]]
"""Returns what would become of a call, as something that JSON can hold; raises TrackwayError when it cannot say."""

Send = Callable[[str, bytes, str], Awaitable[Any]]
"""Takes a source's key, a call and a user agent, sends it to the collector, and returns the answer."""


class Ask(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/playground/preview`; the call is any JSON, so that a wrong one can be judged too."""

    call: msgspec.Raw = msgspec.Raw()
    text: Annotated[str, Meta(max_length=MAX_CALL)] | None = None
    """Instead of `call`: its text, which need not be JSON."""
    source: Annotated[str, Meta(max_length=100)] = ""
    path_type: CallType | None = None
    client_side: bool = False
    user_agent: Annotated[str, Meta(max_length=1000)] = ""
    examples: bool = True
    """Also show destination types that the workspace does not have."""


class SendAsk(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/playground/send`."""

    call: msgspec.Raw
    source: Annotated[str, Meta(min_length=1, max_length=100)]
    user_agent: Annotated[str, Meta(max_length=1000)] = ""


class PlaygroundApi:
    """Answers `/api/playground/…`."""

    def __init__(self, preview: Preview, send: Send | None, *, most_bytes: int = 2 * MAX_CALL) -> None:
        """Without `send` nothing can be sent, as on a page for everybody; `most_bytes` bounds a preview's body."""
        self._preview, self._send, self._most_bytes = preview, send, most_bytes
        self.routes = [
            Route("/api/playground", self.help),
            Route("/api/playground/preview", self.preview, methods=["POST"]),
            *([Route("/api/playground/send", self.send, methods=["POST"])] if send else []),
        ]

    async def help(self, request: Request) -> Response:
        """`GET /api/playground`: the known events with their properties, and whether one can send."""
        return json_answer({"events": _KNOWN, "can_send": self._send is not None})

    async def preview(self, request: Request) -> Response:
        """`POST /api/playground/preview`: what would become of a call."""
        asked = await read_json(request, Ask, most_bytes=self._most_bytes)
        call = bytes(asked.call)
        if bool(call) == (asked.text is not None):
            raise ApiError(400, "bad_request", "give either `call`, as JSON, or its `text`")
        made_up = Call(
            body=call or (asked.text or "").encode(),
            source=asked.source,
            path_type=asked.path_type,
            ip=client_of(request.scope),
            user_agent=asked.user_agent,
            client_side=asked.client_side,
            examples=asked.examples,
        )
        try:
            return json_answer(await self._preview(made_up))
        except ApiError:
            raise
        except TrackwayError as error:
            raise ApiError(400, "not_shown", str(error)) from None

    async def send(self, request: Request) -> Response:
        """`POST /api/playground/send`: send a call to the collector, as a client of the source would."""
        asked = await read_json(request, SendAsk, most_bytes=MAX_CALL)
        if self._send is None:
            raise ApiError(404, "cannot_send", "this playground sends nothing")
        try:
            return json_answer(await self._send(asked.source, bytes(asked.call), asked.user_agent))
        except TrackwayError as error:
            raise ApiError(502, "not_sent", str(error)) from None


def in_thread(engine: Engine) -> Preview:
    """Return what asks `engine` on a thread."""

    async def preview(call: Call) -> Any:
        return await asyncio.to_thread(engine.preview, **structs.asdict(call))

    return preview


def _known() -> list[dict[str, Any]]:
    return [
        {
            "name": event.name,
            "category": event.category,
            "summary": event.summary,
            "properties": [
                {"name": rule.name, "type": rule.type, "description": rule.description}
                for rule in event.properties.values()
            ],
        }
        for event in semantic_events().values()
    ]


_KNOWN = _known()
