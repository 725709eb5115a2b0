"""Events a second from the clean log to a local sink, each figure beside a limit of the same run.

`python -m benchmarks.delivery_rate [mixpanel|webhook|together|isolation|backlog …] [--json] [--events N] [--profile]`

    mixpanel    batches of 2,000; the limits are the same rendering and encoding with nothing sent, and reading and
                writing the JSON of the same events alone
    webhook     a request an event; the limit is a bare aiohttp client with as many connections and the same bodies
    together    all twelve destinations at 5,000 new events a second (`--rate` sets it), by `--processes N` (default:
                one): how fast they are, what one event costs for all of them, and how far behind the slowest is at the
                end; the limit is rendering the event for each, and as many requests of a bare aiohttp client
    isolation   from the log to a webhook's answer at 500 events a second: beside a destination that refuses
                connections, beside one that never answers, beside one that always answers 500. Medians of three runs,
                which alternate with as many of the webhook alone; the first run of all is not counted
    backlog     memory with one destination dead and N events behind it (`--events 10000000`: ten million), against a
                hundredth of that; and how soon it goes on after a restart

The sink is a process of its own; "per core" divides by the processor time of the delivering process alone, which keeps
to one core, as delivery processes do, but for `--anywhere`: then on any, as the hub's own delivery.
"""

import argparse
import asyncio
import cProfile
import gc
import itertools
import multiprocessing
import pstats
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import cached_property, lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import uvloop
from msgspec import structs
from yarl import URL

from benchmarks._harness import Measurement, make_events, report
from benchmarks._sink import sink
from benchmarks.render_rate import measure as measure_rendering
from trackway.cores import keep_to_one, use_all
from trackway.delivery.ledger import DestinationCounts, destination_counts
from trackway.delivery.service import DeliveryService
from trackway.delivery.transport import HttpTransport
from trackway.destinations import registry
from trackway.destinations.destination import Destination
from trackway.destinations.kit import Rejected, Request, Response, Retry
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, encode
from trackway.log.contract import LogWriter
from trackway.log.sqlite import SqliteLog
from trackway.node.child import collect_less_garbage
from trackway.state import open_state
from trackway.testing.destinations import cases
from trackway.workspace.model import Delivery, Source, Workspace
from trackway.workspace.model import Destination as DestinationSettings

_BLOCK = 500
_SLACK = {"url": "https://hooks.slack.com/services/T0/B0/x", "mappings": {"order": {"enabled": True}}}
"""An operator's: a channel is told of orders, not of every event."""
_REPEATED = 5000
"""A log of millions is filled with the same events again and again: making them would take hours."""
_LATENCY_RATE = 500
_ROUNDS = 3
_CONNECTIONS = 16
_PER_CORE = ("mixpanel", "webhook")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", choices=[[], *MEASURES], help="default: all")
    parser.add_argument("--events", type=int, help="instead of each measurement's own number")
    parser.add_argument("--rate", type=int, default=5000, help="new events a second, for `together`")
    parser.add_argument("--processes", type=int, default=1, help="that deliver, for `together`")
    parser.add_argument("--anywhere", action="store_true", help="run on any core, as the hub's own delivery does")
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    options = parser.parse_args()
    collect_less_garbage()  # as the hub's process does
    for name in options.which or MEASURES:
        measure, events = MEASURES[name]
        with tempfile.TemporaryDirectory() as folder, sink() as url:
            if name in _PER_CORE and not options.anywhere:
                keep_to_one(0, 1)  # as a delivery process does; the sink has the others
            more = {"rate": options.rate, "processes": options.processes} if name == "together" else {}
            run = measure(Path(folder), url, options.events or events, **more)
            if options.profile:
                _profile(run)
            else:
                report(uvloop.run(_listed(run)), json=options.json)
        use_all()


class To:
    """A transport that brings every request to the sink, whatever its host."""

    def __init__(self, url: str, connections: int, answered: dict[str, float] | None = None) -> None:
        """`answered` gets the time of each answer by idempotency key."""
        self._inner = HttpTransport(connections=connections, allow_private=True)
        self._url = url
        self._answered = answered

    async def send(self, request: Request) -> Response | Retry | Rejected:
        """Return the sink's answer."""
        answer = await self._inner.send(structs.replace(request, url=self._url + _path(request.url)))
        if self._answered is not None and isinstance(answer, Response):
            self._answered[request.headers["Idempotency-Key"]] = time.perf_counter()
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._inner.close()


