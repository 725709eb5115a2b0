"""How long after its 200 an event is at a destination, in the live view and in the warehouse, at a steady rate.

The whole product runs as its user has it; events come singly over HTTP, a webhook receives them one request each, the
live stream is read and the warehouse asked all the while. The reference of the same run is the same request sent
straight to the receiver, with nothing between.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from aiohttp import web

from benchmarks._harness import Measurement, report
from tests.running import Trackway, basic_auth

_SETTLE_S = 15.0
_ASK_EVERY_S = 0.05


class Watch:
    """When each event was seen where, by message id and in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.sent: dict[str, float] = {}
        self.acknowledged: dict[str, float] = {}
        self.delivered: dict[str, float] = {}
        self.shown: dict[str, float] = {}
        self.loaded: dict[str, float] = {}


async def measure(*, rate: float, seconds: float, folder: Path) -> list[Measurement]:
    """Return the figures for `rate` events a second over `seconds`."""
    watch, direct = Watch(), Watch()
    async with AsyncExitStack() as stack:
        receiver = await _receiver(stack, watch)
        trackway = Trackway(
            folder,
            destinations={"hook": {"type": "webhook", "settings": {"url": f"{receiver}/hook"}}},
            delivery={"allow_private_addresses": True},
            warehouses={"duckdb": {"load_every": "1s"}},
        )
        await asyncio.to_thread(trackway.start)
        stack.push_async_callback(asyncio.to_thread, trackway.kill)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await _send(session, f"{receiver}/straight", {}, direct, rate=rate, seconds=min(seconds, 5), prefix="d")
        auth = {"Authorization": basic_auth(trackway.write_key)}
        await _send(session, f"{trackway.collector_url}/v1/track", auth, Watch(), rate=rate, seconds=1, prefix="w")
        watching = [
            asyncio.create_task(_watch_live(session, trackway, watch)),
            asyncio.create_task(_watch_warehouse(session, trackway, watch)),
        ]
        await asyncio.sleep(1)
        await _send(session, f"{trackway.collector_url}/v1/track", auth, watch, rate=rate, seconds=seconds, prefix="e")
        await _settle(watch)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    return _figures(watch, direct)


def _figures(watch: Watch, direct: Watch) -> list[Measurement]:
    missing = {
        name: len(watch.acknowledged.keys() - seen.keys())
        for name, seen in (("webhook", watch.delivered), ("live view", watch.shown), ("warehouse", watch.loaded))
    }
    if any(missing.values()):
        raise SystemExit(f"events that did not arrive within {_SETTLE_S:g} s: {missing}")
    straight = _delays(direct.sent, direct.acknowledged)
    stages = [
        ("request to 200", _delays(watch.sent, watch.acknowledged)),
        ("200 to webhook", _delays(watch.acknowledged, watch.delivered)),
        ("200 to live view", _delays(watch.acknowledged, watch.shown)),
        ("200 to warehouse row", _delays(watch.acknowledged, watch.loaded)),
    ]
    found: list[Measurement] = []
    for name, delays in stages:
        for percent in (50, 99):
            label = f"{name}, p{percent}"
            reference = _percentile(straight, percent)
            found.append(Measurement(name=label, figure=_percentile(delays, percent), unit="ms", reference=reference))
    return found


def _delays(before: Mapping[str, float], after: Mapping[str, float]) -> list[float]:
    return [max(0.0, after[one] - at) * 1000 for one, at in before.items() if one in after]


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


async def _receiver(stack: AsyncExitStack, watch: Watch) -> str:
    async def hook(request: web.Request) -> web.Response:
        event = await request.json()
        watch.delivered.setdefault(event["messageId"], time.monotonic())
        return web.Response()

    async def straight(request: web.Request) -> web.Response:
        await request.json()
        return web.json_response({"success": True})

    app = web.Application()
    app.add_routes([web.post("/hook", hook), web.post("/straight", straight)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _send(
    session: aiohttp.ClientSession,
    url: str,
    headers: Mapping[str, str],
    watch: Watch,
    *,
    rate: float,
    seconds: float,
    prefix: str,
) -> None:
    """Send at a steady rate, whatever the answers take."""

    async def one(number: int) -> None:
        message_id = f"{prefix}-{number}"
        call = {
            "type": "track",
            "messageId": message_id,
            "userId": f"u{number % 500}",
            "event": "Product Viewed",
            "properties": {"product_id": f"p{number % 50}", "price": 19.99, "currency": "EUR"},
            "context": {"page": {"url": "https://shop.example/p/1"}, "locale": "en-GB"},
        }
        watch.sent[message_id] = time.monotonic()
        async with session.post(url, json=call, headers=headers) as answer:
            await answer.read()
            if answer.status != 200:
                raise SystemExit(f"{url} answered {answer.status}")
        watch.acknowledged[message_id] = time.monotonic()

    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one(number))


async def _watch_live(session: aiohttp.ClientSession, trackway: Trackway, watch: Watch) -> None:
    headers = {"Authorization": f"Bearer {trackway.token}"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.get(f"{trackway.console_url}/api/live", headers=headers, timeout=timeout) as answer:
        # An event's line is much longer than what aiohttp takes for one by default.
        rest = b""
        async for chunk in answer.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            now = time.monotonic()
            for line in lines:
                if line.startswith(b"data:") and b'"messageId"' in line:
                    for entry in _entries(json.loads(line[5:])):
                        watch.shown.setdefault(entry, now)


def _entries(data: object) -> list[str]:
    items = data if isinstance(data, list) else [data]
    return [item["messageId"] for item in items if isinstance(item, dict) and "messageId" in item]


async def _watch_warehouse(session: aiohttp.ClientSession, trackway: Trackway, watch: Watch) -> None:
    headers = {"Authorization": f"Bearer {trackway.token}"}
    while True:
        # Only what was not seen before, so that the question stays as cheap as the answer is new.
        query = "select id from tracks where starts_with(id, 'e-') order by received_at desc, id limit 10000"
        async with session.post(
            f"{trackway.console_url}/api/sql", json={"sql": query, "limit": 10_000}, headers=headers
        ) as answer:
            found = await answer.json()
        now = time.monotonic()
        for (message_id,) in found.get("rows", []):
            watch.loaded.setdefault(message_id, now)
        await asyncio.sleep(_ASK_EVERY_S)


async def _settle(watch: Watch) -> None:
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline:
        if all(watch.acknowledged.keys() <= seen.keys() for seen in (watch.delivered, watch.shown, watch.loaded)):
            return
        await asyncio.sleep(0.05)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.end_to_end_latency", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a measurement")
    parser.add_argument("--rate", type=float, default=1000, help="events a second (default 1000)")
    parser.add_argument("--seconds", type=float, default=8, help="how long (default 8, at most 10,000 events)")
    arguments = parser.parse_args()
    seconds = min(arguments.seconds, 10_000 / arguments.rate)
    folder = Path(tempfile.mkdtemp(prefix="end-to-end-", dir=Path.cwd()))
    try:
        found = asyncio.run(measure(rate=arguments.rate, seconds=seconds, folder=folder))
        report(found, json=arguments.json)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
