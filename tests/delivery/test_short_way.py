"""The short way through aiohttp against its own: the same bytes, the same outcomes, connections used alike."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import structs
from yarl import URL

from trackway.delivery import short_way
from trackway.delivery.transport import ANSWER_BYTES, HttpTransport
from trackway.destinations.kit import Rejected, Request, Response, Retry

ANSWERS = {
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "json": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\n{}",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "continue first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "cookies": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
    "redirect": b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n",
    "trouble": b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy",
    "until the end": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it",
    "closing": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "other protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "other protocol, nothing follows": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n",
    "large": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (ANSWER_BYTES + 9) + b"x" * (ANSWER_BYTES + 9),
    "too short": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nshort",
    "no http": b"220 smtp.example.com ESMTP\r\n",
    "nothing": b"",
}
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Server:
    """Answers every request alike, and remembers them as they came, and how many connections there were."""

    def __init__(self, answer: bytes) -> None:
        self.url = ""
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = _LENGTH.search(head)
                self.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
                writer.write(self._answer)
                await writer.drain()
                if b"Connection: close" in self._answer or not self._answer.startswith(b"HTTP"):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Server]:
    found = Server(answer)
    server = await asyncio.start_server(found.handle, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()


REQUESTS = [
    Request(method="POST", url="/a?b=%2F&c=d", json={"é": 1}, headers={"X-Mine": "2"}),
    Request(method="POST", url="/a", body=b"", headers={"content-type": "text/plain"}),
    Request(method="PATCH", url="/a#part", body=b"x" * 300_000, headers={"Content-Type": "a/b", "user-agent": "Mine"}),
    Request(method="POST", url="/a", body=b"bare"),
    Request(method="POST", url="/a", body=b"told", headers={"Content-Length": "4"}),
    Request(method="POST", url="/a", body=b"ends\nhere", headers={"X-Mine": "two\r\nlines"}),
]


async def outcomes(answer: bytes) -> tuple[list[Response | Retry | Rejected], list[list[bytes]], int]:
    """Return what came of `REQUESTS`, one after the other, what the server saw of each, and its connections."""
    async with answering(answer) as server, HttpTransport(allow_private=True, connections=1) as transport:
        found = [
            await transport.send(structs.replace(one, url=server.url + one.url, timeout_s=30.0)) for one in REQUESTS
        ]
        own = server.url.removeprefix("http://").encode()
        seen = [sorted(request.replace(own, b"HOST").split(b"\r\n")) for request in server.requests]
        return found, seen, server.connections


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_both_ways_send_and_tell_the_same(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    short = await outcomes(answer)
    monkeypatch.setattr(short_way, "is_usual", lambda method, url: False)
    assert short == await outcomes(answer)
    assert isinstance(short[0][-1], Rejected), "a header of two lines is sent nowhere"
    assert len(short[1]) == len(REQUESTS) - 1


@pytest.mark.parametrize(
    ("method", "url", "usual"),
    [
        ("POST", "https://example.com/a", True),
        ("PATCH", "http://10.0.0.1:8080", True),
        ("PUT", "https://example.com/a", False),  # aiohttp sends it again by itself
        ("POST", "https://user:word@example.com/a", False),
        ("POST", "ftp://example.com/a", False),
        ("POST", "/a", False),
    ],
)
def test_which_requests_are_usual(method: str, url: str, usual: bool) -> None:
    assert short_way.is_usual(method, URL(url)) is usual


async def test_credentials_in_the_url_become_a_header() -> None:
    async with answering(ANSWERS["empty"]) as server, HttpTransport(allow_private=True) as transport:
        await transport.send(Request(method="POST", url=server.url.replace("//", "//user:word@"), body=b"{}"))
        assert b"Authorization: Basic dXNlcjp3b3Jk\r\n" in server.requests[0]


async def test_a_request_that_is_cancelled_gives_its_connection_back() -> None:
    """With one connection for all, a leak would make the second request wait for ever."""
    heard, one_goes_on = asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        heard.set()
        await one_goes_on.wait()
        writer.write(ANSWERS["empty"])
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    request = Request(
        method="POST", url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", body=b"{}", timeout_s=30
    )
    try:
        async with HttpTransport(allow_private=True, connections=1) as transport:
            first = asyncio.create_task(transport.send(request))
            async with asyncio.timeout(30):
                await heard.wait()
            first.cancel()
            await asyncio.wait([first])
            assert first.cancelled()
            one_goes_on.set()
            assert isinstance(await transport.send(request), Response)
    finally:
        server.close()
