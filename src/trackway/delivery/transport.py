"""Requests over the network: bounded in time and size, never redirected, only to addresses that are allowed."""

import asyncio
import errno
import socket
from types import TracebackType
from typing import Protocol, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from trackway import __version__
from trackway.delivery.addresses import AddressNotAllowed, PublicResolver, public_socket
from trackway.destinations.kit import Rejected, Request, Response, Retry

USER_AGENT = f"Trackway/{__version__}"
ANSWER_BYTES = 64 * 1024
"""How much of an answer is read; the rest is thrown away with its connection."""


class Transport(Protocol):
    """Carries one request and brings its answer."""

    async def send(self, request: Request) -> Response | Retry | Rejected:
        """Return the answer, or why there is none: `Retry("ECONNREFUSED")`, `Rejected("address_not_allowed")`, …"""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class HttpTransport:
    """A `Transport` over aiohttp, with connections that are kept open; to be made within a running loop."""

    def __init__(
        self, *, connections: int = 100, allow_private: bool = False, resolver: AbstractResolver | None = None
    ) -> None:
        inner = resolver or aiohttp.ThreadedResolver()
        connector = aiohttp.TCPConnector(
            limit=connections,
            limit_per_host=connections,
            resolver=inner if allow_private else PublicResolver(inner),
            socket_factory=None if allow_private else public_socket,
        )
        self._resolver = inner
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # A compressed answer could be small on the wire and huge in memory.
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            auto_decompress=False,
            skip_auto_headers=("Content-Type",),
            trust_env=False,
        )

    async def send(self, request: Request) -> Response | Retry | Rejected:
        """Return the answer, or why there is none. Cancelling it closes the connection."""
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._send(request)
        except TimeoutError:
            return Retry("ETIMEDOUT")
        except (aiohttp.ClientError, OSError) as error:
            return _why(error)
        except ValueError as error:
            return Rejected("invalid_request", type(error).__name__)

    async def _send(self, request: Request) -> Response:
        headers = dict(request.headers)
        if request.body is None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        async with self._session.request(
            request.method,
            _url(request.url),
            data=request.content(),
            headers=headers,
            allow_redirects=False,
            timeout=_NO_TIMEOUT,
        ) as answer:
            body = await _beginning(answer)
            return Response(
                status=answer.status,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=body,
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
        await self._resolver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


# `asyncio.timeout` in `send` bounds the whole; aiohttp's own timers on top would only cost.
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None)


def _url(text: str) -> URL:
    """Return `text` as it is written, where it can be sent so: some vendors sign the URL."""
    if not text.isprintable() or " " in text:
        raise aiohttp.InvalidURL("***", "has spaces or control characters")
    return URL(text, encoded=text.isascii())


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """Return the first `ANSWER_BYTES` of the body; close the connection if there is more."""
    found = bytearray()
    while chunk := await answer.content.read(ANSWER_BYTES + 1 - len(found)):
        found += chunk
        if len(found) > ANSWER_BYTES:
            answer.close()
            break
    return bytes(found[:ANSWER_BYTES])


def _why(error: aiohttp.ClientError | OSError) -> Retry | Rejected:
    """Turn a failure of the network into an outcome, in Segment's words where it has them."""
    cause: BaseException = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, AddressNotAllowed):
        return Rejected("address_not_allowed", str(cause))
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return Rejected("invalid_url")
    if isinstance(error, aiohttp.ClientSSLError):
        return Retry("TLS_ERROR")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Retry("EAI_AGAIN" if cause.args[:1] == (socket.EAI_AGAIN,) else "ENOTFOUND")
    if isinstance(error, aiohttp.ClientResponseError):
        return Retry("unreadable_answer")
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return Retry("ECONNRESET")
    name = errno.errorcode.get(cause.errno or 0) if isinstance(cause, OSError) else None
    return Retry("ECONNRESET" if name == "EPIPE" else name or "ECONNRESET")
