"""A proxy between a client and the collector that writes down what really went over the wire.

So the tests know what a client sent from the client alone, not from what we made of it.
"""

import asyncio
import gzip
import json
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tests.sdks.app_thread import AppThread

_BETWEEN_TWO_HOPS = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_NEVER_ADDED = ("User-Agent", "Content-Type", "Accept", "Accept-Encoding")
_MAX_BODY = 16 << 20
_LONGEST_HOLD_S = 30


class Exchange(NamedTuple):
    """One request as the client sent it, and the answer it got."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes
    forwarded_at: datetime
    answered_at: datetime
    """By this machine's clock, aware UTC; what the collector did, it did in between."""
    status: int
    answer_headers: CIMultiDictProxy[str]
    answer: bytes

    @property
    def text(self) -> bytes:
        """The body, unpacked."""
        return gzip.decompress(self.body) if self.headers.get("Content-Encoding") == "gzip" else self.body

    def json(self) -> Any:
        """Return the decoded body; NaN and its like, which are no JSON, as Python's floats."""
        return json.loads(self.text)

    def json_answer(self) -> Any:
        """Return the decoded answer."""
        return json.loads(self.answer)


class RecordingProxy(AppThread):
    """Forwards everything to `target` unchanged, connection headers aside, and keeps it in `exchanges`."""

    def __init__(self, target: str) -> None:
        super().__init__(self._make)
        self._target = target
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()
        self._answers_to_lose = 0
        self._refusals: list[tuple[int, dict[str, str]]] = []
        self._answers_to_hold = 0
        self._released = threading.Event()
        self.refused: list[float] = []
        """When it refused requests by itself, in monotonic seconds."""

    @property
    def exchanges(self) -> list[Exchange]:
        """All that was answered so far, in the order of the answers."""
        with self._lock:
            return list(self._exchanges)

    def posts(self) -> list[Exchange]:
        """Return the requests that carried events."""
        return [one for one in self.exchanges if one.method == "POST"]

    def lose_answers(self, count: int) -> None:
        """Tell the next `count` senders of events 503, although the collector has taken their events and said so."""
        with self._lock:
            self._answers_to_lose = count

    def hold_answers(self, count: int) -> None:
        """Let the next `count` senders of events wait for their answer until `release`, or for 30 s at most."""
        with self._lock:
            self._released.clear()
            self._answers_to_hold = count

    def release(self) -> None:
        """Give the answers that are held."""
        self._released.set()

    def refuse(self, status: int, **headers: str) -> None:
        """Answer one further request that carries events with `status`, without forwarding it."""
        with self._lock:
            self._refusals.append((status, {name.replace("_", "-"): value for name, value in headers.items()}))

    def _make(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY)
        app.cleanup_ctx.append(self._connect)
        app.router.add_route("*", "/{path:.*}", self._forward)
        return app

    async def _connect(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=_NEVER_ADDED) as self._session:
            yield

    async def _forward(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.method == "POST" and (refusal := self._next_refusal()):
            readable = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
            return web.Response(status=refusal[0], headers={**readable, **refusal[1]})
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _BETWEEN_TWO_HOPS]
        url = URL(self._target + request.raw_path, encoded=True)
        forwarded_at = datetime.now(UTC)
        sent = self._session.request(request.method, url, headers=headers, data=body or None, allow_redirects=False)
        async with sent as answer:
            text = await answer.read()
        with self._lock:
            self._exchanges.append(
                Exchange(
                    request.method,
                    request.path,
                    request.headers,
                    body,
                    forwarded_at,
                    datetime.now(UTC),
                    answer.status,
                    answer.headers,
                    text,
                )
            )
        returned = CIMultiDict(
            (name, value) for name, value in answer.headers.items() if name.lower() not in _BETWEEN_TWO_HOPS
        )
        if self._is_held(request.method):
            await asyncio.to_thread(self._released.wait, _LONGEST_HOLD_S)
        if self._is_lost(request.method):
            return web.Response(status=503, headers=returned)
        return web.Response(status=answer.status, headers=returned, body=text)

    def _next_refusal(self) -> tuple[int, dict[str, str]] | None:
        with self._lock:
            if not self._refusals:
                return None
            self.refused.append(time.monotonic())
            return self._refusals.pop(0)

    def _is_held(self, method: str) -> bool:
        with self._lock:
            held = method == "POST" and self._answers_to_hold > 0
            self._answers_to_hold -= held
            return held

    def _is_lost(self, method: str) -> bool:
        with self._lock:
            lost = method == "POST" and self._answers_to_lose > 0
            self._answers_to_lose -= lost
            return lost
