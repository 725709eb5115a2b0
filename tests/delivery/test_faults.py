"""Delivery to a real HTTPS server that misbehaves in every way, with a good one beside it.

In each case the ledger balances all the time, the neighbour gets everything meanwhile, and when the server behaves
again its events arrive: each at least once, one person's in order.
"""

import asyncio
import itertools
import json
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import Engine, select

from tests.delivery.harness import (
    AT_ONCE,
    CleanLog,
    counts,
    delivering,
    event,
    sink,
    started,
    until,
    webhook,
    workspace,
)
from trackway.delivery.service import DeliveryService
from trackway.delivery.transport import HttpTransport
from trackway.delivery.worker import Options
from trackway.destinations.destination import Destination
from trackway.state.tables import attempts

CERTIFICATE = Path(__file__).with_name("self_signed.pem")
EVENTS = 60
PERSON = "ann"
STRICT = Options(backoff=AT_ONCE, parking=AT_ONCE, probing=AT_ONCE, park_after=10_000)
"""Nothing is parked, so order is kept for everybody."""
BEACON = '''
"""A vendor that takes a list, and answers 200 with what is wrong with each row."""

import msgspec

from trackway.destinations import kit

NAME = "Beacon"
LIMITS = kit.Limits(events=5, wait_s=0.01, concurrency=4)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    timeout_s: float


class Answer(msgspec.Struct):
    wrong: dict[int, str]


def request(settings, rows):
    return kit.Request(method="POST", url=settings.url, json=[row.value for row in rows], timeout_s=settings.timeout_s)


def judge(response, *, count):
    if response.status != 200:
        return kit.by_status(response, count=count)
    wrong = msgspec.json.decode(response.body, type=Answer).wrong
    found = {row: kit.Retry(why) if why == "busy" else kit.Rejected(why) for row, why in wrong.items()}
    return [found.get(row, kit.Delivered()) for row in range(count)]
'''


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


class Server:
    """Speaks HTTP by hand: reads requests whole, and does with each what `fault` says, or takes it."""

    def __init__(self) -> None:
        self.url = ""
        self.fault: Fault | None = None
        self.verdict: Callable[[int], str] = lambda number: ""
        """What is wrong with an event; "" is nothing."""
        self.taken: list[int] = []
        """Numbers of the events that were answered 200, in that order."""
        self._requests = itertools.count()
        self._open: set[asyncio.Task[None]] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                while await self._serve(reader, writer):
                    pass
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        if self.fault is not None and await self.fault(next(self._requests), writer):
            return False
        numbers = [row["n"] for row in json.loads(body)]
        wrong = {row: why for row, number in enumerate(numbers) if (why := self.verdict(number))}
        self.taken += [number for row, number in enumerate(numbers) if row not in wrong]
        writer.write(answer("200 OK", json.dumps({"wrong": wrong}).encode()))
        await writer.drain()
        return True

    async def close(self) -> None:
        for task in (*self._open,):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


Fault = Callable[[int, asyncio.StreamWriter], Awaitable[bool]]
"""Gets a request's number; returns whether it has answered, in whatever way."""


@asynccontextmanager
async def https_server() -> AsyncIterator[Server]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    found = Server()
    server = await asyncio.start_server(found.handle, "127.0.0.1", 0, ssl=tls)
    found.url = f"https://localhost:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield found
    finally:
        server.close()
        await found.close()


async def reset(number: int, writer: asyncio.StreamWriter) -> bool:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()
    return True


async def hang(number: int, writer: asyncio.StreamWriter) -> bool:
    await asyncio.Event().wait()
    return True


