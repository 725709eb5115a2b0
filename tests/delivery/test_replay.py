import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.delivery.harness import (
    OK,
    QUICK,
    CleanLog,
    FakeTransport,
    counts,
    delivering,
    event,
    started,
    until,
    webhook,
    workspace,
)
from trackway.delivery.items import End
from trackway.delivery.replay import orders
from trackway.delivery.replay.marking import Remake
from trackway.delivery.replay.orders import Order, Replay
from trackway.delivery.replay.service import ReplayService
from trackway.delivery.service import DeliveryService
from trackway.delivery.trace import stories
from trackway.destinations.kit import Request, Response, Retry
from trackway.events.records import EVENTS, EventRecord, Place
from trackway.workspace.model import Workspace

HOOK = {"hook": webhook()}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.delivery.replay.service.LOOK_EVERY_S", 0.02)


def unmade(_: Workspace) -> Remake:
    return lambda event: event


@asynccontextmanager
async def replaying(
    engine: Engine,
    log: CleanLog,
    transport: FakeTransport,
    settings: Workspace | None = None,
    remake: Callable[[Workspace], Remake] = unmade,
) -> AsyncIterator[ReplayService]:
    service = ReplayService(
        settings or workspace(HOOK), log.log, engine, remake, options=QUICK, transport=lambda _: transport
    )
    service.start()
    try:
        yield service
    finally:
        await service.stop()


async def deliver(engine: Engine, log: CleanLog, transport: FakeTransport, numbers: int) -> list[str]:
    """Let the live destination have `numbers` events, from its first start on."""
    service = DeliveryService(workspace(HOOK), log.log, engine, options=QUICK, transport=lambda _: transport)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        ids = log.add_numbers(numbers)
        await until(lambda: counts(engine, log).pending == 0, "the live destination")
    return ids


def whole(log: CleanLog, **more: Any) -> Order:
    return Order(spans={partition: (0, head) for partition, head in log.log.heads(EVENTS).items()}, **more)


async def done(engine: Engine, number: int) -> Replay:
    await until(lambda: orders.read(engine, number).state not in orders.OPEN, "the replay to end")
    return orders.read(engine, number)


def refusing(*refused: str) -> FakeTransport:
    def answer(request: Request) -> Response:
        return Response(status=400) if json.loads(request.content())["messageId"] in refused else OK

    return FakeTransport(answer)


async def test_only_what_the_destination_lacks_is_sent_and_its_cursor_stays(engine: Engine, log: CleanLog) -> None:
    log.add([event(1000), event(1001)])  # before the destination's first start
    ids = await deliver(engine, log, refusing("m-1"), 4)
    before = counts(engine, log)
    sent = FakeTransport()
    async with replaying(engine, log, sent):
        found = await done(engine, orders.give(engine, "hook", whole(log)))
    assert sorted(sent.delivered) == ["m-1", "m-1000", "m-1001"]
    assert found.state == "done"
    assert (found.counts.delivered, found.counts.discarded) == (3, {"ALREADY_DELIVERED": len(ids) - 1})
    assert found.counts.difference == 0
    assert counts(engine, log) == before


async def test_a_second_replay_sends_nothing_and_again_sends_all(engine: Engine, log: CleanLog) -> None:
    log.add([event(1000)])
    await deliver(engine, log, FakeTransport(), 2)
    sent = FakeTransport()
    async with replaying(engine, log, sent):
        await done(engine, orders.give(engine, "hook", whole(log)))
        assert sent.delivered == ["m-1000"]
        second = await done(engine, orders.give(engine, "hook", whole(log)))
        assert second.counts.discarded == {"ALREADY_DELIVERED": 3}
        await done(engine, orders.give(engine, "hook", whole(log, again=True)))
    assert Counter(sent.delivered) == {"m-1000": 2, "m-0": 1, "m-1": 1}


async def test_what_the_live_destination_gets_anyway_is_left_to_it(engine: Engine, log: CleanLog) -> None:
    await deliver(engine, log, FakeTransport(), 1)
    log.add_numbers(2)  # above its cursor
    sent = FakeTransport()
    async with replaying(engine, log, sent):
        found = await done(engine, orders.give(engine, "hook", whole(log, again=True)))
    assert sent.delivered == ["m-0"]
    assert found.counts.discarded == {"NOT_DUE": 2}


async def test_the_order_chooses_by_filter_source_and_time(engine: Engine, log: CleanLog) -> None:
    await deliver(engine, log, FakeTransport(), 1)
    log.add([event(n, source="server" if n % 2 else "web") for n in range(10, 20)])
    await deliver(engine, log, FakeTransport(), 0)
    sent = FakeTransport()
    received_ms = event(0).received_at_ms
    async with replaying(engine, log, sent):
        order = whole(log, where="n > 12", sources=["server"], from_ms=received_ms, to_ms=received_ms + 1, again=True)
        await done(engine, orders.give(engine, "hook", order))
        late = whole(log, from_ms=received_ms + 1, again=True)
        assert (await done(engine, orders.give(engine, "hook", late))).counts.delivered == 0
    assert sorted(sent.delivered) == ["m-13", "m-15", "m-17", "m-19"]