@lru_cache  # what brings requests elsewhere is not to be measured with them
def _path(url: str) -> str:
    return URL(url).path


class Run:
    """A log, a state, and delivery between them."""

    def __init__(
        self, folder: Path, url: str, kinds: Iterable[str], settings: dict[str, dict[str, Any]] | None = None
    ) -> None:
        """`settings` by type; default: those of the type's first case."""
        destinations = {
            kind: DestinationSettings(
                type=kind, settings=(settings or {}).get(kind) or next(iter(cases(kind).values())).settings
            )
            for kind in kinds
        }
        self._stack = ExitStack()
        self.log = SqliteLog(folder / "log", CLEAN_TOPICS)
        self.engine = open_state(folder / "state.db")
        for close in (self.log.close, self.engine.dispose):
            self._stack.callback(close)
        self._workspace = Workspace(
            sources={"shop": Source(write_keys=["k"])},
            destinations=destinations,
            delivery=Delivery(allow_private_addresses=True),
            folder=folder,
        )
        self._url = url
        self.elsewhere: dict[str, str] = {}
        """URLs of types that do not go to the sink."""
        self.answered: dict[str, float] = {}
        """When the webhook's requests were answered, by idempotency key."""

    @cached_property
    def writer(self) -> LogWriter:
        """What appends to the log; one process may have it."""
        writer = self.log.writer(0)
        self._stack.callback(writer.close)
        return writer

    def add(self, events: Iterator[bytes], count: int) -> None:
        """Append the next `count` events."""
        for first in range(0, count, _BLOCK):
            self.writer.append({EVENTS: list(itertools.islice(events, min(_BLOCK, count - first)))})

    def counts(self) -> list[DestinationCounts]:
        """Return the ledger."""
        return destination_counts(self.engine, self.log)

    async def passed(self, service: DeliveryService) -> None:
        """Return when every destination's cursor has passed the whole log; asks the workers, which costs nothing."""
        end = sum(self.log.heads(EVENTS).values())
        await _until(lambda: all(one.worker and sum(one.worker.cursor.values()) >= end for one in service.status()))

    async def deliver(
        self, work: Callable[[DeliveryService], Awaitable[None]], *, keys: Collection[str] | None = None
    ) -> None:
        """Deliver (to `keys`) while `work` does something; all of them have taken their place in the log before."""
        service = DeliveryService(self._workspace, self.log, self.engine, transport=self._transport, keys=keys)
        await service.start()
        try:
            wanted = self._workspace.destinations.keys() if keys is None else {*keys}
            await _until(lambda: {one.destination for one in self.counts()} >= wanted)
            await work(service)
        finally:
            await service.stop()

    def close(self) -> None:
        """Close everything."""
        self._stack.close()

    def _transport(self, destination: Destination) -> To:
        url = self.elsewhere.get(destination.kind, self._url)
        answered = self.answered if destination.kind == "webhook" else None
        return To(url, destination.limits.concurrency, answered)


async def _mixpanel(folder: Path, url: str, count: int) -> list[Measurement]:
    per_core, wall = await _rate(Run(folder, url, ["mixpanel"]), count)
    rendering = measure_rendering("mixpanel", [EventRecord(**event) for event in make_events(20_000)])
    alone = rendering.figure
    return [
        Measurement(
            name="delivery_mixpanel_against_json", figure=per_core, unit="events/s", reference=rendering.reference
        ),
        Measurement(name="delivery_mixpanel_per_core", figure=per_core, unit="events/s", reference=alone),
        Measurement(name="delivery_mixpanel", figure=wall, unit="events/s", reference=alone),
    ]


async def _webhook(folder: Path, url: str, count: int) -> list[Measurement]:
    run = Run(folder, url, ["webhook"], {"webhook": {"url": f"{url}/hook", "concurrency": _CONNECTIONS}})
    per_core, wall = await _rate(run, count)
    bare_per_core, bare = await _bare(url, [event["body"] for event in make_events(count)])
    return [
        Measurement(name="delivery_webhook_per_core", figure=per_core, unit="events/s", reference=bare_per_core),
        Measurement(name="delivery_webhook", figure=wall, unit="events/s", reference=bare),
    ]


async def _rate(run: Run, count: int) -> tuple[float, float]:
    """Return events a second of processor time and of the clock, from a full log."""
    events = _records(count + 2000)

    async def warm(service: DeliveryService) -> None:
        run.add(events, 2000)
        await run.passed(service)

    await run.deliver(warm)
    run.add(events, count)
    processor, clock = time.process_time(), time.perf_counter()
    await run.deliver(run.passed)
    processor_s, clock_s = time.process_time() - processor, time.perf_counter() - clock
    _check(run)
    run.close()
    return count / processor_s, count / clock_s


