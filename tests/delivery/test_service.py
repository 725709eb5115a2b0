"""Delivery to real servers on the loopback."""

import asyncio
import hashlib
import hmac
import time
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import Engine, select

from tests.delivery.harness import (
    QUICK,
    SECRET,
    Answer,
    CleanLog,
    FakeTransport,
    clean_log,
    counts,
    delivering,
    event,
    sink,
    started,
    until,
    webhook,
    workspace,
)
from tests.fresh_state import fresh_state
from trackway.delivery.service import DeliveryService
from trackway.destinations.destination import Destination
from trackway.destinations.kit import Request
from trackway.state.tables import attempts, exceptions, retries
from trackway.workspace import WorkspaceError


async def test_events_arrive_as_they_stand_in_the_log_signed_and_under_their_id(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        hooks = {"hook": webhook(hook.url, headers={"X-Tenant": "acme-corp"})}
        async with delivering(DeliveryService(workspace(hooks), log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            found = event(1, odd="\u00e9 \U0001f600", price=1.50)
            log.add([found])
            await until(lambda: counts(engine, log).delivered == 1)
    headers, body = hook.requests[0]
    assert body == found.body
    assert headers["x-signature"] == hmac.new(SECRET.encode(), found.body, hashlib.sha1).hexdigest()
    assert headers["idempotency-key"] == "m-1"
    assert headers["content-type"] == "application/json"
    assert headers["x-tenant"] == "acme-corp"
    assert headers["user-agent"].startswith("Trackway/")


async def test_a_host_never_has_more_requests_than_the_destinations_concurrency(log: CleanLog, engine: Engine) -> None:
    """Two destinations at one host: each has connections of its own, uses all of them, and has none beside them."""
    under_way, most, connections = dict.fromkeys("ab", 0), dict.fromkeys("ab", 0), {"a": set[int](), "b": set[int]()}
    full = asyncio.Event()

    async def answer(request: web.Request, _: bytes) -> web.Response:
        of = request.path[-1]
        under_way[of] += 1
        most[of] = max(most[of], under_way[of])
        connections[of].add(id(request.transport))
        if most == {"a": 3, "b": 2}:
            full.set()
        await full.wait()
        under_way[of] -= 1
        return web.Response(text="ok")

    async with sink() as hook:
        hook.answer = lambda request, body: answer(request, body)
        hooks = {"a": webhook(f"{hook.url}/a", concurrency=3), "b": webhook(f"{hook.url}/b", concurrency=2)}
        async with delivering(DeliveryService(workspace(hooks), log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "a", "b"))
            log.add_numbers(60)
            await until(lambda: [counts(engine, log, key).delivered for key in "ab"] == [60, 60])
    assert most == {"a": 3, "b": 2}
    assert {key: len(found) for key, found in connections.items()} == {"a": 3, "b": 2}, "connections are kept"


async def test_a_new_destination_starts_at_the_end_of_the_log_and_an_old_one_where_it_stopped(
    log: CleanLog, engine: Engine
) -> None:
    log.add_numbers(10)
    async with sink() as hook:
        space = workspace({"hook": webhook(hook.url)})
        async with delivering(DeliveryService(space, log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            first = log.add_numbers(5)
            await until(lambda: counts(engine, log).delivered == 5)
        between = log.add_numbers(5)
        async with delivering(DeliveryService(space, log.log, engine, options=QUICK)):
            await until(lambda: counts(engine, log).delivered == 10)
    assert sorted(hook.ids) == sorted(first + between)
    assert counts(engine, log).accepted == 10


async def test_a_destination_that_hangs_delays_nobody_else(log: CleanLog, engine: Engine) -> None:
    async def hang(request: web.Request, body: bytes) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with sink() as dead, sink() as alive:
        dead.answer = hang
        hooks = {"dead": webhook(dead.url, timeout=90), "hook": webhook(alive.url)}
        service = DeliveryService(workspace(hooks), log.log, engine, options=QUICK)
        async with delivering(service):
            await until(lambda: started(engine, log, "hook", "dead"))
            log.add_numbers(300)
            await until(lambda: counts(engine, log).delivered == 300)
            assert counts(engine, log, "dead").pending == 300
            began = time.monotonic()
        assert time.monotonic() - began < 45, "it waited for the requests, which hang for 60 s"
    assert counts(engine, log, "dead").difference == 0


async def test_after_an_outage_everything_arrives_in_order(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        hook.answer = lambda request, body: web.Response(status=503)
        space = workspace({"hook": webhook(hook.url)})
        service = DeliveryService(space, log.log, engine, options=QUICK)
        async with delivering(service):
            await until(lambda: started(engine, log, "hook"))
            ids = log.add_numbers(200, person="ann")
            await until(lambda: service.status()[0].worker.breaker != "closed")  # type: ignore[union-attr]
            assert counts(engine, log).pending == 200
            taken: list[bytes] = []
            hook.answer = lambda request, body: (taken.append(body), web.Response())[1]
            await until(lambda: counts(engine, log).delivered == 200)
    assert [body.split(b'"messageId":"')[1].split(b'"')[0].decode() for body in taken] == ids
    assert counts(engine, log).retrying == 0


async def test_a_refused_connection_is_waited_for(log: CleanLog, engine: Engine, closed_port: int) -> None:
    hooks = {"hook": webhook(f"http://127.0.0.1:{closed_port}/")}
    service = DeliveryService(workspace(hooks), log.log, engine, options=QUICK)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(3)
        await until(lambda: service.status()[0].worker.reason == "ECONNREFUSED")  # type: ignore[union-attr]
        assert counts(engine, log).pending == 3


async def test_retry_after_holds_the_whole_destination_back(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        times: list[float] = []

        def answer(request: web.Request, body: bytes) -> web.Response:
            times.append(time.monotonic())
            return web.Response(status=429, headers={"Retry-After": "1"}) if len(times) == 1 else web.Response()

        hook.answer = answer
        hooks = {"hook": webhook(hook.url, concurrency=1)}
        async with delivering(DeliveryService(workspace(hooks), log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            log.add_numbers(20)
            await until(lambda: counts(engine, log).delivered == 20)
    assert times[1] - times[0] >= 0.95


async def test_a_refused_event_fails_with_its_request_and_answer_and_blocks_nobody(
    log: CleanLog, engine: Engine
) -> None:
    async with sink() as hook:
        hook.answer = lambda request, body: (
            web.Response(status=400, text=f"no thanks, {SECRET}") if b'"n":3' in body else web.Response()
        )
        hooks = {"hook": webhook(hook.url + "?key=query-value", headers={"Authorization": "Bearer tell-nobody"})}
        async with delivering(DeliveryService(workspace(hooks), log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            log.add_numbers(6)
            await until(lambda: counts(engine, log).pending == 0)
        found = counts(engine, log)
        assert (found.delivered, found.failed) == (5, {"400": 1})
        with engine.connect() as connection:
            row = connection.execute(select(exceptions)).one()
            everything = repr(connection.execute(select(attempts)).all()) + repr(row)
    assert (row.message_id, row.outcome, row.reason) == ("m-3", "failed", "400")
    assert row.answer == "no thanks, ***"
    assert row.request.startswith("POST http://127.0.0.1") and "Authorization: ***" in row.request
    assert event(3).body.decode() in row.request
    for secret in (SECRET, "tell-nobody", "query-value"):
        assert secret not in everything


async def test_an_event_that_only_it_fails_is_parked_and_delivered_at_last(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        sick = True
        hook.answer = lambda request, body: web.Response(status=500 if sick and b'"n":0' in body else 200)
        service = DeliveryService(workspace({"hook": webhook(hook.url)}), log.log, engine, options=QUICK)
        async with delivering(service):
            await until(lambda: started(engine, log, "hook"))
            log.add_numbers(1, person="ann")
            while counts(engine, log).retrying == 0:
                log.add_numbers(1)  # others succeed meanwhile
                await asyncio.sleep(0.01)
            others = log.log.heads("events")[0] - 1
            await until(lambda: counts(engine, log).delivered == others)
            with engine.connect() as connection:
                assert connection.execute(select(exceptions.c.outcome, exceptions.c.message_id)).one() == (
                    "retrying",
                    "m-0",
                )
            sick = False
            await until(lambda: counts(engine, log).pending == 0)
        with engine.connect() as connection:
            assert connection.execute(select(exceptions)).all() == []
            assert connection.execute(select(retries)).all() == []
    assert counts(engine, log).delivered == others + 1


async def test_a_stop_in_the_middle_sends_again_under_the_same_key(tmp_path: Path) -> None:

    engine = fresh_state(tmp_path / "state.db")
    with clean_log(tmp_path / "log") as log:
        async with sink() as hook:
            received = asyncio.Event()

            async def never_answer(request: web.Request, body: bytes) -> web.Response:
                received.set()
                await asyncio.Event().wait()
                return web.Response()

            hook.answer = never_answer
            hooks = {"hook": webhook(hook.url, timeout=60, batch={"events": 50, "wait": 0.05})}
            async with delivering(DeliveryService(workspace(hooks), log.log, engine, options=QUICK)):
                await until(lambda: started(engine, log, "hook"))
                log.add_numbers(7)
                await received.wait()
            log.add_numbers(30)  # the batch would be larger now
            hook.answer = lambda request, body: web.Response()
            async with delivering(DeliveryService(workspace(hooks), log.log, engine, options=QUICK)):
                await until(lambda: counts(engine, log).delivered == 37)
        keys = [headers["idempotency-key"] for headers, _ in hook.requests]
        assert keys[0] == keys[1] and keys[0].startswith("batch-")
        assert hook.requests[0][1] == hook.requests[1][1]
        assert len(set(hook.ids)) == 37
    engine.dispose()


async def test_a_destination_that_is_switched_off_holds_nothing_back(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        hooks = {"hook": webhook(hook.url)}
        async with delivering(DeliveryService(workspace(hooks), log.log, engine, options=QUICK)) as service:
            await until(lambda: "destination:hook" in log.log.consumers("events"))
            hooks["hook"]["enabled"] = False
            await service.configure(workspace(hooks), grace_s=0.2)
            assert service.status() == []
            assert log.log.consumers("events") == {}


async def test_changed_settings_touch_only_their_own_destination(log: CleanLog, engine: Engine) -> None:
    async with sink() as first, sink() as second, sink() as moved:
        hooks = {"first": webhook(first.url), "second": webhook(second.url)}
        service = DeliveryService(workspace(hooks), log.log, engine, options=QUICK)
        async with delivering(service):
            await until(lambda: started(engine, log, "first", "second"))
            before = log.add_numbers(20)
            await until(lambda: counts(engine, log, "first").delivered == counts(engine, log, "second").delivered == 20)
            untouched = service._slots["first"].worker
            await service.configure(workspace(hooks | {"second": webhook(moved.url)}), grace_s=0.2)
            after = log.add_numbers(20)
            await until(lambda: counts(engine, log, "first").delivered == counts(engine, log, "second").delivered == 40)
            assert service._slots["first"].worker is untouched
            assert [status.state for status in service.status()] == ["running", "running"]
    assert (sorted(first.ids), sorted(second.ids), sorted(moved.ids)) == (
        sorted(before + after),
        sorted(before),
        sorted(after),
    )


async def test_a_destination_added_later_begins_at_the_end_or_where_the_log_holds_it(
    log: CleanLog, engine: Engine
) -> None:
    log.add_numbers(10)
    async with sink() as new, sink() as held:
        with log.log.reader("events", consumer="destination:held", start="latest") as reader:
            reader.commit()
        between = log.add_numbers(10)
        service = DeliveryService(workspace({}), log.log, engine, options=QUICK)
        async with delivering(service):
            await service.configure(workspace({"new": webhook(new.url), "held": webhook(held.url)}))
            await until(lambda: started(engine, log, "new", "held"))
            after = log.add_numbers(10)
            await until(lambda: counts(engine, log, "new").delivered == 10)
            await until(lambda: counts(engine, log, "held").delivered == 20)
    assert (sorted(new.ids), sorted(held.ids)) == (sorted(after), sorted(between + after))


async def test_wrong_settings_change_nothing(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        service = DeliveryService(workspace({"hook": webhook(hook.url)}), log.log, engine, options=QUICK)
        async with delivering(service):
            await until(lambda: started(engine, log, "hook"))
            with pytest.raises(WorkspaceError, match=r"destinations\.new\.settings\.urll"):
                await service.configure(workspace({"new": {"type": "webhook", "settings": {"urll": "x"}}}))
            log.add_numbers(3)
            await until(lambda: counts(engine, log).delivered == 3)


async def test_a_destination_that_keeps_crashing_takes_new_settings(log: CleanLog, engine: Engine) -> None:
    class Broken(FakeTransport):
        async def send(self, request: Request) -> Answer:
            raise RuntimeError("a bug")

    def transport(destination: Destination) -> FakeTransport:
        return Broken() if "broken" in destination.settings.url else FakeTransport()  # type: ignore[attr-defined]

    hooks = {"hook": webhook("http://broken.example/")}
    service = DeliveryService(workspace(hooks), log.log, engine, options=QUICK, transport=transport)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(3)
        await until(lambda: service.status()[0].state == "crashed")
        await service.configure(workspace({"hook": webhook("http://whole.example/")}))
        await until(lambda: counts(engine, log).delivered == 3)


async def test_a_worker_that_breaks_starts_again_and_tells_why_without_secrets(log: CleanLog, engine: Engine) -> None:
    class Broken(FakeTransport):
        async def send(self, request):  # type: ignore[no-untyped-def]
            raise RuntimeError(f"a bug that shows {SECRET}")

    made: list[FakeTransport] = []

    def transport(destination: object) -> FakeTransport:
        made.append(Broken() if not made else FakeTransport())
        return made[-1]

    space = workspace({"hook": webhook()})
    service = DeliveryService(space, log.log, engine, options=QUICK, transport=transport)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(4)
        await until(lambda: counts(engine, log).delivered == 4)
        status = service.status()[0]
    assert status.error == "RuntimeError: a bug that shows ***"
    assert (status.crashes, status.name, status.type) == (1, "Webhook", "webhook")
    assert SECRET not in repr(status)
