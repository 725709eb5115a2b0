"""The part of the API that says how everything stands, and stood: `/api/health` and `/api/history`."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.contract import Monitoring
from trackway.console.errors import ApiError


class HealthApi:
    """Answers for the overview."""

    def __init__(self, monitoring: Monitoring) -> None:
        self._monitoring = monitoring
        self.routes = [Route("/api/health", self.health), Route("/api/history", self.history)]

    async def health(self, request: Request) -> Response:
        """`GET /api/health`: rates, lag and errors of the last minutes, and the disk."""
        return json_answer(await asyncio.to_thread(self._monitoring.health))

    async def history(self, request: Request) -> Response:
        """`GET /api/history?range=24h`: rates and standings over 15m, 1h, 6h, 24h, 7d or 30d."""
        wanted = request.query_params.get("range") or "1h"
        try:
            found = await asyncio.to_thread(self._monitoring.history, wanted)
        except KeyError:
            raise ApiError(400, "bad_parameter", f"range is 15m, 1h, 6h, 24h, 7d or 30d, not {wanted}") from None
        return json_answer(found)
