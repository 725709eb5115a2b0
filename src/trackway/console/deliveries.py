"""The part of the API that shows how destinations stand at the moment: state, breaker, alarm."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.contract import Deliveries


class DeliveryApi:
    """Answers `/api/destinations`."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self.routes = [Route("/api/destinations", self.status)]

    async def status(self, request: Request) -> Response:
        """`GET /api/destinations`: what is going on at each enabled destination."""
        return json_answer({"destinations": self._deliveries.status()})
