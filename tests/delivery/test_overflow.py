"""One person with too many events, or with one that hangs, keeps nobody else waiting; and nothing is lost by that."""

import asyncio
import json
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
from tests.memory import memory_folder
from trackway.delivery.breaker import Backoff
from trackway.delivery.clock import SystemClock
from trackway.delivery.deletion import orders
from trackway.delivery.deletion.service import DeletionService
from trackway.delivery.filters import Filter
from trackway.delivery.replay.orders import Order
from trackway.delivery.replay.selection import Selection
from trackway.delivery.service import DeliveryService
from trackway.delivery.store import Store
from trackway.delivery.trace import stories
from trackway.delivery.worker import DestinationWorker, Options
from trackway.destinations import kit, registry
from trackway.events.records import EVENTS, Place
from trackway.log import consumers
from trackway.state.tables import deferred
from trackway.state.tables import deletion_targets as targets
from trackway.state.tables import deletions as people

HOT = 9_000
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
    options = structs.replace(QUICK, window_events=3000)
    async with delivering(service(log, engine, network, options)):
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
        # A replay leaves them to us, as does a deletion of somebody else.
        had = Selection(engine, "hook", Order(spans={0: (0, HOT)})).had(0, 0, 100)
        assert had.reason(7, again=True) == "NOT_DUE"
        # The log keeps them, however long that takes.
        await until(lambda: log.log.consumers(EVENTS)[consumers.destination("hook")].get(0) == 0)
    network = FakeTransport()
    async with delivering(service(log, engine, network, options)):
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


async def test_a_deferred_event_that_fails_alone_is_parked_and_the_next_go_on(log: CleanLog, engine: Engine) -> None:
    network = FakeTransport(lambda request: SERVER_ERROR if ids_of(request) == ["m-40"] else OK)
    options = structs.replace(QUICK, window_events=50, park_after=2, parking=Backoff(base_s=3600, random=lambda: 1.0))
    async with delivering(service(log, engine, network, options)):
        await until(lambda: started(engine, log, "hook"))
        log.add([event(number, person="hot") for number in range(300)])
        number = 300
        # Only what is taken between its tries shows that it fails alone.
        while "m-299" not in network.delivered:
            log.add([event(number)])
            await until(lambda sent=number: f"m-{sent}" in network.delivered)
            number += 1
        await until(lambda: counts(engine, log).pending == 1)
        standing = counts(engine, log)
        assert (standing.retrying, standing.difference, deferred_rows(engine)) == (1, 0, 0)
    hot = [number for found in network.delivered if (number := int(found[2:])) < 300]
    assert hot == [number for number in range(300) if number != 40]


async def test_a_deletion_waits_for_deferred_events_of_that_person_alone(log: CleanLog, engine: Engine) -> None:
    network = Slow("hot")
    options = structs.replace(QUICK, window_events=50)
    space = workspace({"hook": webhook()})
    async with delivering(service(log, engine, network, options)):
        await until(lambda: started(engine, log, "hook"))
        log.add([event(number, person="hot") for number in range(300)])
        log.add([event(number) for number in range(300, 320)])
        await until(lambda: counts(engine, log).delivered == 20)
        deletions = DeletionService(space, log.log, engine, clock=Late(), transport=lambda _: Vendor())
        orders.ask(engine, [kit.Person(user_id="hot"), kit.Person(user_id="user-301")], {"hook": "webhook"})
        deletions.start()
        await until(lambda: states(engine)["user-301"] == ("done", ""))
        await until(lambda: states(engine)["hot"] == ("waiting", "events_first"))
        network.go_on.set()
        await until(lambda: states(engine)["hot"] == ("done", ""))
        await deletions.stop()
        # What was in memory went out before; what is read again afterwards is left out.
        await until(lambda: counts(engine, log).pending == 0)
        standing = counts(engine, log)
        assert (standing.delivered, standing.difference) == (len(network.delivered), 0)
        assert standing.discarded == {"PERSON_DELETED": 320 - standing.delivered}


class Vendor:
    """Deletes whomever it is asked to."""

    async def send(self, request: kit.Request) -> Answer:
        return OK

    async def close(self) -> None:
        """Nothing is open."""


class Late(SystemClock):
    """An hour ahead, and in no mood to wait."""

    def now_ms(self) -> int:
        return super().now_ms() + 3_600_000

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> None:
        await super().wait(event, None if timeout_s is None else min(timeout_s, 0.02))


def states(engine: Engine) -> dict[str, tuple[str, str]]:
    """Return the state of each person's deletion, and why it is so."""
    with engine.connect() as connection:
        found = connection.execute(
            select(people.c.person, targets.c.state, targets.c.reason).join(targets, targets.c.deletion == people.c.id)
        )
        return {json.loads(row.person)["user_id"]: (row.state, row.reason) for row in found}


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
def test_crashes_lose_nothing_and_keep_everybodys_order(batch: int) -> None:
    found: list[int] = []

    @settings(max_examples=2, deadline=None)
    @given(seed=st.integers(0, 2**32))
    def check(seed: int) -> None:
        with memory_folder() as folder:
            found.append(asyncio.run(_crashes(folder, batch, random.Random(seed))))

    check()
    assert sum(found) > 0, "nothing was ever deferred"


async def _crashes(folder: Path, batch: int, chance: random.Random) -> int:
    """Deliver with crashes; return how many events were seen to be deferred at the same time."""
    engine = fresh_state(folder / "state.db")
    network = Halting(chance)
    deferred_at_most = 0
    with clean_log(folder / "log") as log:
        async with crashing(log, engine, network, batch):
            await until(lambda: started(engine, log, "hook"))
        added = enough = 0

        def looked() -> bool:
            nonlocal deferred_at_most
            deferred_at_most = max(deferred_at_most, deferred_rows(engine))
            return len(network.requests) >= enough or counts(engine, log).pending == 0

        for _ in range(2):
            async with crashing(log, engine, network, batch):
                hot = chance.choice(["p-0", "p-1"])
                persons = [hot if chance.random() < 0.6 else f"p-{chance.randrange(9)}" for _ in range(120)]
                log.add([event(added + number, person=person) for number, person in enumerate(persons)])
                added += 120
                enough = len(network.requests) + chance.randint(0, 90)
                await until(looked)
                standing = counts(engine, log)
                assert standing.difference == 0
                assert 0 <= standing.retrying <= standing.pending
        enough = 1_000_000
        async with crashing(log, engine, network, batch):
            await until(looked)
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
    return deferred_at_most


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