async def drip(number: int, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_head(number: int, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for field in itertools.count():
        writer.write(b"X-%d: y\r\n" % field)
        await writer.drain()
        await asyncio.sleep(0.01)
    return True


def always(content: bytes) -> Fault:
    async def write(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(content)
        await writer.drain()
        return True

    return write


def flap(fault: Fault) -> Fault:
    """Two requests fail, one is taken, and so on."""

    async def sometimes(number: int, writer: asyncio.StreamWriter) -> bool:
        return number % 3 != 2 and await fault(number, writer)

    return sometimes


HTML = b"<!doctype html><title>Down</title><h1>We will be back</h1>"
FAULTS: dict[str, tuple[Fault, str]] = {
    "resets": (reset, "ECONNRESET"),
    "hangs": (hang, "ETIMEDOUT"),
    "drips a body": (drip, "ETIMEDOUT"),
    "drips headers": (drip_head, "ETIMEDOUT"),
    "announces more than comes": (always(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), "ECONNRESET"),
    "ends in the middle of a chunk": (
        always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort"),
        "ECONNRESET",
    ),
    "speaks something else": (always(b"220 mail.example.com ESMTP\r\n"), "unreadable_answer"),
    "says nothing and closes": (always(b""), "ECONNRESET"),
    "is overloaded": (always(answer("503 Service Unavailable", HTML, "Content-Type: text/html")), "503"),
    "storms with 429": (always(answer("429 Too Many Requests", b"", "Retry-After: 0")), "429"),
    "refuses the credentials": (always(answer("401 Unauthorized", HTML)), "401"),
    "answers 200 with an error": (always(answer("200 OK", b'{"error":"out of service"}')), "unreadable_answer"),
    "answers 200 with HTML": (always(answer("200 OK", HTML, "Content-Type: text/html")), "unreadable_answer"),
    "flaps with resets": (flap(reset), "ECONNRESET"),
    "flaps with 500": (flap(always(answer("500 Internal Server Error"))), "500"),
}


@asynccontextmanager
async def beside_a_good_one(
    log: CleanLog, engine: Engine, folder: Path, *, timeout_s: float = 0.4
) -> AsyncIterator[tuple[Server, DeliveryService]]:
    """Deliver to `bad`, the server that is yielded, and to `good`, a webhook."""
    (folder / "destinations").mkdir()
    (folder / "destinations" / "beacon.py").write_text(BEACON)
    trusted = ssl.create_default_context(cafile=CERTIFICATE)
    trusted.check_hostname = False  # the certificate names nobody

    def transport(found: Destination) -> HttpTransport:
        return HttpTransport(connections=found.limits.concurrency, allow_private=True, tls=trusted)

    async with https_server() as bad, sink() as good:
        settings = {"url": bad.url, "timeout_s": timeout_s}
        hooks = {"bad": {"type": "beacon", "settings": settings}, "good": webhook(good.url)}
        space = structs.replace(workspace(hooks), folder=folder)
        found = DeliveryService(space, log.log, engine, transport=transport, options=STRICT)
        async with delivering(found):
            await until(lambda: started(engine, log, "bad", "good"))
            yield bad, found


@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_server_that(fault: Fault, reason: str, log: CleanLog, engine: Engine, tmp_path: Path) -> None:
    async with beside_a_good_one(log, engine, tmp_path) as (bad, _):
        bad.fault = fault
        log.add([event(n, person=PERSON if n % 2 else f"p-{n}") for n in range(EVENTS)])
        await until(lambda: counts(engine, log, "good").delivered == EVENTS, "the neighbour")
        await until(lambda: reason in reasons(engine), f"an attempt that ends in {reason}")
        standing = counts(engine, log, "bad")
        assert (standing.failed, standing.discarded, standing.difference) == ({}, {}, 0)
        bad.fault = None
        await until(lambda: counts(engine, log, "bad").pending == 0, "the rest")
    standing = counts(engine, log, "bad")
    assert (standing.delivered, standing.failed, standing.difference) == (EVENTS, {}, 0)
    assert {*bad.taken} == {*range(EVENTS)}
    in_order = [*dict.fromkeys(n for n in bad.taken if n % 2)]
    assert in_order == sorted(in_order)


async def test_of_a_request_that_is_taken_in_part_only_the_rest_is_sent_again(
    log: CleanLog, engine: Engine, tmp_path: Path
) -> None:
    tried: Counter[int] = Counter()

    def verdict(number: int) -> str:
        tried[number] += 1
        return "invalid_name" if number % 10 == 3 else "busy" if number % 10 == 4 and tried[number] < 3 else ""

    # Where nothing hangs, no request may be given up only because the machine is slow: then it would be sent twice.
    async with beside_a_good_one(log, engine, tmp_path, timeout_s=60) as (bad, _):
        bad.verdict = verdict
        log.add([event(n) for n in range(EVENTS)])
        await until(lambda: counts(engine, log, "bad").pending == 0)
    standing = counts(engine, log, "bad")
    assert (standing.failed, standing.delivered, standing.difference) == ({"invalid_name": 6}, EVENTS - 6, 0)
    assert sorted(bad.taken) == [n for n in range(EVENTS) if n % 10 != 3]
    assert tried == {n: 3 if n % 10 == 4 else 1 for n in range(EVENTS)}


def reasons(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {*connection.execute(select(attempts.c.reason).where(attempts.c.destination == "bad")).scalars()}
