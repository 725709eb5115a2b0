"""The playground as a page for everybody: no token, no workspace, no cookie, and nothing to send with.

What anyone may ask is bounded here: a body's size, calls a minute for each address, open calls, and a call's time.
"""

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackway.collector.proxies import Proxies
from trackway.console.answers import error_answer
from trackway.console.guard import SAFE_METHODS, client_of, with_security_headers
from trackway.console.handlers import error_handlers, unknown_path
from trackway.console.pages import icon
from trackway.console.playground import PlaygroundApi, Preview
from trackway.console.token_bucket import TokenBuckets
from trackway.console.web_page import STATIC, WebPage

MOST_BYTES = 64 * 1024
PER_MINUTE = 240
"""A page asks whenever its visitor stops typing for a moment: a few times a second, at most."""
_MOST_OPEN = 200
_TIME_S = 30.0


def create_public_playground(
    preview: Preview,
    *,
    proxies: Proxies,
    per_minute: int = PER_MINUTE,
    static: Path = STATIC,
    time_s: float = _TIME_S,
) -> Starlette:
    """Return the app of the public page; `preview` answers its one question.

    `proxies` may say whom a request is from. A call of the API has `time_s` seconds, from its first byte to its answer.
    """
    page = WebPage(static, "playground.html")
    buckets = TokenBuckets(per_minute)
    return Starlette(
        middleware=[Middleware(PublicGuard, proxies=proxies, buckets=buckets, time_s=time_s)],
        exception_handlers=error_handlers("the playground"),
        routes=[
            *PlaygroundApi(preview, None, most_bytes=MOST_BYTES).routes,
            Route("/api/{rest:path}", unknown_path),
            Route("/favicon.svg", icon),
            Route("/assets/{name}", page.asset),
            # Under this name too, so that a link of a console works here when its host is changed.
            Route("/playground", page.page),
            Route("/", page.page),
        ],
    )


class PublicGuard:
    """ASGI middleware: finds out whom a request is from, bounds what they may ask, puts on the security headers."""

    def __init__(self, app: ASGIApp, *, proxies: Proxies, buckets: TokenBuckets, time_s: float) -> None:
        self._app, self._proxies, self._buckets, self._time_s = app, proxies, buckets, time_s
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        forwarded = ",".join(headers.getlist("x-forwarded-for")).encode("latin-1")
        client = self._proxies.client_of(client_of(scope), forwarded)
        scope = {**scope, "client": (client, 0)}
        send = with_security_headers(send)
        if not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(client, scope["method"], headers)
        await (refusal(scope, receive, send) if refusal else self._in_time(scope, receive, send))

    def _refusal(self, client: str, method: str, headers: Mapping[str, str]) -> Response | None:
        if wait_s := self._buckets.take(client):
            return _wait(429, "too_many_calls", "too many calls from your address", math.ceil(wait_s))
        if self._open >= _MOST_OPEN:
            return _wait(503, "busy", "too many people are here just now", 2)
        if method not in SAFE_METHODS and _is_foreign(headers):
            return error_answer(403, "foreign_origin", "the playground answers its own page only; host one yourself")
        return None

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def watched(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        self._open += 1
        try:
            async with asyncio.timeout(self._time_s):
                await self._app(scope, receive, watched)
        except TimeoutError:
            # An answer that has begun can only be broken off, as happens when this returns.
            if not began:
                late = error_answer(408, "too_slow", "the request took too long to come in", {"Connection": "close"})
                await late(scope, receive, send)
        finally:
            self._open -= 1


def _is_foreign(headers: Mapping[str, str]) -> bool:
    """Return whether a browser says that a page elsewhere asks."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site != "same-origin"
    # Behind a proxy only the host is known, not whether the page came by https.
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host", "")


def _wait(status: int, code: str, message: str, seconds: int) -> Response:
    text = f"{message}; try again in {seconds} s"
    return error_answer(status, code, text, {"Retry-After": str(seconds)}, retry_after_s=seconds)
