"""Events a second from the clean log to a local sink, each figure beside a limit of the same run.

`python -m benchmarks.delivery_rate [mixpanel|webhook|together|backlog …] [--json] [--events N] [--profile]`

    mixpanel    batches of 2,000; the limit is the same rendering and encoding with nothing sent
    webhook     a request an event; the limit is a bare aiohttp client with as many connections and the same bodies
    together    several destinations at 5,000 new events a second: the seconds that the slowest is behind at the end
    backlog     memory with one destination dead and N events behind it, against a tenth of that

The sink is a process of its own; "per core" divides by the processor time of the delivering process alone.
"""

import argparse
import asyncio
import cProfile
import gc
import itertools
import pstats
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack
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
from trackway.delivery.ledger import DestinationCounts, destination_counts
from trackway.delivery.service import DeliveryService
from trackway.delivery.transport import HttpTransport
from trackway.destinations.destination import Destination
from trackway.destinations.kit import Rejected, Request, Response, Retry
from trackway.events.records import CLEAN_TOPICS, EVENTS, EventRecord, encode
from trackway.log.sqlite import SqliteLog
from trackway.state import open_state
from trackway.testing.destinations import cases
from trackway.workspace.model import Delivery, Source, Workspace
from trackway.workspace.model import Destination as DestinationSettings

_BLOCK = 500
_TOGETHER = ("amplitude", "braze", "customerio", "facebook_conversions_api", "mixpanel", "webhook")
_TOGETHER_RATE = 5000
_CONNECTIONS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", choices=[[], *MEASURES], help="default: all")
    parser.add_argument("--events", type=int, help="instead of each measurement's own number")
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    options = parser.parse_args()
    for name in options.which or MEASURES:
        measure, events = MEASURES[name]
        with tempfile.TemporaryDirectory() as folder, sink() as url:
            run = measure(Path(folder), url, options.events or events)
            if options.profile:
                _profile(run)
            else:
                report(uvloop.run(_listed(run)), json=options.json)


class To:
    """A transport that brings every request to the sink, whatever its host."""

    def __init__(self, url: str, connections: int) -> None:
        self._inner = HttpTransport(connections=connections, allow_private=True)
        self._url = url

    async def send(self, request: Request) -> Response | Retry | Rejected:
        """Return the sink's answer."""
        return await self._inner.send(structs.replace(request, url=self._url + URL(request.url).path))

    async def close(self) -> None:
        """Close the connections."""
        await self._inner.close()


class Run:
    """A log, a state, and delivery between them."""

    def __init__(self, folder: Path, url: str, kinds: Iterable[str], settings: dict[str, Any] | None = None) -> None:
        """`settings` of all; default: those of each type's first case."""
        destinations = {
            kind: DestinationSettings(type=kind, settings=settings or next(iter(cases(kind).values())).settings)
            for kind in kinds
        }
        self._stack = ExitStack()
        self.log = SqliteLog(folder / "log", CLEAN_TOPICS)
        self.engine = open_state(folder / "state.db")
        self.writer = self.log.writer(0)
        for close in (self.log.close, self.engine.dispose, self.writer.close):
            self._stack.callback(close)
        self._workspace = Workspace(
            sources={"shop": Source(write_keys=["k"])},
            destinations=destinations,
            delivery=Delivery(allow_private_addresses=True),
            folder=folder,
        )
        self._url = url
        self.dead: set[str] = set()

    def add(self, events: Iterator[bytes], count: int) -> None:
        """Append the next `count` events."""
        for first in range(0, count, _BLOCK):
            self.writer.append({EVENTS: list(itertools.islice(events, min(_BLOCK, count - first)))})

    def counts(self) -> list[DestinationCounts]:
        """Return the ledger."""
        return destination_counts(self.engine, self.log)

    async def deliver(self, work: Callable[[DeliveryService], Awaitable[None]]) -> None:
        """Deliver while `work` does something; all destinations have taken their place in the log before."""
        service = DeliveryService(self._workspace, self.log, self.engine, transport=self._transport)
        await service.start()
        try:
            await _until(lambda: len(self.counts()) == len(self._workspace.destinations))
            await work(service)
        finally:
            await service.stop()

    def close(self) -> None:
        """Close everything."""
        self._stack.close()

    def _transport(self, destination: Destination) -> To:
        dead = destination.kind in self.dead
        return To("http://127.0.0.1:1" if dead else self._url, destination.limits.concurrency)


