"""The aiohttp transport against servers that misbehave, and addresses that are refused."""

import asyncio
import gzip
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.delivery.harness import sink
from trackway.delivery.addresses import is_public
from trackway.delivery.transport import ANSWER_BYTES, HttpTransport
from trackway.destinations.kit import Rejected, Request, Response, Retry


def post(url: str, timeout_s: float = 30, **more: object) -> Request:
    return Request(method="POST", url=url, body=b"{}", timeout_s=timeout_s, **more)  # type: ignore[arg-type]


async def send(request: Request, **options: object) -> Response | Retry | Rejected:
    async with HttpTransport(**({"allow_private": True} | options)) as transport:  # type: ignore[arg-type]
        return await transport.send(request)


@asynccontextmanager
async def raw_server(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]) -> AsyncIterator[str]:
    """A server that speaks by hand, after it has read a request's head."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            found = answer(reader, writer)
            if asyncio.iscoroutine(found):
                await found
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def test_request_and_answer_go_as_they_are() -> None:
    async with sink() as server:
        server.answer = lambda request, body: web.Response(status=207, text="partly", headers={"X-Answer": "1"})
        found = await send(post(server.url + "?a=%2Fb", headers={"X-Mine": "2"}))
        assert isinstance(found, Response)
        assert (found.status, found.body, found.headers["x-answer"]) == (207, b"partly", "1")
        headers, body = server.requests[0]
        assert (headers["x-mine"], body) == ("2", b"{}")
        assert "content-type" not in headers and headers["accept-encoding"] == "identity"


async def test_json_is_sent_as_such() -> None:
    async with sink() as server:
        await send(Request(method="PUT", url=server.url, json={"a": [1, "é"]}))
        assert server.requests[0][0]["content-type"] == "application/json"
        assert server.requests[0][1] == '{"a":[1,"é"]}'.encode()


async def test_redirects_are_not_followed() -> None:
    async with sink() as server:
        server.answer = lambda request, body: web.Response(status=302, headers={"Location": server.url + "/else"})
        found = await send(post(server.url))
        assert isinstance(found, Response) and found.status == 302
        assert len(server.requests) == 1


async def test_cookies_are_not_kept() -> None:
    async with sink() as server, HttpTransport(allow_private=True) as transport:
        server.answer = lambda request, body: web.Response(headers={"Set-Cookie": "a=b"})
        url = server.url.replace("127.0.0.1", "localhost")
        await transport.send(post(url))
        await transport.send(post(url))
        assert all("cookie" not in headers for headers, _ in server.requests)


async def test_a_large_answer_is_cut() -> None:
    async with sink() as server:
        server.answer = lambda request, body: web.Response(body=b"x" * (10 << 20))
        found = await send(post(server.url))
        assert isinstance(found, Response) and found.body == b"x" * ANSWER_BYTES


async def test_an_answer_without_end_is_cut_in_time() -> None:
    async with sink() as server:

        async def drip(request: web.Request, body: bytes) -> web.StreamResponse:
            answer = web.StreamResponse()
            await answer.prepare(request)
            while True:
                await answer.write(b".")
                await asyncio.sleep(0.01)

        server.answer = drip
        began = time.monotonic()
        assert await send(post(server.url, timeout_s=0.2)) == Retry("ETIMEDOUT")
        assert time.monotonic() - began < 60


async def test_a_compressed_answer_is_not_unpacked() -> None:
    packed = gzip.compress(b"\0" * (50 << 20))
    async with sink() as server:
        server.answer = lambda request, body: web.Response(body=packed, headers={"Content-Encoding": "gzip"})
        found = await send(post(server.url))
        assert isinstance(found, Response) and found.body == packed[:ANSWER_BYTES]


async def test_a_server_that_hangs() -> None:
    async with raw_server(lambda reader, writer: asyncio.sleep(60)) as url:
        assert await send(post(url, timeout_s=0.1)) == Retry("ETIMEDOUT")


async def test_a_server_that_closes_without_an_answer() -> None:
    async with raw_server(lambda reader, writer: None) as url:
        assert await send(post(url)) == Retry("ECONNRESET")


async def test_a_server_that_resets() -> None:
    def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with raw_server(reset) as url:
        assert await send(post(url)) == Retry("ECONNRESET")


async def test_a_server_that_lies_about_its_length() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    async with raw_server(lambda reader, writer: writer.write(answer)) as url:
        assert await send(post(url)) == Retry("ECONNRESET")


async def test_a_server_that_does_not_speak_http() -> None:
    async with raw_server(lambda reader, writer: writer.write(b"220 smtp.example.com ESMTP\r\n")) as url:
        assert await send(post(url)) == Retry("unreadable_answer")


async def test_a_closed_port(closed_port: int) -> None:
    assert await send(post(f"http://127.0.0.1:{closed_port}/")) == Retry("ECONNREFUSED")


async def test_plain_http_where_tls_is_spoken() -> None:
    async with sink() as server:
        found = await send(post(server.url.replace("http", "https")))
        assert isinstance(found, Retry) and found.reason == "TLS_ERROR"


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    async with sink(tls) as server:
        found = await send(post(server.url))
        assert isinstance(found, Retry) and found.reason == "TLS_ERROR"
        assert server.requests == []


class Names(AbstractResolver):
    """Resolves every name to the next of the given lists of addresses."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in answer
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "ENOTFOUND"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "EAI_AGAIN"),
    ],
)
async def test_a_name_that_does_not_resolve(error: OSError, reason: str) -> None:
    assert await send(post("http://nobody.example/"), resolver=Names(error)) == Retry(reason)


