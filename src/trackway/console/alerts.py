"""The part of the API about alerts: what rules say, who was told, and a message to try a channel."""

import asyncio
from typing import Any, Protocol

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.bodies import read_json
from trackway.console.errors import ApiError


class _Test(Struct, forbid_unknown_fields=True):
    channel: str


class AlertDesk(Protocol):
    """Alerts of the running product."""

    def show(self) -> Any:
        """Return rules, channels and what holds, as something that JSON can hold. May block."""
        ...

    async def test(self, channel: str) -> str:
        """Send a test message; return why it did not get there, `""` when it did.

        Raises:
            KeyError: there is no such channel.
        """
        ...


class AlertsApi:
    """Answers `/api/alerts` and `/api/alerts/test`."""

    def __init__(self, alerts: AlertDesk) -> None:
        self._alerts = alerts
        self.routes = [
            Route("/api/alerts", self.show),
            Route("/api/alerts/test", self.test, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """`GET /api/alerts`: the rules in force, the channels, and what holds now."""
        return json_answer(await asyncio.to_thread(self._alerts.show))

    async def test(self, request: Request) -> Response:
        """`POST /api/alerts/test` with `{"channel": "ops"}`: whether a test message got there."""
        channel = (await read_json(request, _Test)).channel
        try:
            error = await self._alerts.test(channel)
        except KeyError:
            raise ApiError(404, "unknown_channel", f"there is no channel {channel} under alerts.channels") from None
        return json_answer({"channel": channel, "sent": not error, "error": error})
