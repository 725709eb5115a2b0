"""The collector as a plain ASGI callable: no router and no framework stand between a request and the log.

A request is read (bounded), its source found by the write key, its calls judged, all of them appended to the raw log in
one group commit, and answered after the commit. The collector shares nothing with the rest of Trackway but the log.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import parse_qs

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
from trackway.collector.encodings import unpack
from trackway.collector.refused import Refused, too_large
from trackway.collector.routes import Route, find_route
from trackway.collector.write_keys import Entry, WriteKeys
from trackway.events.records import Refusal
from trackway.log.contract import LogUnavailable
from trackway.workspace.model import Workspace

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_CACHEABLE: Header = (b"cache-control", b"public, max-age=60")


class ClientGone(Exception):
    """The client left before its request was whole; there is nobody to answer and nothing to keep."""


class Appender(Protocol):
    """What the collector needs of the log; `GroupCommit` is one."""

    def submit(self, records: list[bytes]) -> Awaitable[int]:
        """Return an awaitable that is done when `records` are durable.

        Raises (when awaited):
            LogUnavailable: nothing was written.
        """
        ...


class CollectorApp:
    """The tracking API over one appender."""

    def __init__(self, workspace: Workspace, appender: Appender, *, clock: Callable[[], float] = time.time) -> None:
        self._keys = WriteKeys(workspace)
        self._appender = appender
        self._clock = clock
        self._max_body = workspace.collector.max_body
        self._limits = intake.Limits(workspace.collector.max_event, workspace.collector.max_batch)
        self._public_url = workspace.collector.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = _pick_headers(scope["headers"])
        try:
            answer = await self._answer(scope, headers, receive)
        except ClientGone:
            return
        cors = cors_headers(headers.get(b"origin"))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers + cors})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        route = find_route(scope["path"])
        if route is None:
            return error(404, "not_found", "There is nothing here; events go to /v1/track, /v1/batch and their like.")
        method = scope["method"]
        if method == "OPTIONS":
            return PREFLIGHT
        if route.kind in ("call", "batch"):
            if method != "POST":
                return error(405, "method_not_allowed", "Send events with POST.", (b"allow", b"POST, OPTIONS"))
            try:
                return await self._take_in(route, scope, headers, receive)
            except Refused as refused:
                return error(400, refused.code, str(refused))
            except LogUnavailable:
                return try_later("The events cannot be kept right now; nothing was taken. Send them again later.")
        if route.kind == "counters":
            await self._read(receive, b"")
            return SUCCESS
        if route.kind == "settings":
            return self._settings(route, scope, headers)
        return json_answer(200, {"status": "ok"})

    async def _take_in(self, route: Route, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        text = await self._read(receive, headers.get(b"content-encoding", b""))
        body = intake.read_batch(text) if route.kind == "batch" else intake.read_single(text)
        entry = self._find_source(route, headers, body, text)
        if isinstance(entry, Answer):
            return entry
        client = scope.get("client")
        origin = intake.Origin(
            received_at_ms=int(self._clock() * 1000),
            ip=client[0] if client else "",
            user_agent=headers.get(b"user-agent", b"").decode("latin-1"),
            client_side=route.client_side,
        )
        taken = intake.take_in(body, source=entry.name, path_type=route.type, origin=origin, limits=self._limits)
        await self._appender.submit(taken.records)
        if route.kind == "call" and (refusal := taken.refusals.get(0)) and refusal.reason in _HOPELESS:
            return error(400, refusal.reason, refusal.message)
        if _wants_verdicts(scope, headers):
            return json_answer(200, {"success": True, "verdicts": _show_verdicts(taken)})
        return SUCCESS

    def _find_source(self, route: Route, headers: dict[bytes, bytes], body: intake.Body, text: bytes) -> Entry | Answer:
        """Return the source of a request: by its header first, then by the `writeKey` in its body."""
        authorization = headers.get(b"authorization")
        entry = self._keys.by_header(authorization) if authorization else None
        named = authorization is not None and authorization[:6].lower() == b"basic "
        if entry is None and not named:
            key = body.write_key if route.kind == "batch" else intake.write_key_of(text)
            entry = self._keys.by_key(key) if key else None
            named = bool(key)
        if entry is None:
            if named:
                return error(401, "unknown_source")
            return error(
                401, "no_write_key", "Give a write key: as user name of Basic auth, or as writeKey in the body."
            )
        if not entry.source.enabled:
            return error(401, "source_disabled")
        return entry

    async def _read(self, receive: Receive, encoding: bytes) -> bytes:
        """Return the decoded body, bounded before and after it is unpacked."""
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            chunks = [body]
            size = len(body)
            while message.get("more_body") and size <= self._max_body:
                message = await receive()
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
            body = b"".join(chunks)
        if message["type"] == "http.disconnect":
            raise ClientGone
        if len(body) > self._max_body:
            raise too_large(self._max_body)
        return unpack(body, encoding, max_bytes=self._max_body) if encoding else body

    def _settings(self, route: Route, scope: Scope, headers: dict[bytes, bytes]) -> Answer:
        entry = self._keys.by_key(route.key)
        if entry is None or not entry.source.enabled:
            return error(404, "unknown_source")
        host = headers.get(b"host", b"").decode("latin-1")
        scheme, prefix = scope.get("scheme", "http"), route.prefix
        if self._public_url:
            scheme, _, host = self._public_url.rstrip("/").partition("://")
            prefix = ""
        return json_answer(200, client_settings(route.key, host=host, prefix=prefix, scheme=scheme), _CACHEABLE)


_HOPELESS = {"body_not_json", "event_not_object", "event_too_large"}
"""Refusals of a single call that Segment, too, answers with 400."""

_PICKED = {b"authorization", b"content-encoding", b"host", b"origin", b"prefer", b"user-agent"}


def _pick_headers(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    return {name: value for name, value in headers if name in _PICKED}


def _wants_verdicts(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    if b"verdicts" in headers.get(b"prefer", b""):
        return True
    query = scope.get("query_string", b"")
    return bool(query) and parse_qs(query.decode("latin-1")).get("verdicts", ["0"])[-1] not in ("0", "false", "")


def _show_verdicts(taken: intake.Intake) -> list[dict[str, Any]]:
    return [_show(message_id, taken.refusals.get(number)) for number, message_id in enumerate(taken.message_ids)]


def _show(message_id: str, refusal: Refusal | None) -> dict[str, Any]:
    if refusal is None:
        return {"messageId": message_id, "verdict": "accepted"}
    return {
        "messageId": message_id,
        "verdict": "invalid",
        "reason": refusal.reason,
        "pointer": refusal.pointer,
        "message": refusal.message,
    }
