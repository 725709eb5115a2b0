"""The collector as a plain ASGI callable: no router and no framework stand between a request and the log.

A request is read (bounded), its source found by the write key, its calls judged, all of them appended to the raw log in
one group commit, and answered after the commit. The collector shares nothing with the rest of Trackway but the log.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from trackway.collector import intake
from trackway.collector.answers import (
    PREFLIGHT,
    SUCCESS,
    Answer,
    Header,
    cors_headers,
    error,
    json_answer,
    try_later,
)
from trackway.collector.client_settings import client_settings
from trackway.collector.incoming import ClientGone, Incoming, InFlight, Receive, Scope, TooSlow
from trackway.collector.metrics import CONTENT_TYPE, Counts
from trackway.collector.pixel import pixel_answer, read_pixel
from trackway.collector.proxies import Proxies
from trackway.collector.recent_ids import RecentIds
from trackway.collector.refused import Refused
from trackway.collector.routes import Route, find_route
from trackway.collector.sources import OpenSource, Sources
from trackway.collector.verdict_json import show_verdicts
from trackway.errors import TrackwayError
from trackway.log.contract import LogUnavailable
from trackway.workspace.model import Workspace

Send = Callable[[dict[str, Any]], Awaitable[None]]

_CACHEABLE: Header = (b"cache-control", b"public, max-age=60")
_CLOSE: Header = (b"connection", b"close")


class Appender(Protocol):
    """What the collector needs of the log; `GroupCommit` is one."""

    def submit(self, records: list[bytes]) -> Awaitable[int]:
        """Return an awaitable that is done when `records` are durable.

        Raises (when awaited):
            LogUnavailable: nothing was written.
        """
        ...


class Ready(NamedTuple):
    """Whether events can be kept."""

    ok: bool
    reason: str = ""


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
    ) -> None:
        """`ready` tells `/readyz` whether events can be kept; when it says no, events are answered 429.

        `counts` is where the app counts, `metrics` renders what `/metrics` answers.

        Raises:
            TrackwayError: the workspace names a trusted proxy that is no address.
        """
        self._appender = appender
        self._clock = clock
        self._ready = ready
        self._counts = counts or Counts("collector", clock())
        self._metrics = metrics
        self._recent = RecentIds()
        self._in_flight = InFlight(workspace.collector.max_in_flight)
        self.configure(workspace)

    def configure(self, workspace: Workspace) -> None:
        """Take over changed settings; requests under way end under those they began with.

        Raises:
            TrackwayError: the workspace names a trusted proxy that is no address; nothing is changed.
        """
        try:
            self._proxies = Proxies(workspace.collector.trusted_proxies)
        except ValueError as wrong:
            raise TrackwayError(f"trackway.yaml: collector.trusted_proxies: {wrong}") from None
        self._sources = Sources(workspace, time.monotonic)
        self._max_body = workspace.collector.max_body
        self._timeout_s = workspace.collector.body_timeout
        self._in_flight.most = workspace.collector.max_in_flight
        self._public_url = workspace.collector.public_url
        self._metrics_for = workspace.collector.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Incoming(scope, receive, self._in_flight)
        try:
            answer = await self._answer(request)
        except ClientGone:
            return
        finally:
            self._counts.body_bytes += request.release()
            self._counts.in_flight_bytes = self._in_flight.bytes
        self._counts.count_request(answer.status)
        headers = answer.headers + cors_headers(request.headers.get(b"origin"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else answer.body})

    async def _answer(self, request: Incoming) -> Answer:
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
                return await self._take_in(route, request)
            return await self._route(route, request)
        except Refused as refused:
            return error(400, refused.code, str(refused))
        except TooSlow:
            return error(408, "too_slow", "The body did not arrive in time; send it again.", _CLOSE)
        except LogUnavailable:
            return try_later("The events cannot be kept right now; nothing was taken. Send them again later.")

    async def _route(self, route: Route, request: Incoming) -> Answer:
        if route.kind == "pixel":
            return await self._take_pixel(route, request)
        if route.kind == "counters":
            # Health counters of the clients themselves: read, so that the connection can be used again, and not kept.
            await request.body(max_bytes=self._max_body, timeout_s=self._timeout_s)
            return SUCCESS
        if route.kind == "settings":
            return self._settings(route, request)
        if route.kind == "ready":
            ready = self._ready()
            return json_answer(200 if ready.ok else 503, {"status": "ready" if ready.ok else ready.reason})
        if route.kind == "metrics":
            return self._show_metrics(request)
        return json_answer(200, {"status": "ok"})

    async def _take_in(self, route: Route, request: Incoming) -> Answer:
        if self._in_flight.full:
            return try_later("Too much is being worked on; send this again in a moment.", after_s=1)
        text = await request.body(max_bytes=self._max_body, timeout_s=self._timeout_s)
        body = intake.read_batch(text) if route.kind == "batch" else intake.read_single(text)
        source = self._find_source(route, request, body, text)
        if isinstance(source, Answer):
            return source
        if not source.allows(origin := request.headers.get(b"origin")):
            name = (origin or b"").decode("latin-1")
            return error(403, "origin_not_allowed", f"Pages of {name} may not send to this source.")
        if source.bucket is not None and (wait_s := source.bucket.take(len(body.calls))):
            return try_later("This source sends more than it may; send this again later.", after_s=wait_s)
        taken = self._judge(route, request, body, source)
        wanted = _wants_verdicts(request)
        known = [self._recent.has(source.name, one) for one in taken.message_ids] if wanted else ()
        await self._keep(taken, source)
        if route.kind == "call" and (refusal := taken.refusals.get(0)) and refusal.reason in _HOPELESS:
            return error(400, refusal.reason, refusal.message)
        if source.strict and taken.refusals:
            number, refusal = next(iter(taken.refusals.items()))
            pointer = refusal.pointer if route.kind == "call" else f"/batch/{number}{refusal.pointer}"
            return error(
                400, refusal.reason, refusal.message, more={"verdicts": show_verdicts(taken, known), "pointer": pointer}
            )
        return json_answer(200, {"success": True, "verdicts": show_verdicts(taken, known)}) if wanted else SUCCESS

    def _judge(self, route: Route, request: Incoming, body: intake.Body, source: OpenSource) -> intake.Intake:
        origin = intake.Origin(
            received_at_ms=int(self._clock() * 1000),
            ip=request.client_ip(self._proxies),
            user_agent=request.header(b"user-agent").decode("latin-1"),
            client_side=route.client_side,
        )
        return intake.take_in(body, source=source.name, path_type=route.type, origin=origin, limits=source.limits)

    async def _keep(self, taken: intake.Intake, source: OpenSource) -> None:
        """Return when all records of a request are durable."""
        ready = self._ready()
        if not ready.ok:
            raise LogUnavailable(ready.reason)
        await self._appender.submit(taken.records)
        self._recent.remember(source.name, taken.message_ids)
        for refusal in taken.refusals.values():
            self._counts.count_events(source.name, refusal.reason, 1)
        if accepted := len(taken.records) - len(taken.refusals):
            self._counts.count_events(source.name, "accepted", accepted)

    async def _take_pixel(self, route: Route, request: Incoming) -> Answer:
        """Take the call in the query; always answer with the image."""
        try:
            text, key = read_pixel(request.query())
            authorization = request.headers.get(b"authorization")
            source = self._sources.by_header(authorization) if authorization else None
            source = source or (self._sources.by_key(key) if key else None)
            if source is None or not source.enabled:
                return pixel_answer("source_disabled" if source else "unknown_source")
            if source.bucket is not None and source.bucket.take(1):
                return pixel_answer("try_later")
            taken = self._judge(route, request, intake.read_single(text), source)
            known = self._recent.has(source.name, taken.message_ids[0])
            await self._keep(taken, source)
        except Refused as refused:
            return pixel_answer(refused.code)
        except LogUnavailable:
            return pixel_answer("try_later")
        refusal = taken.refusals.get(0)
        return pixel_answer(refusal.reason if refusal else "duplicate" if known else "accepted")

    def _find_source(self, route: Route, request: Incoming, body: intake.Body, text: bytes) -> OpenSource | Answer:
        """Return the source of a request: by its header, else by the `writeKey` in its body, else in its query."""
        authorization = request.headers.get(b"authorization")
        source = self._sources.by_header(authorization) if authorization else None
        named = authorization is not None and authorization[:6].lower() == b"basic "
        if source is None and not named:
            key = body.write_key if route.kind == "batch" else intake.write_key_of(text)
            key = key or request.query().get("writeKey")
            source = self._sources.by_key(key) if key else None
            named = bool(key)
        if source is None and named:
            return error(401, "unknown_source")
        if source is None:
            advice = "Give a write key: as user name of Basic auth, or as writeKey in the body."
            return error(401, "no_write_key", advice)
        return source if source.enabled else error(401, "source_disabled")

    def _show_metrics(self, request: Incoming) -> Answer:
        near = request.is_near(self._proxies)
        if self._metrics_for == "off" or (self._metrics_for == "private" and not near):
            return error(404, "not_found", "There is nothing here; events go to /v1/track, /v1/batch and their like.")
        body = self._metrics()
        return Answer(200, [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", b"%d" % len(body))], body)

    def _settings(self, route: Route, request: Incoming) -> Answer:
        source = self._sources.by_key(route.key)
        if source is None or not source.enabled:
            return error(404, "unknown_source")
        scheme, host = request.address(self._proxies)
        prefix = route.prefix
        if self._public_url:
            scheme, _, host = self._public_url.rstrip("/").partition("://")
            prefix = ""
        return json_answer(200, client_settings(route.key, host=host, prefix=prefix, scheme=scheme), _CACHEABLE)


_HOPELESS = {"body_not_json", "event_not_object", "event_too_large"}
"""Refusals of a single call that Segment, too, answers with 400."""


def _wants_verdicts(request: Incoming) -> bool:
    if b"verdicts" in request.header(b"prefer"):
        return True
    return bool(request.scope.get("query_string")) and request.query().get("verdicts", "0") not in ("0", "false", "")