async def test_a_replayed_event_says_so_and_names_this_destination_alone(engine: Engine, log: CleanLog) -> None:
    log.add([event(5, integrations={"All": False, "Other": True}, context={"ip": "1.2.3.4"})])
    await deliver(engine, log, FakeTransport(), 0)
    sent = FakeTransport()
    async with replaying(engine, log, sent):
        number = orders.give(engine, "hook", whole(log))
        await done(engine, number)
    [body] = [json.loads(request.content()) for request in sent.requests]
    assert body["integrations"] == {"All": False, "Webhook": True}
    assert body["context"] == {"ip": "1.2.3.4", "trackway": {"replay": number}}
    assert body["messageId"] == "m-5"
    [_, replayed] = stories(engine, Place(0, 0), ["hook"])
    assert (replayed.replay, replayed.outcome, len(replayed.attempts)) == (number, "delivered", 1)


async def test_a_restart_goes_on_where_the_replay_stood(engine: Engine, log: CleanLog) -> None:
    log.add([event(n) for n in range(400)])
    await deliver(engine, log, FakeTransport(), 0)
    number = orders.give(engine, "hook", whole(log))
    sent = FakeTransport()
    sent.answer = lambda request: OK if len(sent.delivered) < 25 else Retry("ECONNREFUSED")
    async with replaying(engine, log, sent):
        await until(lambda: len(sent.delivered) >= 25)
    assert orders.read(engine, number).state == "running"
    assert len(sent.delivered) < 400
    sent.answer = lambda request: OK
    async with replaying(engine, log, sent):
        found = await done(engine, number)
    assert (found.state, found.counts.delivered, found.counts.difference) == ("done", 400, 0)
    assert Counter(sent.delivered) == {f"m-{n}": 1 for n in range(400)}


async def test_a_replay_is_no_faster_than_its_rate(engine: Engine, log: CleanLog) -> None:
    log.add([event(n) for n in range(30)])
    await deliver(engine, log, FakeTransport(), 0)
    sent = FakeTransport()
    began_s = time.monotonic()
    async with replaying(engine, log, sent):
        await done(engine, orders.give(engine, "hook", whole(log, rate=100.0)))
    assert len(sent.delivered) == 30
    assert time.monotonic() - began_s >= 0.29


async def test_a_cancelled_replay_stops_and_holds_nothing_in_the_log(engine: Engine, log: CleanLog) -> None:
    log.add([event(n) for n in range(100)])
    await deliver(engine, log, FakeTransport(), 0)
    number = orders.give(engine, "hook", whole(log))
    sent = FakeTransport()
    sent.answer = lambda request: OK if len(sent.delivered) < 5 else Retry("ECONNREFUSED")
    async with replaying(engine, log, sent):
        await until(lambda: sent.delivered)
        assert f"replay:{number}" in log.log.consumers(EVENTS)
        assert orders.cancel(engine, number)
        await until(lambda: f"replay:{number}" not in log.log.consumers(EVENTS))
    found = orders.read(engine, number)
    assert found.state == "cancelled"
    assert not orders.cancel(engine, number)
    assert found.counts.delivered == len(sent.delivered) < 100
    assert found.counts.difference == 0


async def test_events_made_anew_are_sent_as_they_are_now_or_end(engine: Engine, log: CleanLog) -> None:
    log.add([event(0), event(1)])
    await deliver(engine, log, FakeTransport(), 0)

    def remake(_: Workspace) -> Remake:
        def anew(record: EventRecord) -> EventRecord | End:
            if record.message_id == "m-0":
                return End("discarded", "ENDED_IN_PIPELINE", "why")
            return event(1, added=True)

        return anew

    sent = FakeTransport()
    async with replaying(engine, log, sent, remake=remake):
        found = await done(engine, orders.give(engine, "hook", whole(log, through_pipeline=True)))
    [body] = [json.loads(request.content()) for request in sent.requests]
    assert body["added"] is True
    assert found.counts.discarded == {"ENDED_IN_PIPELINE": 1}


async def test_a_replay_that_cannot_run_says_why_and_the_next_one_runs(engine: Engine, log: CleanLog) -> None:
    log.add([event(0)])
    await deliver(engine, log, FakeTransport(), 0)
    sent = FakeTransport()
    async with replaying(engine, log, sent):
        failed = await done(engine, orders.give(engine, "gone", whole(log)))
        assert (failed.state, failed.error) == ("failed", "there is no destination gone in trackway.yaml any more")
        assert (await done(engine, orders.give(engine, "hook", whole(log)))).counts.delivered == 1


def test_an_unknown_replay_is_said_to_be(engine: Engine) -> None:
    with pytest.raises(orders.UnknownReplay, match="no replay 7"):
        orders.read(engine, 7)
