"""Who was deleted at a destination stays out of it: no retry, release or replay sends what came before."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from msgspec import structs
from sqlalchemy import Engine, select

from tests.delivery.harness import (
    OK,
    QUICK,
    Answer,
    CleanLog,
    FakeTransport,
    counts,
    delivering,
    event,
    ids_of,
    started,
    until,
    webhook,
    workspace,
)
from trackway.delivery import sender
from trackway.delivery.deletion import orders
from trackway.delivery.deletion.deleted import Deleted
from trackway.delivery.failures import Wanted, release
from trackway.delivery.intake import Intake
from trackway.delivery.items import Item, Parked
from trackway.delivery.replay import orders as replays
from trackway.delivery.replay.orders import Order
from trackway.delivery.replay.service import ReplayService
from trackway.delivery.service import DeliveryService
from trackway.destinations.kit import Person, Request, Response
from trackway.events.records import EVENTS, EventRecord
from trackway.state.tables import retries

HOOK = {"hook": webhook()}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def ask(engine: Engine, user_id: str, *anonymous_ids: str, destination: str = "hook") -> None:
    person = Person(user_id=user_id, anonymous_ids=anonymous_ids)
    orders.ask(engine, [person], {destination: "webhook"})


async def test_an_event_that_is_parked_is_not_tried_again(log: CleanLog, engine: Engine) -> None:
    def answer(request: Request) -> Response:
        return Response(status=500) if "m-0" in ids_of(request) else OK

    transport = FakeTransport(answer)
    service = DeliveryService(workspace(HOOK), log.log, engine, options=QUICK, transport=lambda _: transport)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(1, person="ann")

        def parked() -> bool:
            log.add_numbers(1)  # others succeed meanwhile
            return counts(engine, log).retrying == 1

        await until(parked)
        ask(engine, "ann")
        await until(lambda: counts(engine, log).pending == 0)
    assert counts(engine, log).discarded == {"PERSON_DELETED": 1}
    assert counts(engine, log).difference == 0
    assert "m-0" not in transport.delivered


async def test_the_requests_of_a_parked_event_are_given_up_in_time(
    log: CleanLog, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hanging(FakeTransport):
        """Refuses the one event until it is parked, and then never answers it."""

        async def send(self, request: Request) -> Answer:
            if ids_of(request) == ["m-0"] and counts(engine, log).retrying:
                await asyncio.Event().wait()
            return await super().send(request)

    monkeypatch.setattr(sender, "UNDER_WAY_S", 0.05)
    transport = Hanging(lambda request: Response(status=500) if ids_of(request) == ["m-0"] else OK)
    service = DeliveryService(workspace(HOOK), log.log, engine, options=QUICK, transport=lambda _: transport)

    def reason() -> str | None:
        with engine.connect() as connection:
            return connection.execute(select(retries.c.reason)).scalar()

    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(1, person="ann")

        def given_up() -> bool:
            if reason() is None:
                log.add_numbers(1)  # others succeed meanwhile
            return reason() == "ETIMEDOUT"

        await until(given_up)
    assert counts(engine, log).retrying == 1


async def test_a_parked_event_that_waits_behind_an_open_breaker_is_not_sent(
    log: CleanLog, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    down, read = False, list[str]()
    read_again = Intake.read_again

    def noting(self: Intake, parked: Sequence[Parked]) -> list[Item]:
        items = read_again(self, parked)
        read.extend(item.message_id for item in items if down and item.end is None)
        return items

    def answer(request: Request) -> Response:
        if down:
            return Response(status=429, headers={"retry-after": "1"})
        return Response(status=500) if "m-0" in ids_of(request) else OK

    monkeypatch.setattr(Intake, "read_again", noting)
    transport = FakeTransport(answer)
    service = DeliveryService(workspace(HOOK), log.log, engine, options=QUICK, transport=lambda _: transport)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(1, person="ann")

        def parked() -> bool:
            log.add_numbers(1)  # others succeed meanwhile
            return counts(engine, log).retrying == 1

        await until(parked)
        down = True
        log.add_numbers(1)
        await until(lambda: read, "the parked event to be read again while nothing may be sent")
        ask(engine, "ann")
        await until(lambda: counts(engine, log).discarded == {"PERSON_DELETED": 1}, "its end, while all is refused")
        down = False
        await until(lambda: counts(engine, log).pending == 0)
    assert counts(engine, log).discarded == {"PERSON_DELETED": 1}
    assert "m-0" not in transport.delivered


async def test_a_batch_of_a_replay_that_waited_goes_without_them(log: CleanLog, engine: Engine) -> None:
    hook = {"hook": webhook(batch={"events": 10, "wait": "10ms"})}
    log.add([event(0, person="ann"), event(1, person="bob"), event(2, person="ann"), event(3, person="ann")])
    live = DeliveryService(workspace(hook), log.log, engine, options=QUICK, transport=lambda _: FakeTransport())
    async with delivering(live):
        await until(lambda: started(engine, log, "hook"))  # after these events
    down = True
    transport = FakeTransport(lambda request: Response(status=429, headers={"retry-after": "1"}) if down else OK)
    service = ReplayService(
        workspace(hook), log.log, engine, lambda _: lambda made: made, options=QUICK, transport=lambda _: transport
    )
    service.start()
    try:
        spans = {partition: (0, head) for partition, head in log.log.heads(EVENTS).items()}
        number = replays.give(engine, "hook", Order(spans=spans))
        await until(lambda: transport.requests, "the first try")
        ask(engine, "ann")
        await until(lambda: replays.read(engine, number).counts.discarded == {"PERSON_DELETED": 1}, "the first's end")
        down = False
        await until(lambda: replays.read(engine, number).state not in replays.OPEN, "the replay to end")
    finally:
        await service.stop()
    assert transport.delivered == ["m-1"]
    assert replays.read(engine, number).counts.discarded == {"PERSON_DELETED": 3}


async def test_a_release_sends_what_came_after_the_deletion_alone(log: CleanLog, engine: Engine) -> None:
    refusing = True
    transport = FakeTransport(lambda request: Response(status=400) if refusing else OK)
    service = DeliveryService(workspace(HOOK), log.log, engine, options=QUICK, transport=lambda _: transport)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        again = structs.replace(event(2, person="ann"), received_at_ms=now_ms() + 3_600_000)
        log.add([event(0, person="ann"), event(1, person="bob"), again])
        await until(lambda: counts(engine, log).failed == {"400": 3})
        ask(engine, "ann")
        refusing = False
        release(engine, log.log, Wanted(), now_ms=now_ms())
        await until(lambda: counts(engine, log).pending == 0)
    assert sorted(transport.delivered) == ["m-1", "m-2"]
    assert counts(engine, log).discarded == {"PERSON_DELETED": 1}


async def test_a_replay_passes_over_them(log: CleanLog, engine: Engine) -> None:
    log.add([event(0, person="ann"), event(1, person="bob")])
    ask(engine, "ann")
    ask(engine, "bob", destination="another")
    transport = FakeTransport(lambda request: OK)
    live = DeliveryService(workspace(HOOK), log.log, engine, options=QUICK, transport=lambda _: transport)
    async with delivering(live):
        await until(lambda: started(engine, log, "hook"))  # after both events
    service = ReplayService(
        workspace(HOOK), log.log, engine, lambda _: lambda made: made, options=QUICK, transport=lambda _: transport
    )
    service.start()
    try:
        spans = {partition: (0, head) for partition, head in log.log.heads(EVENTS).items()}
        number = replays.give(engine, "hook", Order(spans=spans))
        await until(lambda: replays.read(engine, number).state not in replays.OPEN, "the replay to end")
    finally:
        await service.stop()
    assert transport.delivered == ["m-1"]
    assert replays.read(engine, number).counts.discarded == {"PERSON_DELETED": 1}


def test_a_device_is_known_where_there_is_no_user(engine: Engine) -> None:
    deleted = Deleted(engine, "hook")
    deleted.look()

    def by(user_id: str | None, anonymous_id: str) -> EventRecord:
        return structs.replace(event(0), user_id=user_id, anonymous_id=anonymous_id)

    assert not deleted.has(by("ann", "a-1"))
    ask(engine, "ann", "a-1")
    deleted.look()
    assert deleted.has(by("ann", "a-9"))
    assert deleted.has(by(None, "a-1"))
    assert not deleted.has(by(None, "a-2"))
    assert not deleted.has(by("bob", "a-1")), "a device that two people use"
