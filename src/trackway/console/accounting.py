"""The part of the API that accounts for events: the ledger and traces."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.contract import Accounting
from trackway.console.errors import ApiError

MAX_ID_CHARS = 1_000


class AccountingApi:
    """Answers `/api/ledger` and `/api/trace/…`."""

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting
        self.routes = [
            Route("/api/ledger", self.ledger),
            Route("/api/trace/{message_id:path}", self.trace),
        ]

    async def ledger(self, request: Request) -> Response:
        """`GET /api/ledger`: what became of everything, and whether the books balance."""
        return json_answer(await asyncio.to_thread(self._accounting.ledger))

    async def trace(self, request: Request) -> Response:
        """`GET /api/trace/{message id}`: the story of every call with this id; none is an empty list."""
        message_id: str = request.path_params["message_id"]
        if len(message_id) > MAX_ID_CHARS:
            raise ApiError(400, "bad_parameter", f"a message id has at most {MAX_ID_CHARS} characters")
        return json_answer({"stories": await asyncio.to_thread(self._accounting.trace, message_id)})
