"""Requests through a real proxy on the loopback, and which of them go there."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from yarl import URL

from tests.delivery.harness import sink
from trackway.delivery.addresses import AddressNotAllowed, refuse_private
from trackway.delivery.proxies import Proxies, environment_proxies
from trackway.delivery.transport import HttpTransport
from trackway.destinations.kit import Rejected, Request, Response, Retry

CERTIFICATE = Path(__file__).with_name("self_signed.pem")


class Proxy:
    """Carries everything to one server, whatever host is asked for; the names are the proxy's affair."""

    def __init__(self, server: str) -> None:
        self.url = ""
        self.heads: list[str] = []
        self.refusal = b""
        self._port = URL(server).port

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode())
            if self.refusal:
                writer.write(self.refusal)
            else:
                await self._carry(head, reader, writer)
        writer.close()

    async def _carry(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            back.write(head)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@asynccontextmanager
async def proxy_to(server: str) -> AsyncIterator[Proxy]:
    found = Proxy(server)
    listening = await asyncio.start_server(found.handle, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        listening.close()


def post(url: str) -> Request:
    return Request(method="POST", url=url, body=b"{}", headers={"X-Key": "k-destination"}, timeout_s=10)


async def test_a_plain_request_goes_through_the_proxy_with_its_password() -> None:
    async with sink() as server, proxy_to(server.url) as proxy:
        with_password = proxy.url.replace("http://", "http://ann:pass-1@")
        # The proxy's own address is private, which the operator has chosen; the destination's is for the proxy to find.
        async with HttpTransport(proxies=Proxies({"http": with_password})) as transport:
            assert isinstance(await transport.send(post("http://vendor.example/hook?a=%2F")), Response)
    assert proxy.heads[0].startswith("POST http://vendor.example/hook?a=%2F HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic YW5uOnBhc3MtMQ==" in proxy.heads[0]
    assert len(server.requests) == 1


async def test_an_encrypted_request_is_tunnelled_and_its_certificate_checked() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    trusted = ssl.create_default_context(cafile=CERTIFICATE)
    trusted.check_hostname = False
    async with sink(tls) as server, proxy_to(server.url) as proxy:
        for given, expected in ((trusted, Response), (None, Retry)):
            async with HttpTransport(proxies=Proxies({"https": proxy.url}), tls=given) as transport:
                found = await transport.send(post("https://vendor.example/hook"))
            assert isinstance(found, expected), found
    assert [head.split("\r\n")[0] for head in proxy.heads] == ["CONNECT vendor.example:443 HTTP/1.1"] * 2
    assert all("k-destination" not in head for head in proxy.heads)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"])
async def test_a_proxy_that_does_not_connect_is_tried_again(status: str) -> None:
    async with sink() as server, proxy_to(server.url) as proxy:
        proxy.refusal = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
        async with HttpTransport(proxies=Proxies({"https": proxy.url})) as transport:
            assert await transport.send(post("https://vendor.example/")) == Retry("proxy_failed")


async def test_a_proxy_that_is_not_there_is_tried_again(closed_port: int) -> None:
    async with HttpTransport(proxies=Proxies({"all": f"http://127.0.0.1:{closed_port}"})) as transport:
        assert await transport.send(post("https://vendor.example/")) == Retry("proxy_failed")


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "10.0.0.1", "[fd00::1]", "[::ffff:10.0.0.1]", "0x0a000001", "167772161", "10.1"]
)
async def test_a_proxy_is_not_asked_for_private_addresses(host: str) -> None:
    async with (
        proxy_to("http://127.0.0.1:1/") as proxy,
        HttpTransport(proxies=Proxies({"http": proxy.url})) as transport,
    ):
        found = await transport.send(post(f"http://{host}/latest"))
    assert isinstance(found, Rejected) and found.reason == "address_not_allowed"
    assert proxy.heads == []


def test_names_and_public_addresses_are_for_the_proxy_to_judge() -> None:
    for host in ("vendor.example", "8.8.8.8", "2606:4700:4700::1111"):
        refuse_private(host)
    for host in ("127.1", "localhost", "a.localhost", "fe80::1%eth0"):
        with pytest.raises(AddressNotAllowed):
            refuse_private(host)


@pytest.mark.parametrize(
    ("url", "goes_to"),
    [
        ("https://vendor.example/", "http://secure:1"),
        ("http://vendor.example/", "http://plain:1"),
        ("https://in.corp.example/", None),
        ("https://corp.example:8443/", None),
        ("https://CORP.example/", None),
        ("https://sub.dotted.example/", None),
        ("https://notcorp.example/", "http://secure:1"),
        ("http://10.1.2.3/", None),
        ("http://11.1.2.3/", "http://plain:1"),
        ("http://[fd00::9]/", None),
        ("http://127.0.0.1:8080/", None),
        ("http://localhost:8080/", None),
        ("http://[::1]/", None),
    ],
)
def test_which_requests_go_through_which_proxy(url: str, goes_to: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://plain:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:1")
    monkeypatch.setenv("NO_PROXY", "corp.example, .dotted.example, 10.0.0.0/8,fd00::/8,nonsense/99")
    found = environment_proxies().of(URL(url))
    assert found == (URL(goes_to) if goes_to else None)


def test_without_proxies_all_is_asked_directly() -> None:
    assert Proxies({}).of(URL("https://vendor.example/")) is None
    assert Proxies({"no": "*", "all": "http://p:1"}).of(URL("https://vendor.example/")) is None
