"""From a whole request to records for the log, and to its answer once they are durable. No I/O, no waiting.

`begin` finds the source, judges the calls and returns what is to be kept; whoever called it appends that to the log and
lets `finish` make the answer. The ASGI app does so for any request, the protocol's short way for the usual ones.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from trackway.collector import intake
from trackway.collector.answers import SUCCESS, Answer, error, json_answer, try_later
from trackway.collector.incoming import Incoming
from trackway.collector.metrics import Counts
from trackway.collector.pixel import pixel_answer, read_pixel
from trackway.collector.proxies import Proxies
from trackway.collector.recent_ids import RecentIds
from trackway.collector.refused import Refused
from trackway.collector.routes import Route
from trackway.collector.sources import OpenSource, Sources, names_a_key
from trackway.collector.verdict_json import show_verdicts
from trackway.errors import TrackwayError
from trackway.workspace.model import Workspace

NOT_KEPT = try_later("The events cannot be kept right now; nothing was taken. Send them again later.")
_NO_KEY = "Give a write key: as user name of Basic auth, or as writeKey in the body."
_ONLY_BEARER = "A bearer token does not say for which source this is: put its writeKey into the body."
_HOPELESS = {"body_not_json", "event_not_object", "event_too_large"}
"""Refusals of a single call that Segment, too, answers with 400."""


class Ready(NamedTuple):
    """Whether events can be kept."""

    ok: bool
    reason: str = ""


class Taken(NamedTuple):
    """The calls of a request, judged; `intake.records` are to be kept before the client hears of it."""

    route: Route
    source: OpenSource
    intake: intake.Intake
    known: Sequence[bool] | None
    """For each call whether its id came before; None when nobody asked for verdicts."""
    size: int = 0
    """About how many bytes it takes up until it is durable, besides the body as it came; 0 when they are few."""


class Reception:
    """Judges requests by a workspace's settings."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        clock: Callable[[], float],
        ready: Callable[[], Ready],
        counts: Counts,
        canary_key: str = "",
    ) -> None:
        """`clock` tells epoch seconds; `canary_key` is the canary's write key.

        Raises:
            TrackwayError: the workspace names a trusted proxy that is no address.
        """
        self.ready = ready
        self._clock = clock
        self._counts = counts
        self._canary_key = canary_key
        self._recent = RecentIds()
        self.configure(workspace)

    def configure(self, workspace: Workspace) -> None:
        """Take over changed settings; requests under way end under those they began with.

        Raises:
            TrackwayError: the workspace names a trusted proxy that is no address; nothing is changed.
        """
        try:
            self.proxies = Proxies(workspace.collector.trusted_proxies)
        except ValueError as wrong:
            raise TrackwayError(f"trackway.yaml: collector.trusted_proxies: {wrong}") from None
        self.sources = Sources(workspace, time.monotonic, canary_key=self._canary_key)
        self.max_body = workspace.collector.max_body

    def begin(self, route: Route, request: Incoming, packed: bytes) -> Answer | Taken:
        """Return what is to be kept of a request for a `call` or `batch` route, or its answer if nothing is."""
        try:
            text = request.unpack(packed, max_bytes=self.max_body)
            body = intake.read_batch(text) if route.kind == "batch" else intake.read_single(text)
            source = self._find_source(route, request, body, text)
            if isinstance(source, Answer):
                return source
            if not source.allows(origin := request.headers.get(b"origin")):
                name = (origin or b"").decode("latin-1")
                return error(403, "origin_not_allowed", f"Pages of {name} may not send to this source.")
            if source.bucket is not None and (wait_s := source.bucket.take(len(body.calls))):
                return try_later("This source sends more than it may; send this again later.", after_s=wait_s)
            size = intake.size_in_work(body, text, request.header(b"user-agent"))
            taken = self._judge(route, request, body, source)
        except Refused as refused:
            return error(400, refused.code, str(refused))
        if not self.ready().ok:
            return NOT_KEPT
        return Taken(route, source, taken, self._known(source, taken) if _wants_verdicts(request) else None, size)

    def finish(self, taken: Taken) -> Answer:
        """Return the answer to a request whose records are durable, and count them."""
        self._note(taken)
        refusals, known = taken.intake.refusals, taken.known
        if not refusals and known is None:
            return SUCCESS
        single = taken.route.kind == "call"
        if single and (refusal := refusals.get(0)) and refusal.reason in _HOPELESS:
            return error(400, refusal.reason, refusal.message)
        verdicts = show_verdicts(taken.intake, known or ()) if known is not None or taken.source.strict else []
        if taken.source.strict and refusals:
            number, refusal = next(iter(refusals.items()))
            pointer = refusal.pointer if single else f"/batch/{number}{refusal.pointer}"
            return error(400, refusal.reason, refusal.message, more={"verdicts": verdicts, "pointer": pointer})
        return SUCCESS if known is None else json_answer(200, {"success": True, "verdicts": verdicts})

    def begin_pixel(self, route: Route, request: Incoming) -> Answer | Taken:
        """As `begin`, for the call in the query of a `pixel` route; every answer is the image."""
        try:
            text, key = read_pixel(request.query())
            authorization = request.headers.get(b"authorization")
            source = self.sources.by_header(authorization) if authorization else None
            source = source or (self.sources.by_key(key) if key else None)
            if source is None or not source.enabled:
                return pixel_answer("source_disabled" if source else "unknown_source")
            if source.bucket is not None and source.bucket.take(1):
                return pixel_answer("try_later")
            taken = self._judge(route, request, intake.read_single(text), source)
        except Refused as refused:
            return pixel_answer(refused.code)
        if not self.ready().ok:
            return pixel_answer("try_later")
        return Taken(route, source, taken, self._known(source, taken))

    def finish_pixel(self, taken: Taken) -> Answer:
        """As `finish`."""
        self._note(taken)
        refusal = taken.intake.refusals.get(0)
        return pixel_answer(refusal.reason if refusal else "duplicate" if taken.known == [True] else "accepted")

    def _judge(self, route: Route, request: Incoming, body: intake.Body, source: OpenSource) -> intake.Intake:
        origin = intake.Origin(
            received_at_ms=int(self._clock() * 1000),
            ip=request.client_ip(self.proxies),
            user_agent=request.header(b"user-agent").decode("latin-1"),
            client_side=route.client_side,
        )
        return intake.take_in(body, source=source.name, path_type=route.type, origin=origin, limits=source.limits)

    def _known(self, source: OpenSource, taken: intake.Intake) -> list[bool]:
        return [self._recent.has(source.name, one) for one in taken.message_ids]

    def _note(self, taken: Taken) -> None:
        records, message_ids, refusals = taken.intake
        name, count = taken.source.name, self._counts.count_events
        self._recent.remember(name, message_ids)
        for refusal in refusals.values():
            count(name, refusal.reason, 1)
        if accepted := len(records) - len(refusals):
            count(name, "accepted", accepted)

    def _find_source(self, route: Route, request: Incoming, body: intake.Body, text: bytes) -> OpenSource | Answer:
        """Return the source of a request: by its header, else by the `writeKey` in its body, else in its query."""
        authorization = request.headers.get(b"authorization")
        source = self.sources.by_header(authorization) if authorization else None
        named = source is not None or (authorization is not None and names_a_key(authorization))
        if not named:
            key = body.write_key if route.kind == "batch" else intake.write_key_of(text)
            key = key or request.query().get("writeKey")
            source = self.sources.by_key(key) if key else None
            named = bool(key)
        if source is None and named:
            return error(401, "unknown_source")
        if source is None:
            bearer = authorization is not None and authorization[:7].lower() == b"bearer "
            return error(401, "no_write_key", _ONLY_BEARER if bearer else _NO_KEY)
        return source if source.enabled else error(401, "source_disabled")


def _wants_verdicts(request: Incoming) -> bool:
    if b"verdicts" in request.header(b"prefer"):
        return True
    return bool(request.query_string) and request.query().get("verdicts", "0") not in ("0", "false", "")