async def _bare(url: str, bodies: list[bytes]) -> tuple[float, float]:
    """Return requests a second, of processor time and of the clock, that aiohttp alone sends."""
    left = iter(bodies)

    async def send() -> None:
        for body in left:
            async with session.post(f"{url}/hook", data=body) as answer:
                await answer.read()

    async with aiohttp.ClientSession() as session:
        processor, clock = time.process_time(), time.perf_counter()
        await asyncio.gather(*(send() for _ in range(_CONNECTIONS)))
        return len(bodies) / (time.process_time() - processor), len(bodies) / (time.perf_counter() - clock)


async def _together(folder: Path, url: str, count: int, *, rate: int, processes: int) -> list[Measurement]:
    kinds = registry.known()
    run = Run(folder, url, kinds, {"slack": _SLACK})
    events = list(_records(count))
    spawn = multiprocessing.get_context("spawn")
    ends = [spawn.Pipe() for _ in range(processes)]
    children = [
        spawn.Process(
            target=_delivering, args=(folder, url, kinds[number::processes], there, number, processes), daemon=True
        )
        for number, (_, there) in enumerate(ends)
    ]
    for child in children:
        child.start()
    for here, _ in ends:
        await asyncio.to_thread(here.recv)
    began = time.perf_counter()
    for first in range(0, count, _BLOCK):
        await asyncio.sleep(max(0.0, began + first / rate - time.perf_counter()))
        run.writer.append({EVENTS: events[first : first + _BLOCK]})
    appended = time.perf_counter()
    await _until(lambda: not any(one.pending for one in run.counts()))
    whole_s, behind_s = time.perf_counter() - began, time.perf_counter() - appended
    for here, _ in ends:
        here.send("stop")
    told = [await asyncio.to_thread(here.recv) for here, _ in ends]
    cost_s, requests = (sum(one[part] for one in told) / count for part in (0, 1))
    _check(run)
    run.close()
    sample = [EventRecord(**event) for event in make_events(min(count, 5000))]
    bare_per_core, _ = await _bare(url, [event.body for event in sample])
    rendering_s = sum(1 / measure_rendering(kind, sample).figure for kind in kinds)
    limit_s = rendering_s + requests / bare_per_core
    name = f"delivery_to_{len(kinds)}"
    return [
        Measurement(name=f"{name}_rate", figure=count / whole_s, unit="events/s", reference=rate),
        Measurement(name=f"{name}_behind", figure=behind_s, unit="s"),
        Measurement(name=f"{name}_cost", figure=cost_s * 1e6, unit="µs/event", reference=limit_s * 1e6),
        Measurement(name=f"{name}_requests", figure=requests, unit="requests/event"),
        Measurement(name=f"{name}_cores_for_{rate}", figure=cost_s * rate, unit="cores", reference=limit_s * rate),
    ]


def _delivering(folder: Path, url: str, keys: Collection[str], pipe: Connection, number: int, processes: int) -> None:
    """Deliver to `keys` until told to stop; tell the processor time and the requests of it."""
    collect_less_garbage()
    if processes > 1:  # the hub's own does not
        keep_to_one(number, processes)
    run = Run(folder, url, registry.known(), {"slack": _SLACK})

    async def work(service: DeliveryService) -> None:
        processor = time.process_time()
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        requests = sum(one.requests for one in service.status())
        pipe.send((time.process_time() - processor, requests))

    uvloop.run(run.deliver(work, keys=keys))
    run.close()


