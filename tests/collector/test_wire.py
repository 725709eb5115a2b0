"""A real collector on a real socket, met by hostile and clumsy clients."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.test_app import BASIC, TRACK, WORKSPACE, Kept
from trackway.collector import protocol
from trackway.collector.app import CollectorApp
from trackway.collector.bounds import HEAD_BYTES
from trackway.collector.protocol import CollectorProtocol
from trackway.node.serve import serve
from trackway.workspace.model import Workspace

BODY = json.dumps(TRACK).encode()
HEAD = b"POST /v1/track HTTP/1.1\r\nHost: t\r\nAuthorization: " + BASIC["authorization"].encode() + b"\r\n"
GOOD = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


class Server:
    def __init__(self, workspace: Workspace = WORKSPACE) -> None:
        self.kept = Kept()
        self._workspace = workspace
        self.port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._started.wait(20)

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        app: Any = CollectorApp(self._workspace, self.kept)
        await serve(app, listener.detach(), self._stopping, self._started.set, protocol=CollectorProtocol)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(60)

    @contextlib.contextmanager
    def connect(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            yield connection

    def ask(self, *parts: bytes, half_close: bool = True) -> tuple[int, dict[str, str], bytes]:
        """Send raw bytes and return the first answer: status, headers, body; status 0 when there is none."""
        with self.connect() as connection:
            with contextlib.suppress(OSError):
                for part in parts:
                    connection.sendall(part)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            text = b""
            with contextlib.suppress(ConnectionError):
                while chunk := connection.recv(65536):
                    text += chunk
        head, _, body = text.partition(b"\r\n\r\n")
        if not head:
            return 0, {}, b""
        status, *lines = head.decode("latin-1").split("\r\n")
        return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body

    def is_well(self) -> bool:
        return self.ask(GOOD)[0] == 200


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def test_a_good_request(server: Server):
    status, headers, body = server.ask(GOOD)
    assert (status, json.loads(body)) == (200, {"success": True})
    assert "server" not in headers


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "not_http"),
        (b"\x16\x03\x01\x02\x00\x01", 400, "not_http"),  # TLS
        (b"POST /v1/track HTTP/1.1\r\nHost: t\r\nBad Header: x\r\n\r\n", 400, "not_http"),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, None),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345", 400, "not_http"),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400, "not_http"),
        (HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n", 400, "not_http"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", 400, None),
        (HEAD + b"Transfer-Encoding: identity, chunked\r\n\r\nzz", 400, None),
        (HEAD + b"X: " + b"a" * (HEAD_BYTES + 1) + b"\r\n\r\n", 400, "headers_too_large"),
        (HEAD + b"".join(b"X%d: y\r\n" % n for n in range(5000)) + b"\r\n", 400, "headers_too_large"),
        (b"GET /v1/pixel/track?data=" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nHost: t\r\n\r\n", 400, "headers_too_large"),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: t\r\n\r\n", 404, "not_found"),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200, None),
    ],
)
def test_malformed_requests_are_answered_and_cost_only_themselves(
    server: Server, request_: bytes, status: int, code: str | None
):
    found, headers, body = server.ask(request_)
    assert found == status
    if code is not None:
        answer = json.loads(body)
        assert answer["code"] == code and answer["message"]
        assert headers["access-control-allow-origin"] == "*"
    assert server.is_well()


def test_a_head_that_never_ends_is_cut_off(server: Server):
    flood = [b"POST /v1/track HTTP/1.1\r\nX: ", *[b"a" * 8192] * 200]
    status, _, _ = server.ask(*flood)
    assert status in (0, 400)  # reset while we were still sending
    assert server.is_well()


def test_chunked_bodies_of_any_cut(server: Server):
    for size in (1, 7, len(BODY)):
        pieces = [BODY[start : start + size] for start in range(0, len(BODY), size)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        assert server.ask(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", body)[0] == 200


def test_pipelined_requests_are_all_answered(server: Server):
    before = len(server.kept.records)
    with server.connect() as connection:
        connection.sendall(GOOD * 5)
        text = b""
        while text.count(b'{"success":true}') < 5:
            chunk = connection.recv(65536)
            assert chunk, text
            text += chunk
    assert len(server.kept.records) == before + 5


def test_nothing_is_kept_of_a_body_cut_short(server: Server):
    before = len(server.kept.records)
    assert server.ask(HEAD + b"Content-Length: 5000\r\n\r\n" + BODY)[0] in (0, 400)
    assert server.is_well()
    assert len(server.kept.records) == before + 1


def test_stalled_connections_cost_only_themselves(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with contextlib.ExitStack() as stack:
        stalled = [stack.enter_context(server.connect()) for _ in range(50)]
        for number, connection in enumerate(stalled):
            connection.sendall(HEAD[: number % len(HEAD)])
        began = time.monotonic()
        assert server.is_well()
        assert time.monotonic() - began < 60
        for connection in stalled:
            answer = connection.recv(65536)
            assert b" 408 " in answer.split(b"\r\n", 1)[0] and b'"too_slow"' in answer


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, len(GOOD)))
def test_any_bytes_on_the_wire_never_give_a_500(server: Server, noise: bytes, cut: int):
    status, _, _ = server.ask(GOOD[:cut] + noise + GOOD[cut:])
    assert status in (0, 200, 400, 401, 404, 405, 408)
