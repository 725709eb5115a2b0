"""What the tests of delivery share: a clean log with events, a clock that runs as fast as it can, and sinks."""

import asyncio
import heapq
import itertools
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import Engine

from trackway.delivery.breaker import Backoff
from trackway.delivery.ledger import DestinationCounts, destination_counts
from trackway.delivery.service import DeliveryService
from trackway.delivery.worker import Options
from trackway.destinations.kit import Rejected, Request, Response, Retry
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, Place, encode
from trackway.log.contract import LogWriter
from trackway.log.sqlite import SEGMENT_BYTES, SqliteLog
from trackway.workspace.load import convert
from trackway.workspace.model import Workspace

DEADLINE_S = 60.0
SECRET = "s3cr3t-webhook-key"
AT_ONCE = Backoff(base_s=0.004, cap_s=0.02, random=lambda: 1.0)
QUICK = Options(backoff=AT_ONCE, parking=AT_ONCE, probing=AT_ONCE)


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Return once `condition` holds; fail after the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        looked_s = time.monotonic()
        if condition():
            return
        now_s = time.monotonic()
        if now_s > deadline:
            raise AssertionError(f"waited {DEADLINE_S} s in vain{' for ' + what if what else ''}")
        # What takes long to ask is asked less often: what is waited for needs the processor too.
        await asyncio.sleep(max(0.005, 2 * (now_s - looked_s)))


class FastClock:
    """Time that jumps to the next thing to happen, whenever everybody waits."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0
        self._timers: list[tuple[float, int, asyncio.Event]] = []
        self._number = itertools.count()

    def now_ms(self) -> int:
        return 1_700_000_000_000 + round(self.now_s * 1000)

    def monotonic(self) -> float:
        return self.now_s

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> None:
        if timeout_s is None:
            await event.wait()
            return
        timer = (self.now_s + timeout_s, next(self._number), asyncio.Event())
        heapq.heappush(self._timers, timer)
        either = [asyncio.create_task(event.wait()), asyncio.create_task(timer[2].wait())]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in either:
                task.cancel()
            if timer in self._timers:
                self._timers.remove(timer)
                heapq.heapify(self._timers)

    def advance(self) -> None:
        """Jump to the next timer and ring it."""
        if self._timers:
            at_s, _, rung = heapq.heappop(self._timers)
            self.now_s = max(self.now_s, at_s)
            rung.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let time pass, as fast as the tasks can follow."""

        async def run() -> None:
            while True:
                await asyncio.sleep(0.0005)
                self.advance()

        task = asyncio.create_task(run())
        try:
            yield
        finally:
            task.cancel()


def event(number: int, *, person: str | None = None, source: str = "web", **more: Any) -> EventRecord:
    """Return a clean event whose JSON has what the header has."""
    person = person or f"user-{number}"
    body = {"type": "track", "messageId": f"m-{number}", "event": "Tested", "userId": person, "n": number, **more}
    return EventRecord(
        source=source,
        type="track",
        message_id=f"m-{number}",
        name="Tested",
        user_id=person,
        anonymous_id=None,
        received_at_ms=1_700_000_000_000,
        timestamp_ms=1_700_000_000_000,
        raw=Place(0, number),
        body=json.dumps(body, separators=(",", ":")).encode(),
    )


class CleanLog:
    """A clean log with one writer or more."""

    def __init__(self, folder: Path, partitions: int = 1, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.log = SqliteLog(folder, CLEAN_TOPICS, segment_bytes=segment_bytes)
        self.writers: list[LogWriter] = [self.log.writer(number) for number in range(partitions)]
        self._numbers = itertools.count()

    def add(self, events: Sequence[EventRecord], partition: int = 0) -> range:
        return self.writers[partition].append({EVENTS: [encode(found) for found in events]})[EVENTS]

    def add_numbers(self, count: int, **more: Any) -> list[str]:
        """Append `count` events of different people, and return their message ids."""
        events = [event(next(self._numbers), **more) for _ in range(count)]
        self.add(events)
        return [found.message_id for found in events]

    def close(self) -> None:
        for writer in self.writers:
            writer.close()
        self.log.close()


@contextmanager
def clean_log(folder: Path, partitions: int = 1, segment_bytes: int = SEGMENT_BYTES) -> Iterator[CleanLog]:
    log = CleanLog(folder, partitions, segment_bytes)
    try:
        yield log
    finally:
        log.close()


def workspace(destinations: dict[str, Any], **more: Any) -> Workspace:
    settings = {
        "sources": {"web": {"write_keys": ["k"]}, "server": {"write_keys": ["s"]}},
        "delivery": {"allow_private_addresses": True},
        "destinations": destinations,
    }
    return convert(settings | more, Workspace, where="")


def webhook(url: str = "http://sink.example/hook", **settings: Any) -> dict[str, Any]:
    return {"type": "webhook", "settings": {"url": url, "shared_secret": SECRET} | settings}


@asynccontextmanager
async def delivering(service: DeliveryService) -> AsyncIterator[DeliveryService]:
    await service.start()
    try:
        yield service
    finally:
        await service.stop(grace_s=0.2)


def ids_of(request: Request | bytes) -> list[str]:
    """Return the message ids in a webhook request."""
    body = json.loads(request if isinstance(request, bytes) else request.content())
    return [found["messageId"] for found in (body if isinstance(body, list) else [body])]


Answer = Response | Retry | Rejected
OK = Response(status=200)


class FakeTransport:
    """Answers by a function, and remembers what it was sent."""

    def __init__(self, answer: Callable[[Request], Answer] = lambda request: OK) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.delivered: list[str] = []
        """Message ids in the order of their 2xx."""

    async def send(self, request: Request) -> Answer:
        self.requests.append(request)
        await asyncio.sleep(0)
        answer = self.answer(request)
        if isinstance(answer, Response) and answer.status < 300:
            self.delivered += ids_of(request)
        return answer

    async def close(self) -> None:
        pass


class Sink:
    """A real server on the loopback, whose behaviour a test sets."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Callable[[web.Request, bytes], Any] = lambda request, body: web.Response(text="ok")
        self.requests: list[tuple[dict[str, str], bytes]] = []

    @property
    def ids(self) -> list[str]:
        return [found for _, body in self.requests for found in ids_of(body)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(({name.lower(): value for name, value in request.headers.items()}, body))
        answer = self.answer(request, body)
        return await answer if asyncio.iscoroutine(answer) else answer


@asynccontextmanager
async def sink(tls: ssl.SSLContext | None = None) -> AsyncIterator[Sink]:
    found = Sink()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    found.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield found
    finally:
        await runner.cleanup()


def started(engine: Engine, log: CleanLog, *names: str) -> bool:
    """Say whether the destinations have taken their place in the log."""
    return {*names} <= {found.destination for found in destination_counts(engine, log.log)}


def counts(engine: Engine, log: CleanLog, destination: str = "hook") -> DestinationCounts:
    return next(found for found in destination_counts(engine, log.log) if found.destination == destination)
