"""The part of the API that tells which client libraries sources use: `/api/clients`."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.contract import Clients


class ClientsApi:
    """Answers `/api/clients`."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.routes = [Route("/api/clients", self.list)]

    async def list(self, request: Request) -> Response:
        """`GET /api/clients?source=web`: libraries and versions with counts, the most used first."""
        source = request.query_params.get("source") or None
        return json_answer({"clients": await asyncio.to_thread(self._clients.read, source)})
