from sqlalchemy import Engine

from tests.delivery.harness import (
    OK,
    QUICK,
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
from trackway.delivery.service import DeliveryService
from trackway.delivery.trace import DestinationStory, stories
from trackway.destinations.kit import Request, Response
from trackway.events.records import Place


def answer(request: Request) -> Response:
    return Response(status=400, body=b"not this one") if "m-2" in ids_of(request) else OK


async def deliver(engine: Engine, log: CleanLog, batch: int = 1) -> None:
    """Give a destination one event before its start, three that it takes, refuses or leaves out, and one later."""
    log.add([event(0)])
    settings = workspace({"hook": webhook(batch={"events": batch})})
    service = DeliveryService(settings, log.log, engine, options=QUICK, transport=lambda _: FakeTransport(answer))
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        log.add([event(1), event(2), event(3, integrations={"Webhook": False})])
        await until(lambda: counts(engine, log).pending == 0)
    log.add([event(4)])


def story(engine: Engine, offset: int) -> DestinationStory:
    [found] = stories(engine, Place(0, offset), ["hook", "never-ran"])
    return found


async def test_every_outcome_is_told_with_its_requests(engine: Engine, log: CleanLog) -> None:
    await deliver(engine, log)
    assert [story(engine, offset).outcome for offset in range(5)] == [
        "earlier",
        "delivered",
        "failed",
        "discarded",
        "pending",
    ]
    [attempt] = story(engine, 1).attempts
    assert (attempt.status, attempt.outcome, attempt.events, attempt.idempotency_key) == (200, "delivered", 1, "m-1")
    failed = story(engine, 2)
    assert (failed.reason, [one.answer for one in failed.attempts]) == ("400", ["not this one"])
    assert '"messageId":"m-2"' in failed.request
    assert story(engine, 3).reason == "FILTERED_BY_INTEGRATIONS_OBJECT"
    assert story(engine, 3).attempts == story(engine, 4).attempts == []


async def test_a_request_of_many_is_told_of_each_event_in_it_and_of_no_other(engine: Engine, log: CleanLog) -> None:
    log.add([event(0)])
    settings = workspace({"hook": webhook(batch={"events": 10, "wait": "1ms"})})
    service = DeliveryService(settings, log.log, engine, options=QUICK, transport=lambda _: FakeTransport())
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        integrations = [{}, {"Webhook": False}, {}]
        log.add([event(n, integrations=found) for n, found in enumerate(integrations, 1)])
        await until(lambda: counts(engine, log).pending == 0)
    assert [sum(one.events for one in story(engine, offset).attempts) > 0 for offset in (1, 2, 3)] == [
        True,
        False,
        True,
    ]
