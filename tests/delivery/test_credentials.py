"""Credentials that a destination refuses: events wait for other ones, nothing is lost, and somebody is told."""

import logging
from collections.abc import Callable
from unittest.mock import patch

import pytest
from sqlalchemy import Engine, select

from tests.delivery.harness import (
    OK,
    QUICK,
    Answer,
    CleanLog,
    FakeTransport,
    FastClock,
    counts,
    delivering,
    event,
    ids_of,
    sink,
    started,
    until,
    webhook,
    workspace,
)
from tests.delivery.test_transport import Names
from trackway.delivery.breaker import Backoff
from trackway.delivery.refusals import refusals
from trackway.delivery.service import DeliveryService
from trackway.delivery.transport import HttpTransport
from trackway.delivery.worker import Options, Status
from trackway.destinations.kit import Request, Response
from trackway.state.tables import attempts, exceptions

REFUSED = Response(status=401, body=b'{"error":"invalid key"}')
FORBIDDEN = Response(status=403, body=b"no")


def service(log: CleanLog, engine: Engine, answer: Callable[[Request], Answer], **more: object) -> DeliveryService:
    hooks = {"hook": webhook(concurrency=4)}
    network = FakeTransport(answer)
    options = {"options": QUICK} | more
    return DeliveryService(workspace(hooks), log.log, engine, transport=lambda _: network, **options)  # type: ignore[arg-type]


def worker(found: DeliveryService) -> Status:
    status = found.status()[0].worker
    assert status is not None
    return status


@pytest.mark.parametrize("refusal", [REFUSED, FORBIDDEN], ids=["401", "403"])
async def test_events_wait_and_go_on_in_order_when_the_credentials_are_taken_again(
    log: CleanLog, engine: Engine, refusal: Response, caplog: pytest.LogCaptureFixture
) -> None:
    delivered: list[str] = []
    right = False

    def answer(request: Request) -> Answer:
        if not right:
            return refusal
        delivered.extend(ids_of(request))
        return OK

    found = service(log, engine, answer)
    with caplog.at_level(logging.WARNING, "trackway.delivery"):
        async with delivering(found):
            await until(lambda: started(engine, log, "hook"))
            ids = log.add_numbers(60, person="ann")
            log.add_numbers(40)
            await until(lambda: worker(found).refused, "the alarm")
            standing = counts(engine, log)
            assert (standing.pending, standing.failed, standing.difference) == (100, {}, 0)
            right = True
            await until(lambda: counts(engine, log).delivered == 100)
            assert (worker(found).refused, worker(found).breaker) == (False, "closed")
    assert [one for one in delivered if one in ids] == ids
    told = [record.getMessage() for record in caplog.records]
    assert ["refuses" in text and "destinations.hook.settings" in text for text in told] == [True, False]
    with engine.connect() as connection:
        assert connection.execute(select(exceptions)).all() == []
        assert {row.outcome for row in connection.execute(select(attempts))} == {"retry", "delivered"}


async def test_refused_credentials_are_tried_rarely(log: CleanLog, engine: Engine) -> None:
    clock = FastClock()
    began_s = clock.now_s
    asked: list[float] = []

    def answer(request: Request) -> Answer:
        asked.append(clock.now_s)
        return OK if clock.now_s - began_s > 86_400 else REFUSED

    slow = Options(probing=Backoff(base_s=30, cap_s=600, random=lambda: 1.0))
    async with clock.running(), delivering(service(log, engine, answer, clock=clock, options=slow)):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(200)
        await until(lambda: counts(engine, log).delivered == 200)
    # Those under way at first, then one each ten minutes, or more: the clock runs on while an answer is on its way.
    refused = [at_s for at_s in asked if at_s - began_s <= 86_400]
    assert 86_400 / 3600 < len(refused) < 86_400 / 600 + 20
    assert asked[len(refused)] - began_s < 86_400 + 3600