async def _mixpanel(folder: Path, url: str, count: int) -> list[Measurement]:
    per_core, wall = await _rate(Run(folder, url, ["mixpanel"]), count)
    alone = measure_rendering("mixpanel", [EventRecord(**event) for event in make_events(20_000)]).figure
    return [
        Measurement(name="delivery_mixpanel_per_core", figure=per_core, unit="events/s", reference=alone),
        Measurement(name="delivery_mixpanel", figure=wall, unit="events/s", reference=alone),
    ]


async def _webhook(folder: Path, url: str, count: int) -> list[Measurement]:
    run = Run(folder, url, ["webhook"], {"url": f"{url}/hook", "concurrency": _CONNECTIONS})
    per_core, wall = await _rate(run, count)
    bare_per_core, bare = await _bare(url, [event["body"] for event in make_events(count)])
    return [
        Measurement(name="delivery_webhook_per_core", figure=per_core, unit="events/s", reference=bare_per_core),
        Measurement(name="delivery_webhook", figure=wall, unit="events/s", reference=bare),
    ]


async def _rate(run: Run, count: int) -> tuple[float, float]:
    """Return events a second of processor time and of the clock, from a full log."""
    events = _records(count + 2000)

    async def warm(_: DeliveryService) -> None:
        run.add(events, 2000)
        await _until(lambda: not run.counts()[0].pending)

    async def work(_: DeliveryService) -> None:
        await _until(lambda: not run.counts()[0].pending)

    await run.deliver(warm)
    run.add(events, count)
    processor, clock = time.process_time(), time.perf_counter()
    await run.deliver(work)
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


async def _together(folder: Path, url: str, count: int) -> list[Measurement]:
    run = Run(folder, url, _TOGETHER)
    events = _records(count)
    took: list[float] = []

    async def work(_: DeliveryService) -> None:
        began = time.perf_counter()
        for first in range(0, count, _BLOCK):
            await asyncio.sleep(max(0.0, began + first / _TOGETHER_RATE - time.perf_counter()))
            run.add(events, _BLOCK)
        appended = time.perf_counter()
        await _until(lambda: not any(one.pending for one in run.counts()))
        took.extend((appended - began, time.perf_counter() - appended))

    await run.deliver(work)
    _check(run)
    run.close()
    appending_s, behind_s = took
    return [
        Measurement(
            name=f"delivery_to_{len(_TOGETHER)}_rate", figure=count / (appending_s + behind_s), unit="events/s",
            reference=_TOGETHER_RATE,
        ),
        Measurement(name=f"delivery_to_{len(_TOGETHER)}_behind", figure=behind_s, unit="s"),
    ]  # fmt: skip


async def _backlog(folder: Path, url: str, count: int) -> list[Measurement]:
    run = Run(folder, url, ["mixpanel", "amplitude"])
    run.dead = {"amplitude"}
    events = _records(count)
    sizes: list[float] = []

    async def work(service: DeliveryService) -> None:
        for number in (count // 10, count - count // 10):
            for _ in range(0, number, 10_000):
                run.add(events, min(10_000, number))
                await _until(lambda: not next(one for one in run.counts() if one.destination == "mixpanel").pending)
            gc.collect()
            sizes.append(psutil.Process().memory_info().rss / 2**20)
        assert next(one for one in run.counts() if one.destination == "amplitude").pending == count

    await run.deliver(work)
    run.close()
    return [
        Measurement(name=f"delivery_memory_{count}_behind", figure=sizes[1], unit="MiB", reference=sizes[0]),
    ]


MEASURES: dict[str, tuple[Callable[[Path, str, int], Awaitable[list[Measurement]]], int]] = {
    "mixpanel": (_mixpanel, 200_000),
    "webhook": (_webhook, 20_000),
    "together": (_together, 50_000),
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
