"""`GET /metrics`: what the hub's parts measure, in Prometheus' text format."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Part = Callable[[], Awaitable[Iterable[Metric]]]
"""Returns what one part of the product measures, at this moment."""


class MetricsApi:
    """Answers `/metrics`; as all else, for those with the token."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self.routes = [Route("/metrics", self.metrics)]

    async def metrics(self, request: Request) -> Response:
        """`GET /metrics`: the families of all parts."""
        found = await asyncio.gather(*(part() for part in self._parts))
        return Response(render(found), headers={"Content-Type": METRICS_TYPE})


def render(parts: Iterable[Iterable[Metric]]) -> bytes:
    """Return the families of `parts`, one part after the other, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Gathered([family for part in parts for family in part]))
    return generate_latest(registry)


class _Gathered(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        yield from self._families
