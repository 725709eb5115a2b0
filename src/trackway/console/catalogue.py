"""The part of the API that tells what each source sends."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.contract import Catalogue
from trackway.console.query import number

PAGE = 100
MAX_PAGE = 10_000


class CatalogueApi:
    """Answers `/api/catalogue` and `/api/catalogue/findings`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.routes = [
            Route("/api/catalogue", self.events),
            Route("/api/catalogue/findings", self.findings),
        ]

    async def events(self, request: Request) -> Response:
        """`GET /api/catalogue`: the events of `source`, or all, with what is in them, and the blocked ones."""
        source, event = _wanted(request)
        listed = await asyncio.to_thread(self._catalogue.events, source=source, event=event)
        beyond = await asyncio.to_thread(self._catalogue.beyond, source=source)
        blocked = await asyncio.to_thread(self._catalogue.blocked, source=source, event=event)
        return json_answer({"events": listed, "beyond": beyond, "blocked": blocked})

    async def findings(self, request: Request) -> Response:
        """`GET /api/catalogue/findings`: the newest `limit`, oldest first."""
        source, event = _wanted(request)
        limit = number(request.query_params, "limit", default=PAGE, most=MAX_PAGE)
        found = await asyncio.to_thread(self._catalogue.findings, source=source, event=event, limit=limit)
        return json_answer({"findings": found})


def _wanted(request: Request) -> tuple[str | None, str | None]:
    return request.query_params.get("source") or None, request.query_params.get("event") or None
