"""The part of the API that shows how destinations stand at the moment: state, breaker, alarm, and metrics."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackway.console.answers import json_answer
from trackway.console.contract import Deliveries

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class DeliveryApi:
    """Answers `/api/destinations` and `/metrics`; as all else, for those with the token."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self.routes = [Route("/api/destinations", self.status), Route("/metrics", self.metrics)]

    async def status(self, request: Request) -> Response:
        """`GET /api/destinations`: what is going on at each enabled destination."""
        return json_answer({"destinations": self._deliveries.status()})

    async def metrics(self, request: Request) -> Response:
        """`GET /metrics`: requests, times, outcomes and breakers, for Prometheus."""
        return Response(await self._deliveries.metrics(), headers={"Content-Type": METRICS_TYPE})
