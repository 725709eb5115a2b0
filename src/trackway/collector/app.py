"""The collector as a plain ASGI callable: no router and no framework stand between a request and the log.

A request is read (bounded), its source found by the write key, its calls judged, all of them appended to the raw log in
one group commit, and answered after the commit. The collector shares nothing with the rest of Trackway but the log.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from trackway.collector.answers import PREFLIGHT, SUCCESS, Answer, Header, cors_headers, error, json_answer, try_later
from trackway.collector.client_counters import add_counters
from trackway.collector.documents import KINDS, Documents
from trackway.collector.incoming import BodyReader, ClientGone, Incoming, InFlight, Receive, Scope, TooSlow
from trackway.collector.metrics import CONTENT_TYPE, Counts
from trackway.collector.pixel import pixel_answer
from trackway.collector.reception import NOT_KEPT, Ready, Reception
from trackway.collector.refused import Refused
from trackway.collector.routes import Route, find_route
from trackway.log.contract import LogError, LogUnavailable
from trackway.workspace.model import Workspace

Send = Callable[[dict[str, Any]], Awaitable[None]]

_CLOSE: Header = (b"connection", b"close")
BUSY = try_later("Too much is being worked on; send this again in a moment.", after_s=1)


class Appender(Protocol):
    """What the collector needs of the log; `GroupCommit` is one."""

    def submit(self, records: list[bytes]) -> Awaitable[int]:
        """Return an awaitable that is done when `records` are durable.

        Raises (when awaited):
            LogUnavailable: nothing was written.
        """
        ...

    def hand_over(self, records: list[bytes], done: Callable[[int, LogError | None], None]) -> None:
        """As `submit`, but call `done` in the event loop: with the first offset, or with the error."""
        ...


def _always_ready() -> Ready:
    return Ready(True)


class CollectorApp:
    """The tracking API over one appender."""

    def __init__(
        self,
        workspace: Workspace,
        appender: Appender,
        *,
        clock: Callable[[], float] = time.time,
        ready: Callable[[], Ready] = _always_ready,
        counts: Counts | None = None,
        metrics: Callable[[], bytes] = bytes,
        canary_key: str = "",
    ) -> None:
        """`ready` tells `/readyz` whether events can be kept; when it says no, events are answered 429.

        `counts` is where the app counts, `metrics` renders what `/metrics` answers.
        `canary_key` is the write key of the canary; `""` means that there is none.

        Raises:
            TrackwayError: the workspace names a trusted proxy that is no address.
        """
        self.appender = appender
        self.counts = counts or Counts("collector", clock())
        self.in_flight = InFlight(workspace.collector.max_in_flight)
        self.reception = Reception(workspace, clock=clock, ready=ready, counts=self.counts, canary_key=canary_key)
        self._metrics = metrics
        self._documents = Documents()
        self.configure(workspace)

    def configure(self, workspace: Workspace) -> None:
        """Take over changed settings; requests under way end under those they began with.

        Raises:
            TrackwayError: the workspace names a trusted proxy that is no address; nothing is changed.
        """
        self.reception.configure(workspace)
        self._documents.configure(workspace, self.reception.sources, self.reception.proxies)
        self.in_flight.most = workspace.collector.max_in_flight
        self._timeout_s = workspace.collector.body_timeout
        self._metrics_for = workspace.collector.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request, body = Incoming.of_scope(scope), BodyReader(receive, self.in_flight)
        try:
            answer = await self._answer(request, body)
        except ClientGone:
            return
        finally:
            self.counts.body_bytes += body.release()
            self.counts.in_flight_bytes = self.in_flight.bytes
        self.counts.count_request(answer.status)
        headers = answer.headers + cors_headers(request.headers.get(b"origin"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else answer.body})

    async def _answer(self, request: Incoming, body: BodyReader) -> Answer:
        route = find_route(request.path)
        if route is None:
            return error(404, "not_found", "There is nothing here; events go to /v1/track, /v1/batch and their like.")
        if request.method == "OPTIONS":
            return PREFLIGHT
        if request.method not in route.methods:
            allowed = ", ".join(route.methods)
            return error(405, "method_not_allowed", f"Use {allowed} here.", (b"allow", allowed.encode()))
        try:
            if route.kind in ("call", "batch"):
                return await self._take_in(route, request, body)
            return await self._route(route, request, body)
        except Refused as refused:
            return error(400, refused.code, str(refused))
        except TooSlow:
            return error(408, "too_slow", "The body did not arrive in time; send it again.", _CLOSE)

    async def _route(self, route: Route, request: Incoming, body: BodyReader) -> Answer:
        if route.kind == "pixel":
            return await self._take_pixel(route, request)
        if route.kind == "counters":
            text = request.unpack(await self._read(body), max_bytes=self.reception.max_body)
            add_counters(self.counts.client_counters, text)
            return SUCCESS
        if route.kind in KINDS:
            return self._documents.answer(route, request)
        if route.kind == "ready":
            ready = self.reception.ready()
            return json_answer(200 if ready.ok else 503, {"status": "ready" if ready.ok else ready.reason})
        if route.kind == "metrics":
            return self._show_metrics(request)
        return json_answer(200, {"status": "ok"})

    async def _take_in(self, route: Route, request: Incoming, body: BodyReader) -> Answer:
        if self.in_flight.full:
            return BUSY
        taken = self.reception.begin(route, request, await self._read(body))
        if isinstance(taken, Answer):
            return taken
        body.hold(taken.size)
        try:
            await self.appender.submit(taken.intake.records)
        except LogUnavailable:
            return NOT_KEPT
        return self.reception.finish(taken)

    async def _take_pixel(self, route: Route, request: Incoming) -> Answer:
        """Take the call in the query; always answer with the image."""
        taken = self.reception.begin_pixel(route, request)
        if isinstance(taken, Answer):
            return taken
        try:
            await self.appender.submit(taken.intake.records)
        except LogUnavailable:
            return pixel_answer("try_later")
        return self.reception.finish_pixel(taken)

    async def _read(self, body: BodyReader) -> bytes:
        return await body.read(max_bytes=self.reception.max_body, timeout_s=self._timeout_s)

    def _show_metrics(self, request: Incoming) -> Answer:
        near = request.is_near(self.reception.proxies)
        if self._metrics_for == "off" or (self._metrics_for == "private" and not near):
            return error(404, "not_found", "There is nothing here; events go to /v1/track, /v1/batch and their like.")
        body = self._metrics()
        return Answer(200, [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", b"%d" % len(body))], body)
