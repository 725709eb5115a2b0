"""Usual requests are answered without uvicorn's machinery: nobody may notice, whatever else the connection carries."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.test_app import BASIC, TRACK
from trackway.collector.app import CollectorApp
from trackway.collector.protocol import CollectorProtocol
from trackway.events.records import decode_raw
from trackway.log.contract import LogError, LogUnavailable
from trackway.node.serve import serve
from trackway.workspace.model import Collector, Source, Workspace

WORKSPACE = Workspace(
    sources={"web": Source(write_keys=["WK"]), "picky": Source(write_keys=["PK"], strict=True)},
    collector=Collector(max_in_flight=200_000),
)
BODY = json.dumps(TRACK).encode()
PATHS = ["/v1/track", "/first-party/v1/track", "/v1/track?verdicts=0"]


class Gate:
    """An appender that holds what it is given until it is opened."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.open = True
        self.failure: LogError | None = None
        self._held: list[Callable[[], None]] = []

    async def submit(self, records: list[bytes]) -> int:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def resolve(first: int, failure: LogError | None) -> None:
            done.set_exception(failure) if failure else done.set_result(first)

        self.hand_over(records, resolve)
        return await done

    def hand_over(self, records: list[bytes], done: Callable[[int, LogError | None], None]) -> None:
        def commit() -> None:
            self.records += [] if self.failure else records
            done(0, self.failure)

        self._held.append(commit)
        if self.open:
            asyncio.get_running_loop().call_soon(self.release)

    @property
    def held(self) -> int:
        return len(self._held)

    def release(self) -> None:
        held, self._held = self._held, []
        for commit in held:
            commit()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Server:
    def __init__(self, port: int, app: CollectorApp, gate: Gate, stopping: asyncio.Event) -> None:
        self.port, self.app, self.gate, self.stopping = port, app, gate, stopping

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def ask(self, request: bytes) -> Answer:
        async with self.connect() as (reader, writer):
            writer.write(request)
            return await read_answer(reader)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    gate, stopping, started = Gate(), asyncio.Event(), asyncio.Event()
    app = CollectorApp(WORKSPACE, gate)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(app, listener.detach(), stopping, started.set, protocol=CollectorProtocol))
    await started.wait()
    yield Server(port, app, gate, stopping)
    stopping.set()
    await serving


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return Answer(int(status.split()[1]), headers, await reader.readexactly(int(headers["content-length"])))


def request(path: str, body: bytes = BODY, *, key: str = "", **headers: str) -> bytes:
    fields = {"host": "t", "authorization": BASIC["authorization"], "content-length": str(len(body)), **headers}
    if key:
        del fields["authorization"]
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110 - what is looked at belongs to others
            await asyncio.sleep(0.005)


def batch(*calls: Any, key: str = "WK") -> bytes:
    return json.dumps({"batch": calls, "writeKey": key}).encode()


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/track", BODY, {}),
        ("/v1/track", BODY, {"origin": "https://shop.example"}),
        ("/v1/track", BODY, {"authorization": "Basic bm9ib2R5Og=="}),
        ("/v1/track", b"{", {}),
        ("/v1/track", b"", {}),
        ("/v1/track", b'{"userId":"u"}', {"prefer": "verdicts"}),
        ("/v1/track", BODY, {"content-encoding": "gzip"}),
        ("/v1/t", BODY, {"user-agent": "Mozilla/5.0", "x-forwarded-for": "203.0.113.9"}),
        ("/v1/batch", batch(TRACK | {"type": "track"}, 5, key="PK"), {"authorization": ""}),
        ("/v1/batch", batch(TRACK | {"type": "track"}, {"type": "track"}), {"prefer": "verdicts"}),
        ("/v1/batch", batch(), {}),
        ("/v1/b", batch({"type": "identify", "anonymousId": "a"}), {}),
    ],
)
async def test_both_ways_keep_and_answer_the_same(server: Server, path: str, body: bytes, headers: dict[str, str]):
    short = await server.ask(request(path, body, **headers))
    by_short, server.gate.records = server.gate.records, []
    long = await server.ask(request(f"/first-party{path}", body, **headers))
    assert plain(short) == plain(long)
    assert [settled(record) for record in by_short] == [settled(record) for record in server.gate.records]


def plain(answer: Answer) -> tuple[Any, ...]:
    value = json.loads(answer.body)
    for verdict in value.get("verdicts", []):
        assert verdict.pop("messageId")
        verdict["verdict"] = verdict["verdict"].replace("duplicate", "accepted")  # the second time it is one
    headers = {name: text for name, text in answer.headers.items() if name != "content-length"}
    return answer.status, headers, value


def settled(record: bytes) -> Any:
    """A record without what differs from one time to the next."""
    raw = decode_raw(record)
    own_id = raw.message_id if raw.message_id.encode() in raw.body else ""
    return msgspec.structs.replace(raw, received_at_ms=0, message_id=own_id)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 3 * len(request("/v1/track"))), max_size=5), data=st.data())
