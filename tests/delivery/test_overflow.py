"""One person with too many events, or with one that hangs, keeps nobody else waiting; and nothing is lost by that."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import Engine, func, select

from tests.delivery.harness import (
    OK,
    QUICK,
    Answer,
    CleanLog,
    FakeTransport,
    clean_log,
    counts,
    delivering,
    event,
    ids_of,
    started,
    until,
    webhook,
    workspace,
)
from tests.fresh_state import fresh_state
from trackway.delivery.filters import Filter
from trackway.delivery.service import DeliveryService
from trackway.delivery.store import Store
from trackway.delivery.trace import stories
from trackway.delivery.worker import DestinationWorker, Options
from trackway.destinations import kit, registry
from trackway.events.records import EVENTS, Place
from trackway.log import consumers
from trackway.state.tables import deferred

HOT = 12_000
SERVER_ERROR = kit.Response(status=500)


class Slow(FakeTransport):
    """Answers events of `slow` persons when it is told to, all others at once."""

    def __init__(self, *slow: str) -> None:
        super().__init__()
        self._slow = {f'"userId":"{person}"'.encode() for person in slow}
        self.go_on = asyncio.Event()

    async def send(self, request: kit.Request) -> Answer:
        if any(person in request.content() for person in self._slow):
            await self.go_on.wait()
        return await super().send(request)


def service(log: CleanLog, engine: Engine, network: FakeTransport, options: Options = QUICK) -> DeliveryService:
    return DeliveryService(
        workspace({"hook": webhook()}), log.log, engine, transport=lambda _: network, options=options
    )


def deferred_rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(deferred)).scalar_one()


async def test_a_hot_person_keeps_nobody_waiting_and_loses_nothing_over_a_restart(
    log: CleanLog, engine: Engine
) -> None:
    others = {f"m-{number}" for number in range(HOT, HOT + 50)}
    network = Slow("hot")
    async with delivering(service(log, engine, network)):
        await until(lambda: started(engine, log, "hook"))
        log.add([event(number, person="hot") for number in range(HOT)])
        log.add([event(number, person=f"p-{number % 5}") for number in range(HOT, HOT + 50)])
        await until(lambda: counts(engine, log).delivered == 50, "the others")
        assert set(network.delivered) == others
        # None of the hot one's has been answered; all are below the cursor, and the books say so.
        standing = counts(engine, log)
        assert (standing.retrying, standing.pending, standing.difference) == (HOT, HOT, 0)
        assert standing.by_source["web"].pending == HOT
        assert deferred_rows(engine) == HOT
        [story] = stories(engine, Place(0, 7), ["hook"])
        assert (story.outcome, story.reason) == ("retrying", "earlier_first")
        # The log keeps them, however long that takes.
        await until(lambda: log.log.consumers(EVENTS)[consumers.destination("hook")].get(0) == 0)
    network = FakeTransport()
    async with delivering(service(log, engine, network)):
        await until(lambda: len(network.delivered) > 2000)
        late = log.add([event(HOT + 100, person="hot")])
        assert late
        await until(lambda: counts(engine, log).delivered == HOT + 51)
    assert network.delivered == [f"m-{number}" for number in [*range(HOT), HOT + 100]]
    assert (deferred_rows(engine), counts(engine, log).difference) == (0, 0)


async def test_one_event_that_hangs_keeps_nobody_waiting(log: CleanLog, engine: Engine) -> None:
    """The cursor passes it: what was delivered above it does not fill the window."""
    network = Slow("ann")
    options = structs.replace(QUICK, window_events=100)
    async with delivering(service(log, engine, network, options)):
        await until(lambda: started(engine, log, "hook"))
        log.add([event(0, person="ann"), event(1, person="ann")])
        log.add([event(number) for number in range(2, 3000)])
        await until(lambda: counts(engine, log).delivered == 2998)
        assert (counts(engine, log).retrying, deferred_rows(engine)) == (2, 2)
        network.go_on.set()
        await until(lambda: counts(engine, log).pending == 0)
    assert network.delivered[-2:] == ["m-0", "m-1"]
    assert (len(network.delivered), deferred_rows(engine)) == (3000, 0)


async def test_an_outage_defers_nothing(log: CleanLog, engine: Engine) -> None:
    network = FakeTransport(lambda request: kit.Retry("ECONNREFUSED"))
    options = structs.replace(QUICK, window_events=50)
    found = service(log, engine, network, options)
    async with delivering(found):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(1)
        await until(lambda: (worker := found.status()[0].worker) and worker.breaker != "closed")
        log.add([event(number, person="hot") for number in range(1, 2000)])
        await until(lambda: len(network.requests) > 60)
        assert deferred_rows(engine) == 0


@pytest.mark.parametrize("batch", [1, 6])
def test_crashes_lose_nothing_and_keep_everybodys_order(tmp_path_factory: pytest.TempPathFactory, batch: int) -> None:
    found: list[int] = []

    @settings(max_examples=3, deadline=None)
    @given(seed=st.integers(0, 2**32))
    def check(seed: int) -> None:
        found.append(asyncio.run(_crashes(tmp_path_factory.mktemp("overflow"), batch, random.Random(seed))))

    check()
    assert sum(found) > 0, "nothing was ever deferred"


async def _crashes(folder: Path, batch: int, chance: random.Random) -> int:
    """Deliver with crashes; return how many events were deferred when it crashed."""
    engine = fresh_state(folder / "state.db")
    network = Halting(chance)
    deferred_ever = 0
    with clean_log(folder / "log") as log:
        async with crashing(log, engine, network, batch):
            await until(lambda: started(engine, log, "hook"))
        added = 0
        for _ in range(3):
            async with crashing(log, engine, network, batch):
                hot = chance.choice(["p-0", "p-1"])
                persons = [hot if chance.random() < 0.6 else f"p-{chance.randrange(9)}" for _ in range(50)]
                log.add([event(added + number, person=person) for number, person in enumerate(persons)])
                added += 50
                enough = len(network.requests) + chance.randint(0, 90)
                await until(lambda n=enough: len(network.requests) >= n or counts(engine, log).pending == 0)
                deferred_ever += deferred_rows(engine)
                standing = counts(engine, log)
                assert standing.difference == 0
                assert 0 <= standing.retrying <= standing.pending
        async with crashing(log, engine, network, batch):
            await until(lambda: counts(engine, log).pending == 0)
        standing = counts(engine, log)
        assert (standing.delivered, standing.difference, deferred_rows(engine)) == (added, 0, 0)
    keys: dict[str, set[str]] = defaultdict(set)
    for request in network.requests:
        for found in ids_of(request):
            keys[found].add(request.headers["Idempotency-Key"])
    assert {found: more for found, more in keys.items() if len(more) > 1} == {}
    firsts = list(dict.fromkeys(network.delivered))
    assert len(firsts) == added
    for line in network.orders(firsts).values():
        assert line == sorted(line)
    engine.dispose()
    return deferred_ever


class Halting(FakeTransport):
    """Fails some requests, and lets some wait for a moment."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(lambda request: SERVER_ERROR if chance.random() < 0.1 else OK)
        self._chance = chance
        self._persons: dict[str, str] = {}

    async def send(self, request: kit.Request) -> Answer:
        body = kit.Row(message_id="", value=request.content()).json  # type: ignore[arg-type]
        for one in body if isinstance(body, list) else [body]:
            self._persons[one["messageId"]] = one["userId"]
        for _ in range(self._chance.choice([0, 0, 0, 1, 20])):
            await asyncio.sleep(0)
        return await super().send(request)

    def orders(self, message_ids: list[str]) -> dict[str, list[int]]:
        """Return the numbers of each person's events in the order of these ids."""
        found: dict[str, list[int]] = defaultdict(list)
        for message_id in message_ids:
            found[self._persons[message_id]].append(int(message_id[2:]))
        return found


@asynccontextmanager
async def crashing(log: CleanLog, engine: Engine, network: FakeTransport, batch: int) -> AsyncIterator[None]:
    """Deliver with a window of a few events, and end without any goodbye."""
    destination = registry.load(
        "webhook", webhook(batch={"events": batch, "wait": 0.002}, concurrency=4)["settings"], where=""
    )
    options = structs.replace(QUICK, window_events=50, look_again_s=0.001, park_after=1_000_000)
    with ThreadPoolExecutor(1) as state:
        worker = DestinationWorker(
            "hook",
            destination,
            Filter("Webhook"),
            log.log,
            Store(engine, "hook"),
            network,
            state=state,
            options=options,
        )
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
