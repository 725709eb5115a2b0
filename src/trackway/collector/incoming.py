"""One request on its way in: the headers that matter, who sent it, and a body that is bounded in size and time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from trackway.collector.encodings import unpack
from trackway.collector.proxies import Proxies
from trackway.collector.refused import too_large

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

_PICKED = {
    b"accept-encoding",
    b"authorization",
    b"content-encoding",
    b"cookie",
    b"host",
    b"if-none-match",
    b"origin",
    b"prefer",
    b"user-agent",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
}


class ClientGone(Exception):
    """The client left before its request was whole; there is nobody to answer and nothing to keep."""


class TooSlow(Exception):
    """The body did not arrive in time."""


class InFlight:
    """Bytes of bodies that are being worked on, over all requests of the process."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0

    @property
    def full(self) -> bool:
        """True when no further request may begin."""
        return self.bytes >= self.most


class Incoming:
    """The head of a request, before it is known whose it is."""

    __slots__ = ("headers", "method", "path", "peer", "query_string", "scheme")

    def __init__(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[bytes, bytes]],
        *,
        query_string: bytes = b"",
        peer: str = "",
        scheme: str = "http",
    ) -> None:
        """`headers` have their names in lower case; `peer` is the address at the other end of the connection."""
        self.method = method
        self.path = path
        self.headers: dict[bytes, bytes] = {name: value for name, value in headers if name in _PICKED}
        self.query_string = query_string
        self.peer = peer
        self.scheme = scheme

    @classmethod
    def of_scope(cls, scope: Scope) -> "Incoming":
        """Return the head that an ASGI scope describes."""
        client = scope.get("client")
        return cls(
            scope["method"],
            scope["path"],
            scope["headers"],
            query_string=scope.get("query_string", b""),
            peer=client[0] if client else "",
            scheme=scope.get("scheme", "http"),
        )

    def header(self, name: bytes) -> bytes:
        """Return a header's value, `b""` when it is absent."""
        return self.headers.get(name, b"")

    def query(self) -> dict[str, str]:
        """Return the query parameters; of a repeated one the last."""
        text = self.query_string.decode("latin-1")
        return dict(parse_qsl(text, keep_blank_values=True)) if text else {}

    def client_ip(self, proxies: Proxies) -> str:
        """Return the address of the client, looking behind trusted proxies."""
        forwarded = self.headers.get(b"x-forwarded-for")
        return proxies.client_of(self.peer, forwarded) if forwarded else self.peer

    def is_near(self, proxies: Proxies) -> bool:
        """Return whether the request is from this machine or its private network."""
        return proxies.is_near(self.peer, self.header(b"x-forwarded-for"))

    def address(self, proxies: Proxies) -> tuple[str, str]:
        """Return scheme and host under which the client reached us, as trusted proxies tell."""
        scheme, host = self.scheme, self.header(b"host").decode("latin-1")
        if proxies.trusts(self.peer):
            scheme = self.header(b"x-forwarded-proto").decode("latin-1").split(",")[0].strip() or scheme
            host = self.header(b"x-forwarded-host").decode("latin-1").split(",")[0].strip() or host
        return scheme, host

    def unpack(self, body: bytes, *, max_bytes: int) -> bytes:
        """Return a body as its client meant it.

        Raises:
            Refused: it is larger than `max_bytes`, packed or unpacked, or damaged.
        """
        if len(body) > max_bytes:
            raise too_large(max_bytes)
        encoding = self.headers.get(b"content-encoding")
        return unpack(body, encoding, max_bytes=max_bytes) if encoding else body


class BodyReader:
    """Reads the body of a request as it arrives, and counts it as in flight until `release`."""

    __slots__ = ("_held", "_in_flight", "_receive", "_taken")

    def __init__(self, receive: Receive, in_flight: InFlight) -> None:
        self._receive = receive
        self._in_flight = in_flight
        self._taken = 0
        self._held = 0

    async def read(self, *, max_bytes: int, timeout_s: float) -> bytes:
        """Return the whole body as it came, or a little more than `max_bytes` of one that is larger.

        Raises:
            TooSlow: it was not whole after `timeout_s`.
            ClientGone: the client left.
        """
        message = await self._receive()
        body: bytes = message.get("body", b"")
        self._take(len(body))
        if message.get("more_body"):
            try:
                async with asyncio.timeout(timeout_s):
                    body = await self._rest(body, max_bytes)
            except TimeoutError:
                raise TooSlow from None
        elif message["type"] == "http.disconnect":
            raise ClientGone
        return body

    async def _rest(self, first: bytes, max_bytes: int) -> bytes:
        chunks, size, more = [first], len(first), True
        while more and size <= max_bytes:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk: bytes = message.get("body", b"")
            self._take(len(chunk))
            chunks.append(chunk)
            size += len(chunk)
            more = message.get("more_body", False)
        return b"".join(chunks)

    def _take(self, size: int) -> None:
        self._taken += size
        self._in_flight.bytes += size

    def hold(self, size: int) -> None:
        """Count `size` bytes that were made of the body, too."""
        self._held += size
        self._in_flight.bytes += size

    def release(self) -> int:
        """Give back the room that was taken, and return how many bytes came."""
        taken, held, self._taken, self._held = self._taken, self._held, 0, 0
        self._in_flight.bytes -= taken + held
        return taken