async def test_requests_may_be_cut_anywhere(server: Server, cuts: list[int], data: st.DataObject):
    paths = data.draw(
        st.lists(st.sampled_from(["/v1/track", "/p/v1/track", "/v1/track?verdicts=0"]), min_size=3, max_size=3)
    )
    stream = b"".join(request(path) for path in paths)
    server.gate.records = []
    async with server.connect() as (reader, writer):
        at = 0
        for cut in [*sorted(cuts), len(stream)]:
            writer.write(stream[at:cut])
            await writer.drain()
            await asyncio.sleep(0)
            at = max(at, cut)
        answers = [await read_answer(reader) for _ in paths]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [decode_raw(record).body for record in server.gate.records] == [BODY] * 3


async def test_pipelined_requests_are_answered_in_order(server: Server):
    server.gate.open = False
    async with server.connect() as (reader, writer):
        health = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
        writer.write(request("/v1/track") + health + request("/v1/track", b"{") + request("/v1/track"))
        answers: list[Answer] = []
        for count in (2, 1, 1):  # health needs no commit: its answer follows that of the first
            await until(lambda: server.gate.held == 1)
            server.gate.release()
            answers += [await read_answer(reader) for _ in range(count)]
    assert [answer.status for answer in answers] == [200, 200, 400, 200]
    assert json.loads(answers[1].body) == {"status": "ok"}
    assert len(server.gate.records) == 3


async def test_the_answer_waits_for_the_commit_and_tells_its_failure(server: Server):
    server.gate.open = False
    async with server.connect() as (reader, writer):
        writer.write(request("/v1/track"))
        await until(lambda: server.gate.held == 1)
        assert server.app.in_flight.bytes == len(BODY)
        server.gate.failure = LogUnavailable("no room")
        server.gate.release()
        answer = await read_answer(reader)
        assert (answer.status, answer.headers["retry-after"]) == (429, "5")
        server.gate.failure, server.gate.open = None, True
        writer.write(request("/v1/track"))  # and the connection goes on
        assert (await read_answer(reader)).status == 200
    assert server.app.in_flight.bytes == 0
    assert server.app.counts.requests == {"429": 1, "200": 1}


async def test_a_client_that_leaves_before_the_commit_loses_nothing(server: Server):
    server.gate.open = False
    async with server.connect() as (_, writer):
        writer.write(request("/v1/track"))
        await until(lambda: server.gate.held == 1)
    server.gate.release()
    assert len(server.gate.records) == 1
    assert server.app.in_flight.bytes == 0
    server.gate.open = True
    assert (await server.ask(request("/v1/track"))).status == 200


async def test_room_in_flight_is_bounded_here_too(server: Server):
    server.gate.open = False
    large = json.dumps(TRACK | {"properties": {"text": "x" * 30_000}}).encode()
    async with contextlib.AsyncExitStack() as stack:
        readers: list[asyncio.StreamReader] = []
        for _ in range(8):  # 8 × 30 kB is more than the 200 kB that may be worked on at a time
            reader, writer = await stack.enter_async_context(server.connect())
            writer.write(request("/v1/batch", batch(json.loads(large) | {"type": "track"})))
            readers.append(reader)
        await until(lambda: server.gate.held == 7 and any(reader._buffer for reader in readers))
        assert server.app.in_flight.full
        refused = [reader for reader in readers if reader._buffer]
        [answer] = [await read_answer(reader) for reader in refused]
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        server.gate.release()
        taken = [await read_answer(reader) for reader in readers if reader not in refused]
        assert [answer.status for answer in taken] == [200] * 7
    assert server.app.in_flight.bytes == 0


async def test_connection_close_is_heeded(server: Server):
    async with server.connect() as (reader, writer):
        writer.write(request("/v1/track", connection="close"))
        answer = await read_answer(reader)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await reader.read() == b""


async def test_a_stop_waits_for_the_commit(server: Server):
    server.gate.open = False
    async with server.connect() as (reader, writer):
        writer.write(request("/v1/track"))
        await until(lambda: server.gate.held == 1)
        server.stopping.set()
        await until(lambda: server.app.in_flight.bytes > 0)
        asyncio.get_running_loop().call_later(0.3, server.gate.release)
        answer = await read_answer(reader)
        assert answer.status == 200
        assert await reader.read() == b""


async def test_a_fault_of_ours_is_not_called_a_fault_of_the_client(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(server.app.reception, "begin", lambda *_: 1 / 0)
        async with server.connect() as (reader, writer):
            writer.write(request("/v1/track"))
            assert await reader.read() == b""  # the connection ends, and the client tries again
    assert "ZeroDivisionError" in caplog.text
    assert (await server.ask(request("/v1/track"))).status == 200