PRIVATE = [
    "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "198.18.0.1", "192.0.0.8", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd12::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:0", "::7f00:1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:0:0:0:0:80ff:fffe", "2001:db8::1",
    "not an address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "169.254.169.254", "[::1]", "10.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "[fe80::1]"],
)
async def test_private_addresses_in_a_url_are_refused(host: str) -> None:
    async with sink() as server:
        port = server.url.split(":")[2].split("/")[0]
        found = await send(post(f"http://{host}:{port}/"), allow_private=False)
        assert isinstance(found, Rejected) and found.reason == "address_not_allowed"
        assert "allow_private_addresses" in found.detail
        assert server.requests == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "017700000001", "localhost"])
async def test_other_ways_to_write_a_private_address_are_refused(host: str) -> None:
    async with sink() as server:
        port = server.url.split(":")[2].split("/")[0]
        found = await send(post(f"http://{host}:{port}/"), allow_private=False)
        assert isinstance(found, Rejected) and found.reason in {"address_not_allowed", "invalid_url"}
        assert server.requests == []


async def test_a_name_that_resolves_to_a_private_address_is_refused() -> None:
    async with sink() as server:
        url = server.url.replace("127.0.0.1", "innocent.example")
        found = await send(post(url), allow_private=False, resolver=Names(["127.0.0.1", "10.0.0.1"]))
        assert isinstance(found, Rejected) and found.reason == "address_not_allowed"
        assert server.requests == []
        found = await send(post(url), allow_private=True, resolver=Names(["127.0.0.1"]))
        assert isinstance(found, Response)


async def test_a_name_that_changes_its_mind_cannot_reach_a_private_address() -> None:
    """DNS rebinding: the name is public when it is looked at, and private when it is used."""
    async with sink() as server, HttpTransport(resolver=Names(["192.0.2.1"], ["127.0.0.1"])) as transport:
        url = server.url.replace("127.0.0.1", "rebind.example")
        for _ in range(3):
            found = await transport.send(post(url, timeout_s=0.5))
            assert isinstance(found, Rejected) and found.reason == "address_not_allowed"
        assert server.requests == []


async def test_only_the_public_addresses_of_a_mixed_name_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def socket_for(address: tuple[object, object, object, object, tuple[str, int]]) -> socket.socket:
        tried.append(address[4][0])
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("trackway.delivery.transport.public_socket", socket_for)
    found = await send(
        post("http://mixed.example/"), allow_private=False, resolver=Names(["127.0.0.1", "8.8.8.8", "::1"])
    )
    assert tried == ["8.8.8.8"]
    assert found == Retry("ENETUNREACH")


@pytest.mark.parametrize("url", ["http://", "http://a b/", "gopher://example.com/", "http://exa mple/\r\n"])
async def test_an_address_that_is_none(url: str) -> None:
    assert isinstance(await send(post(url)), Rejected)


async def test_a_header_that_cannot_be_sent() -> None:
    async with sink() as server:
        found = await send(post(server.url, headers={"X": "a\r\nY: b"}))
        assert isinstance(found, Rejected) and found.reason == "invalid_request"
        assert server.requests == []
