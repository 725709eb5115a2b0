"""Requests over the network: bounded in time and size, never redirected, only to addresses that are allowed.

Where a proxy is set, it looks names up and connects: then the addresses behind names are its affair."""

import errno
import socket
import ssl
from functools import lru_cache
from types import TracebackType
from typing import Protocol, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from trackway import __version__
from trackway.delivery import short_way
from trackway.delivery.addresses import AddressNotAllowed, PublicResolver, public_socket, refuse_private
from trackway.delivery.deadlines import Deadlines
from trackway.delivery.proxies import NO_PROXIES, Proxies
from trackway.delivery.tls import explain
from trackway.destinations.kit import Rejected, Request, Response, Retry

USER_AGENT = f"Trackway/{__version__}"
CONNECT_S = 5.0
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
        self,
        *,
        connections: int = 100,
        allow_private: bool = False,
        resolver: AbstractResolver | None = None,
        proxies: Proxies = NO_PROXIES,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` says which certificates are good; default: those that the system trusts."""
        self._resolver = resolver or aiohttp.ThreadedResolver()
        self._connections = connections
        self._allow_private = allow_private
        self._proxies = proxies
        self._tls = tls
        self._deadlines = Deadlines()
        self._direct = self._session(guarded=not allow_private)
        self._proxied: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Response | Retry | Rejected:
        """Return the answer, or why there is none. Cancelling it closes the connection."""
        try:
            return await self._deadlines.within(request.timeout_s, self._send(request))
        except TimeoutError:
            return Retry("ETIMEDOUT")
        except (aiohttp.ClientError, OSError) as error:
            return _why(error)
        except ValueError as error:
            return Rejected("invalid_request", type(error).__name__)

    async def _send(self, request: Request) -> Response:
        answer = await self._ask(request)
        body = await _beginning(answer)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Response(status=answer.status, headers=headers, body=body)

    async def _ask(self, request: Request) -> aiohttp.ClientResponse:
        headers, bare = request.headers, not any(name.lower() == "content-type" for name in request.headers)
        if bare and request.body is None:
            headers, bare = {**headers, "Content-Type": "application/json"}, False
        skipped = _NO_TYPE if bare else ()
        method, url, data = request.method, _url(request.url), request.content()
        proxy = self._proxies.of(url)
        if proxy is None and short_way.is_usual(method, url):
            return await short_way.send(
                self._direct, method, url, headers=headers, data=data, limits=_TIMEOUT, skip_auto_headers=skipped
            )
        if proxy is not None and not self._allow_private:
            refuse_private(url.host or "")
        session = self._direct if proxy is None else self._through_proxy()
        return await session.request(
            method,
            url,
            data=data,
            headers=headers,
            allow_redirects=False,
            timeout=_TIMEOUT,
            proxy=proxy,
            skip_auto_headers=skipped or None,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._direct.close()
        if self._proxied is not None:
            await self._proxied.close()
        await self._resolver.close()
        self._deadlines.close()

    def _through_proxy(self) -> aiohttp.ClientSession:
        """Return the session for what goes through a proxy, whose own address the operator vouches for."""
        if self._proxied is None:
            self._proxied = self._session(guarded=False)
        return self._proxied

    def _session(self, *, guarded: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._connections,
            resolver=PublicResolver(self._resolver) if guarded else self._resolver,
            socket_factory=public_socket if guarded else None,
            ssl=self._tls or True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # A compressed answer could be small on the wire and huge in memory.
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


_NO_TYPE = ("Content-Type",)

# `Deadlines` in `send` bounds the whole; a timer of aiohttp's on each read would only cost. One for a new
# connection, with its TLS, costs nothing where connections are kept, and tells early that nobody is there.
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)


@lru_cache(maxsize=256)  # mostly the same few
def _url(text: str) -> URL:
    """Return `text` as it is written, where it can be sent so: some vendors sign the URL."""
    if not text.isprintable() or " " in text:
        raise aiohttp.InvalidURL("***", "has spaces or control characters")
    return URL(text, encoded=text.isascii())


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """Return the first `ANSWER_BYTES` of the body, and free the connection; close it if there is more."""
    if answer.content_length is not None and answer.content_length <= ANSWER_BYTES:
        body = await answer.read()  # on an error it closes the connection
        if answer.connection is not None:  # it speaks another protocol from now on
            answer.close()
        return body
    found = bytearray()
    async with answer:
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
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return Retry("proxy_failed")
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return Rejected("invalid_url")
    if isinstance(error, aiohttp.ClientSSLError):
        return Retry("TLS_ERROR", detail=explain(error))
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Retry("EAI_AGAIN" if cause.args[:1] == (socket.EAI_AGAIN,) else "ENOTFOUND")
    if isinstance(error, aiohttp.ClientResponseError):
        return Retry("unreadable_answer")
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return Retry("ECONNRESET")
    name = errno.errorcode.get(cause.errno or 0) if isinstance(cause, OSError) else None
    return Retry("ECONNRESET" if name == "EPIPE" else name or "ECONNRESET")