async def _isolation(folder: Path, url: str, count: int) -> list[Measurement]:
    """Return percentiles beside destinations in trouble, each against those of the webhook alone just before."""
    found: list[Measurement] = []
    async with _stubborn() as (hanging, refusing):
        beside = {"refused_connections": "http://127.0.0.1:1", "hanging": hanging, "500": refusing}
        await _latencies(folder / "warm", url, count // 5, None)
        for name, to in beside.items():
            runs = [
                [
                    await _latencies(folder / f"{name}_{number}_{side}", url, count // 5, trouble)
                    for side, trouble in enumerate((None, to))
                ]
                for number in range(_ROUNDS)
            ]
            for part in ("p50", "p99"):
                alone, disturbed = (statistics.median(run[side][part] for run in runs) for side in (0, 1))
                found.append(
                    Measurement(name=f"delivery_{part}_beside_{name}", figure=disturbed, unit="ms", reference=alone)
                )
    return found


async def _latencies(folder: Path, url: str, count: int, trouble: str | None) -> dict[str, float]:
    """Return milliseconds from the log to the webhook's answer, while Mixpanel's host is in `trouble`."""
    run = Run(folder, url, ["webhook", "mixpanel"], {"webhook": {"url": f"{url}/hook"}})
    run.elsewhere = {"mixpanel": trouble} if trouble else {}
    records = [EventRecord(**event) for event in make_events(count)]
    appended: dict[str, float] = {}

    async def work(_: DeliveryService) -> None:
        began = time.perf_counter()
        for number, record in enumerate(records):
            await asyncio.sleep(max(0.0, began + number / _LATENCY_RATE - time.perf_counter()))
            run.writer.append({EVENTS: [encode(record)]})
            appended[record.message_id] = time.perf_counter()
        await _until(lambda: not _pending(run, "webhook"))

    await run.deliver(work)
    run.close()
    times = sorted(run.answered[key] - at for key, at in appended.items())
    return {"p50": times[len(times) // 2] * 1000, "p99": times[len(times) * 99 // 100] * 1000}


@asynccontextmanager
async def _stubborn() -> AsyncIterator[tuple[str, str]]:
    """Give the URLs of a server that never answers, and of one that always answers 500."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 16):
            pass
        writer.close()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 22):
            if data.startswith(b"POST"):
                writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                break
        writer.close()

    servers = [await asyncio.start_server(handle, "127.0.0.1", 0) for handle in (hang, refuse)]
    hanging, refusing = (f"http://127.0.0.1:{one.sockets[0].getsockname()[1]}" for one in servers)
    try:
        yield hanging, refusing
    finally:
        for one in servers:
            one.close()


async def _backlog(folder: Path, url: str, count: int) -> list[Measurement]:
    run = Run(folder, url, ["amplitude"])
    run.elsewhere = {"amplitude": "http://127.0.0.1:1"}
    blocks = _blocks()
    sizes: list[tuple[int, float]] = []

    async def fill(_: DeliveryService) -> None:
        added = 0
        for goal in (count // 100, count // 10, count):
            while added < goal:
                block = blocks[added // _BLOCK % len(blocks)][: goal - added]
                await asyncio.to_thread(run.writer.append, {EVENTS: block})
                added += len(block)
            gc.collect()
            sizes.append((goal, psutil.Process().memory_info().rss / 2**20))

    began: list[float] = []

    async def resume(_: DeliveryService) -> None:
        await _until(lambda: _pending(run, "amplitude") < count)
        began.append(time.perf_counter())

    await run.deliver(fill)
    if _pending(run, "amplitude") != count:
        raise SystemExit("a dead destination took events")
    run.elsewhere = {}
    restarted = time.perf_counter()
    await run.deliver(resume)
    run.close()
    return [
        *(
            Measurement(name=f"delivery_memory_{behind}_behind", figure=size, unit="MiB", reference=sizes[0][1])
            for behind, size in sizes
        ),
        Measurement(name=f"delivery_goes_on_{count}_behind", figure=began[0] - restarted, unit="s"),
    ]


def _blocks() -> list[list[bytes]]:
    records = list(_records(_REPEATED))
    return [records[first : first + _BLOCK] for first in range(0, len(records), _BLOCK)]


def _pending(run: Run, destination: str) -> int:
    return next(one.pending for one in run.counts() if one.destination == destination)


MEASURES: dict[str, tuple[Callable[..., Awaitable[list[Measurement]]], int]] = {
    "mixpanel": (_mixpanel, 200_000),
    "webhook": (_webhook, 20_000),
    "together": (_together, 20_000),
    "isolation": (_isolation, 5_000),
    "backlog": (_backlog, 500_000),
}


def _records(count: int) -> Iterator[bytes]:
    return (encode(EventRecord(**event)) for event in make_events(count))


def _check(run: Run) -> None:
    """End the benchmark if something was not delivered: then it measured something else."""
    for one in run.counts():
        if one.failed or one.retrying:
            raise SystemExit(f"{one.destination}: {one.failed} failed, {one.retrying} retrying")


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  what is waited for stands in a database
        await asyncio.sleep(0.1)


async def _listed(run: Awaitable[list[Measurement]]) -> list[Measurement]:
    return await run


def _profile(run: Awaitable[list[Measurement]]) -> None:
    profiler = cProfile.Profile()
    profiler.runcall(uvloop.run, _listed(run))
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