async def test_an_event_that_alone_is_forbidden_fails_and_holds_nobody_up(log: CleanLog, engine: Engine) -> None:
    taken: list[str] = []

    def answer(request: Request) -> Answer:
        if "m-3" in ids_of(request):
            return FORBIDDEN
        taken.extend(ids_of(request))
        return OK

    number = 0
    async with delivering(service(log, engine, answer)):
        await until(lambda: started(engine, log, "hook"))
        # Only what is taken after a refusal shows that it is for this event.
        while not counts(engine, log).failed:
            log.add([event(number)])
            await until(lambda sent=number: sent == 3 or f"m-{sent}" in taken)
            number += 1
        await until(lambda: counts(engine, log).pending == 0)
    assert len(taken) == number - 1
    standing = counts(engine, log)
    assert (standing.failed, standing.difference) == ({"403": 1}, 0)
    with engine.connect() as connection:
        row = connection.execute(select(exceptions)).one()
    assert (row.message_id, row.reason, row.answer) == ("m-3", "403", "no")


async def test_changed_settings_are_tried_at_once(log: CleanLog, engine: Engine) -> None:
    patient = Options(backoff=QUICK.backoff, probing=Backoff(base_s=3600, cap_s=3600, random=lambda: 1.0))
    network = FakeTransport(lambda request: OK if request.url.endswith("/right") else REFUSED)

    def space(path: str) -> object:
        return workspace({"hook": webhook(f"http://sink.example/{path}")})

    found = DeliveryService(space("wrong"), log.log, engine, transport=lambda _: network, options=patient)  # type: ignore[arg-type]
    async with delivering(found):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(20)
        await until(lambda: worker(found).refused)
        await found.configure(space("right"), grace_s=0.2)  # type: ignore[arg-type]
        await until(lambda: counts(engine, log).delivered == 20)
        assert not worker(found).refused


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://169.254.169.254/latest/meta-data", "http://[::1]/"])
async def test_events_wait_while_the_address_is_not_allowed(
    log: CleanLog, engine: Engine, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    space = workspace({"hook": webhook(url)}, delivery={})
    found = DeliveryService(space, log.log, engine, options=QUICK)
    async with delivering(found):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(8)
        await until(lambda: worker(found).refused, "the alarm")
        assert worker(found).reason == "address_not_allowed"
        assert "allow_private_addresses" in worker(found).detail
        standing = counts(engine, log)
        assert (standing.pending, standing.failed, standing.difference) == (8, {}, 0)
        await until(lambda: [one.reason for one in refusals(engine, ["hook"]).values()] == ["address_not_allowed"])
        assert "hook has an address that is not allowed" in caplog.text
        assert found.gauges()["hook"].refused is False  # the metric is of credentials
        await found.configure(workspace({"hook": webhook("http://127.0.0.1:9/")}), grace_s=0.2)
        await until(lambda: worker(found).reason == "ECONNREFUSED")


async def test_an_address_that_is_mended_in_dns_gets_its_events_in_order(log: CleanLog, engine: Engine) -> None:
    """The name resolves to a private address at first; nothing is lost, and no request was made meanwhile."""
    async with sink() as server:
        names = Names(["10.0.0.7"])
        space = workspace({"hook": webhook(server.url.replace("127.0.0.1", "hook.example"))}, delivery={})
        # Only loopback can be asked here: the mended entry stands for a public address.
        found = DeliveryService(
            space, log.log, engine, options=QUICK, transport=lambda _: HttpTransport(resolver=names)
        )
        async with delivering(found):
            await until(lambda: started(engine, log, "hook"))
            ids = log.add_numbers(30, person="ann")
            await until(lambda: worker(found).refused)
            assert server.requests == []
            with patch("trackway.delivery.addresses.is_public", lambda address: address == "127.0.0.1"):
                names.answers[:] = [["127.0.0.1"]]
                await until(lambda: counts(engine, log).delivered == 30)
        assert server.ids == ids
        assert counts(engine, log).difference == 0
