"""Delivery against a fake network, where time and outcomes are the test's own."""

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from sqlalchemy import Engine, select

from tests.delivery.harness import (
    OK,
    QUICK,
    Answer,
    CleanLog,
    FakeTransport,
    FastClock,
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
from trackway.delivery.filters import Filter
from trackway.delivery.service import DeliveryService
from trackway.delivery.store import Store, prune
from trackway.delivery.worker import READ_RECORDS, DestinationWorker, Options
from trackway.destinations import kit, registry
from trackway.events.records import EVENTS
from trackway.state.tables import attempts, claims, exceptions, retries
from trackway.workspace import WorkspaceError

SERVER_ERROR = kit.Response(status=500)


def service(
    log: CleanLog, engine: Engine, network: FakeTransport, destination: dict[str, Any] | None = None, **more: Any
) -> DeliveryService:
    space = workspace({"hook": destination or webhook()}, sources={"web": {"write_keys": ["k"]}})
    return DeliveryService(space, log.log, engine, transport=lambda _: network, **({"options": QUICK} | more))


async def test_events_of_a_person_arrive_in_order_whatever_fails(log: CleanLog, engine: Engine) -> None:
    chance = random.Random(7)
    network = FakeTransport(lambda request: SERVER_ERROR if chance.random() < 0.2 else OK)
    patient = Options(backoff=QUICK.backoff, park_after=1000)
    async with delivering(service(log, engine, network, webhook(concurrency=8), options=patient)):
        await until(lambda: started(engine, log, "hook"))
        log.add([event(number, person=f"p-{number % 7}") for number in range(400)])
        await until(lambda: counts(engine, log).delivered == 400)
    for person in range(7):
        assert [n for m in network.delivered if (n := int(m[2:])) % 7 == person] == list(range(person, 400, 7))
    assert len(network.delivered) == 400


async def test_thousands_of_events_of_one_person_hold_nobody_up(log: CleanLog, engine: Engine) -> None:
    others = {f"m-{number}" for number in range(5000, 5020)}
    network = Patient(others)
    async with delivering(service(log, engine, network)):
        await until(lambda: started(engine, log, "hook"))
        log.add([event(number, person="hot") for number in range(5000)])
        log.add([event(number) for number in range(5000, 5020)])
        await until(lambda: others <= {*network.delivered}, "the others")
        assert not {*network.delivered} - others
        assert counts(engine, log).delivered == 0  # the cursor stands before the first event of the hot one


class Patient(FakeTransport):
    """Answers the `wanted` events, and no others."""

    def __init__(self, wanted: set[str]) -> None:
        super().__init__()
        self._wanted = wanted

    async def send(self, request: kit.Request) -> Answer:
        if not {*ids_of(request)} <= self._wanted:
            await asyncio.Event().wait()
        return await super().send(request)


async def test_what_waits_for_a_dead_destination_is_bounded(log: CleanLog, engine: Engine) -> None:
    network = FakeTransport(lambda request: kit.Retry("ECONNREFUSED"))
    few = Options(backoff=QUICK.backoff, window_events=100)
    found = service(log, engine, network, options=few)
    async with delivering(found):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(3000)
        await until(lambda: len(network.requests) > 20)
        [status] = found.status()
        assert status.worker is not None
        # It stops at the bound; what was read at once goes a little beyond.
        assert 100 <= status.worker.waiting <= 100 + READ_RECORDS
        network.answer = lambda request: OK
        await until(lambda: counts(engine, log).delivered == 3000)


async def test_what_was_delivered_behind_an_event_that_waits_takes_no_room(log: CleanLog, engine: Engine) -> None:
    network = FakeTransport(lambda request: SERVER_ERROR if ids_of(request) == ["m-0"] else OK)
    # Room for some twenty events; the first one is tried again and again, and keeps the cursor where it is.
    narrow = Options(backoff=QUICK.backoff, park_after=1_000_000, breaker_threshold=1_000_000, window_bytes=20_000)
    found = service(log, engine, network, options=narrow)
    async with delivering(found):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(READ_RECORDS)
        log.add_numbers(READ_RECORDS)
        await until(lambda: len(set(network.delivered)) == 2 * READ_RECORDS - 1)
        assert counts(engine, log).delivered == 0
        network.answer = lambda request: OK
        await until(lambda: counts(engine, log).delivered == 2 * READ_RECORDS)
    assert len(network.delivered) == 2 * READ_RECORDS


async def test_a_two_day_outage_loses_nothing_and_is_not_hammered(log: CleanLog, engine: Engine) -> None:
    clock = FastClock()
    began_s = clock.now_s
    network = FakeTransport()
    asked_s: list[float] = []

    def answer(request: kit.Request) -> Answer:
        asked_s.append(clock.now_s - began_s)
        return OK if asked_s[-1] > 2 * 86_400 else kit.Retry("ECONNREFUSED")

    network.answer = answer
    found = service(log, engine, network, clock=clock, options=Options())
    async with clock.running(), delivering(found):
        await until(lambda: started(engine, log, "hook"))
        ids = log.add_numbers(50, person="ann") + log.add_numbers(50)
        await until(lambda: counts(engine, log).delivered == 100)
    # Not when all of it was known: days pass while a thread works.
    assert asked_s[-1] < 2 * 86_400 + 3600
    assert sorted(network.delivered) == sorted(ids)
    assert [found for found in network.delivered if found in ids[:50]] == ids[:50]
    # Full jitter up to 5 minutes is a try each 2.5 minutes on average: some 1150 in two days.
    assert 300 < len(network.requests) - 100 < 4000
    assert counts(engine, log).difference == 0
    with engine.connect() as connection:
        assert connection.execute(select(exceptions)).all() == []


async def test_retry_after_is_honoured_in_simulated_time(log: CleanLog, engine: Engine) -> None:
    clock = FastClock()
    times: list[float] = []

    def answer(request: kit.Request) -> Answer:
        times.append(clock.now_s)
        return kit.Response(status=503, headers={"retry-after": "600"}) if len(times) < 4 else OK

    network = FakeTransport(answer)
    async with clock.running(), delivering(service(log, engine, network, clock=clock)):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(1)
        await until(lambda: counts(engine, log).delivered == 1)
    assert all(599.9 < later - sooner < 1200 for sooner, later in itertools.pairwise(times))
    assert len(times) == 4


async def test_keys_stay_the_same_over_retries(log: CleanLog, engine: Engine) -> None:
    tries = 0

    def answer(request: kit.Request) -> Answer:
        nonlocal tries
        tries += 1
        return SERVER_ERROR if tries < 5 else OK

    network = FakeTransport(answer)
    async with delivering(service(log, engine, network, webhook(batch={"events": 10, "wait": 0.01}))):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(10)
        await until(lambda: counts(engine, log).delivered == 10)
    assert len(network.requests) == 5
    assert len({(request.headers["Idempotency-Key"], request.content()) for request in network.requests}) == 1
    with engine.connect() as connection:
        rows = connection.execute(select(attempts).order_by(attempts.c.id)).all()
        assert connection.execute(select(claims)).all() == []
    assert [(row.status, row.outcome, row.reason) for row in rows] == [(500, "retry", "500")] * 4 + [
        (200, "delivered", "")
    ]
    assert {(row.count, row.partition, row.first_offset, row.last_offset, row.offsets) for row in rows} == {
        (10, 0, 0, 9, None)
    }
    assert {row.idempotency_key for row in rows} == {network.requests[0].headers["Idempotency-Key"]}


@asynccontextmanager
async def crashing(log: CleanLog, engine: Engine, network: FakeTransport, batch: int) -> AsyncIterator[None]:
    """Deliver, and end without any goodbye."""
    destination = registry.load(
        "webhook", webhook(batch={"events": batch, "wait": 0.002}, concurrency=4)["settings"], where=""
    )
    with ThreadPoolExecutor(1) as state:
        worker = DestinationWorker(
            "hook", destination, Filter("Webhook"), log.log, Store(engine, "hook"), network, state=state, options=QUICK
        )
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.mark.parametrize("batch", [1, 2, 7])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_after_crashes_each_event_came_at_least_once_and_always_under_one_key(batch: int, seed: int) -> None:
    with memory_folder() as folder:
        asyncio.run(_crashes(folder, batch, random.Random(seed)))


async def _crashes(folder: Path, batch: int, chance: random.Random) -> None:
    engine = fresh_state(folder / "state.db")
    # Whole requests fail or succeed, as with vendors that answer one status for all.
    network = FakeTransport(lambda request: SERVER_ERROR if chance.random() < 0.1 else OK)
    keys: dict[str, set[str]] = defaultdict(set)
    with clean_log(folder / "log") as log:
        async with crashing(log, engine, network, batch):
            await until(lambda: started(engine, log, "hook"))
        added = 0
        for _ in range(6):
            async with crashing(log, engine, network, batch):
                log.add([event(n, person=f"p-{chance.randrange(9)}") for n in range(added, added + 25)])
                added += 25
                enough = len(network.requests) + chance.randint(0, 12)
                await until(lambda n=enough: len(network.requests) >= n or counts(engine, log).pending == 0)
                assert counts(engine, log).difference == 0
        async with crashing(log, engine, network, batch):
            await until(lambda: counts(engine, log).pending == 0)
        assert counts(engine, log).delivered == added
    for request in network.requests:
        for found in ids_of(request):
            keys[found].add(request.headers["Idempotency-Key"])
    assert set(network.delivered) == {f"m-{n}" for n in range(added)}
    assert {found: more for found, more in keys.items() if len(more) > 1} == {}
    engine.dispose()


def per_row_module(
    judge: Callable[[kit.Response, int], list[kit.Outcome]],
    row: Callable[[Any, kit.Event], Any] | None = None,
    **limits: Any,
) -> ModuleType:
    """A destination that answers for each row."""
    found = ModuleType("beacon")

    class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        pass

    def request(settings_: Any, rows: Sequence[kit.Row]) -> kit.Request:
        ids = [{"messageId": one.message_id} for one in rows]
        return kit.Request(method="POST", url=f"http://x.example/{rows[0].route}", json=ids)

    parts = {
        "NAME": "Beacon",
        "Settings": Settings,
        "LIMITS": kit.Limits(**({"events": 10, "wait_s": 0.01} | limits)),
        "request": request,
        "judge": lambda response, *, count: judge(response, count),
    }
    for name, value in parts.items():
        setattr(found, name, value)
    if row is not None:
        found.row = row  # type: ignore[attr-defined]
    return found


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], dict[str, Any]]:
    def install(module: ModuleType) -> dict[str, Any]:
        points = [SimpleNamespace(name="beacon", load=lambda: module)]
        monkeypatch.setattr(registry, "entry_points", lambda group, name=None: points)
        return {"type": "beacon"}

    return install


async def test_of_a_batch_only_the_refused_rows_fail_or_go_again(
    log: CleanLog, engine: Engine, install: Callable[[ModuleType], dict[str, Any]]
) -> None:
    def answer(request: kit.Request) -> Answer:
        ids = ids_of(request)
        codes = ["bad" if found == "m-3" else "busy" if found == "m-5" and len(ids) > 1 else "ok" for found in ids]
        return kit.Response(status=207, body=msgspec.json.encode(codes))

    def judge(response: kit.Response, count: int) -> list[kit.Outcome]:
        told = {"ok": kit.Delivered(), "bad": kit.Rejected("vendor_refused", "bad row"), "busy": kit.Retry("busy")}
        return [told[code] for code in msgspec.json.decode(response.body)]

    network = FakeTransport(answer)
    async with delivering(service(log, engine, network, install(per_row_module(judge)))):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(8)
        await until(lambda: counts(engine, log).pending == 0)
    assert [ids_of(request) for request in network.requests] == [[f"m-{n}" for n in range(8)], ["m-5"]]
    assert (counts(engine, log).delivered, counts(engine, log).failed) == (7, {"vendor_refused": 1})
    with engine.connect() as connection:
        assert connection.execute(select(attempts.c.outcome).order_by(attempts.c.id)).scalars().all() == [
            "partial",
            "delivered",
        ]
        row = connection.execute(select(exceptions)).one()
    assert (row.message_id, row.offset, row.reason, row.detail) == ("m-3", 3, "vendor_refused", "bad row")


async def test_an_event_of_several_rows_sends_again_only_what_was_refused(
    log: CleanLog, engine: Engine, install: Callable[[ModuleType], dict[str, Any]]
) -> None:
    def rows(settings_: Any, found: kit.Event) -> list[kit.Row]:
        return [kit.Row.of(found, {}, route=route) for route in ("track", "identify")]

    seen: list[str] = []

    def answer(request: kit.Request) -> Answer:
        seen.append(request.url.rpartition("/")[2])
        return SERVER_ERROR if seen == ["track", "identify"] else OK

    module = per_row_module(lambda response, count: kit.by_status(response, count=count), rows)
    async with delivering(service(log, engine, FakeTransport(answer), install(module))):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(1)
        await until(lambda: counts(engine, log).delivered == 1)
    assert seen == ["track", "identify", "identify"]


async def test_an_attempt_names_each_event_once_and_no_other(
    log: CleanLog, engine: Engine, install: Callable[[ModuleType], dict[str, Any]]
) -> None:
    def rows(settings_: Any, found: kit.Event) -> kit.Rows:
        number = found.json["n"]
        return [kit.Row.of(found, {}) for _ in range(4)] if number in (0, 3) else kit.Skipped("NOT_THIS_ONE")

    module = per_row_module(lambda response, count: kit.by_status(response, count=count), rows)
    async with delivering(service(log, engine, FakeTransport(), install(module))):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(4)
        await until(lambda: counts(engine, log).pending == 0)
    with engine.connect() as connection:
        row = connection.execute(select(attempts)).one()
    assert (row.count, row.first_offset, row.last_offset, row.offsets) == (2, 0, 3, "0,3")


async def test_what_a_destination_skips_is_discarded_with_its_reason(
    log: CleanLog, engine: Engine, install: Callable[[ModuleType], dict[str, Any]]
) -> None:
    def row(settings_: Any, found: kit.Event) -> Any:
        if found.json["n"] == 1:
            return kit.Skipped("UNSUPPORTED_EVENT_TYPE")
        return kit.Row.of(found, found.json["oops"] if found.json["n"] == 2 else {})

    module = per_row_module(lambda response, count: kit.by_status(response, count=count), row)
    async with delivering(service(log, engine, FakeTransport(), install(module))):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(4)
        await until(lambda: counts(engine, log).pending == 0)
    found = counts(engine, log)
    assert found.discarded == {"UNSUPPORTED_EVENT_TYPE": 1}
    assert found.failed == {"mapping_failed": 1}
    assert found.delivered == 2


async def test_an_answer_that_cannot_be_read_is_tried_again(
    log: CleanLog, engine: Engine, install: Callable[[ModuleType], dict[str, Any]]
) -> None:
    answers = [kit.Response(status=200, body=b"<html>"), kit.Response(status=200, body=b"[]"), OK]

    def judge(response: kit.Response, count: int) -> list[kit.Outcome]:
        return msgspec.json.decode(response.body) if response.body else [kit.Delivered()] * count

    network = FakeTransport(lambda request: answers.pop(0))
    async with delivering(service(log, engine, network, install(per_row_module(judge)))):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(2)
        await until(lambda: counts(engine, log).delivered == 2)
    with engine.connect() as connection:
        reasons = connection.execute(select(attempts.c.reason).order_by(attempts.c.id)).scalars().all()
    assert reasons == ["unreadable_answer", "unreadable_answer", ""]


async def test_discards_are_recorded_and_counted_by_source(log: CleanLog, engine: Engine) -> None:
    network = FakeTransport()
    async with delivering(service(log, engine, network, webhook() | {"sources": ["web"]})):
        await until(lambda: started(engine, log, "hook"))
        log.add([event(0), event(1, source="server"), event(2, integrations={"All": False}), event(3)])
        await until(lambda: counts(engine, log).pending == 0)
    found = counts(engine, log)
    assert found.discarded == {"SOURCE_NOT_CONNECTED": 1, "FILTERED_BY_INTEGRATIONS_OBJECT": 1}
    assert (found.by_source["web"].delivered, found.by_source["server"].delivered) == (2, 0)
    assert found.by_source["server"].discarded == {"SOURCE_NOT_CONNECTED": 1}
    assert all(part.difference == found.difference == 0 or part.accepted == 0 for part in found.by_source.values())
    with engine.connect() as connection:
        rows = connection.execute(select(exceptions.c.message_id, exceptions.c.outcome).order_by(exceptions.c.offset))
        assert rows.all() == [("m-1", "discarded"), ("m-2", "discarded")]


async def test_a_poisonous_event_does_not_stop_a_destination_with_one_connection(log: CleanLog, engine: Engine) -> None:
    network = FakeTransport(lambda request: SERVER_ERROR if ids_of(request) == ["m-0"] else OK)
    async with delivering(service(log, engine, network, webhook(concurrency=1))):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(60)
        await until(lambda: counts(engine, log).delivered == 59)
        await until(lambda: log.add_numbers(1) and counts(engine, log).retrying == 1)
        assert counts(engine, log).failed == {}


async def test_a_parked_event_that_the_log_has_lost_fails_as_expired(
    log: CleanLog, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = FakeTransport(lambda request: SERVER_ERROR if ids_of(request) == ["m-0"] else OK)
    async with delivering(service(log, engine, network)):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(1)
        await until(lambda: log.add_numbers(1) and counts(engine, log).retrying == 1)
        monkeypatch.setattr(log.log, "read", lambda *place, **more: iter(()))
        await until(lambda: counts(engine, log).failed == {"expired": 1})
    with engine.connect() as connection:
        row = connection.execute(select(exceptions)).one()
        assert (row.message_id, row.outcome, row.reason) == ("m-0", "failed", "expired")
        assert connection.execute(select(retries)).all() == []


async def test_records_that_the_log_has_lost_before_they_were_read_are_counted(tmp_path: Path) -> None:
    engine = fresh_state(tmp_path / "state.db")
    with clean_log(tmp_path / "log", segment_bytes=1) as log:
        network = FakeTransport()
        async with delivering(service(log, engine, network)):
            await until(lambda: started(engine, log, "hook"))
        log.log.forget("destination:hook")
        for _ in range(3):
            log.add_numbers(10)
        await until(lambda: log.log.retain(max_bytes=0))
        lost = log.log.starts(EVENTS)[0]
        assert lost > 0
        async with delivering(service(log, engine, network)):
            await until(lambda: counts(engine, log).pending == 0)
            assert counts(engine, log).failed == {"expired": lost}
            assert counts(engine, log).delivered == 30 - lost
            log.add_numbers(5)
            await until(lambda: counts(engine, log).delivered == 35 - lost)
            assert counts(engine, log).difference == 0
    engine.dispose()


async def test_what_has_been_delivered_may_be_deleted_from_the_log(log: CleanLog, engine: Engine) -> None:
    clock = FastClock()
    async with clock.running(), delivering(service(log, engine, FakeTransport(), clock=clock)):
        await until(lambda: started(engine, log, "hook"))
        log.add_numbers(20)
        await until(lambda: log.log.consumers(EVENTS).get("destination:hook") == {0: 20})


async def test_new_partitions_are_read_from_their_beginning(tmp_path: Path) -> None:
    engine = fresh_state(tmp_path / "state.db")
    with clean_log(tmp_path / "log", partitions=2) as log:
        network = FakeTransport()
        async with delivering(service(log, engine, network, webhook(batch={"events": 5, "wait": 0.01}))):
            await until(lambda: started(engine, log, "hook"))
            log.add([event(n) for n in range(10)])
            log.add([event(n) for n in range(10, 20)], partition=1)
            log.writers.append(log.log.writer(2))
            log.add([event(n) for n in range(20, 30)], partition=2)
            await until(lambda: counts(engine, log).delivered == 30)
        assert sorted(network.delivered) == sorted(f"m-{n}" for n in range(30))
        assert counts(engine, log).accepted == 30
    engine.dispose()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_the_ledger_balances_at_every_step(seed: int) -> None:
    with memory_folder() as folder:
        asyncio.run(_balance(folder, random.Random(seed)))


async def _balance(folder: Path, chance: random.Random) -> None:
    engine = fresh_state(folder / "state.db")
    answers = [OK, OK, SERVER_ERROR, kit.Response(status=400), kit.Retry("ETIMEDOUT"), kit.Response(status=429)]
    network = FakeTransport(lambda request: chance.choice(answers))
    batch = chance.choice([1, 4])
    with clean_log(folder / "log") as log:
        log.add_numbers(chance.randint(0, 5))
        at_start = sum(log.log.heads(EVENTS).values())
        settings_ = webhook(batch={"events": batch, "wait": 0.001}, concurrency=chance.choice([1, 4]))
        quick = Options(backoff=QUICK.backoff, parking=Backoff(base_s=0.001, cap_s=0.01), park_after=2)
        async with delivering(service(log, engine, network, settings_, options=quick)):
            await until(lambda: started(engine, log, "hook"))

            def balanced() -> bool:
                found = counts(engine, log)
                assert found.difference == 0
                assert 0 <= found.retrying <= found.pending
                assert found.accepted == sum(log.log.heads(EVENTS).values()) - at_start
                return True

            for _ in range(15):
                log.add_numbers(chance.randint(1, 8), integrations={"All": chance.random() < 0.8})
                balanced()
                await asyncio.sleep(0.002)
            await until(lambda: balanced() and counts(engine, log).pending == 0)
        found = counts(engine, log)
        with engine.connect() as connection:
            ends = connection.execute(select(exceptions.c.outcome)).scalars().all()
        # What the rows say, and what the counters say, is the same.
        assert ends.count("failed") == sum(found.failed.values())
        assert ends.count("discarded") == sum(found.discarded.values())
        assert found.delivered == len(set(network.delivered))
    engine.dispose()


def test_old_records_are_pruned_and_tallies_are_not(tmp_path: Path) -> None:
    engine = fresh_state(tmp_path / "state.db")
    store = Store(engine, "hook")
    store.open({0: 0}, 0)
    with engine.begin() as connection:
        attempt = {"destination": "hook", "duration_ms": 1, "status": 200, "outcome": "delivered", "reason": ""}
        place = {"answer": "", "count": 1, "partition": 0, "last_offset": 0, "idempotency_key": ""}
        connection.execute(
            attempts.insert(), [attempt | place | {"started_ms": n, "first_offset": n} for n in range(100)]
        )
        rows = [
            {"destination": "hook", "partition": 0, "offset": n, "message_id": "m", "source": "s", "reason": "r",
             "outcome": outcome, "detail": "", "at_ms": n, "request": "", "answer": ""}
            for n in range(90)
            for outcome in [("discarded", "failed", "retrying")[n % 3]]
        ]  # fmt: skip
        connection.execute(exceptions.insert(), rows)
    while prune(engine, before_ms=60, attempts_kept=1000, most=7):
        pass
    with engine.connect() as connection:
        assert connection.execute(select(attempts.c.started_ms)).scalars().all() == list(range(60, 100))
        left = connection.execute(select(exceptions.c.at_ms, exceptions.c.outcome)).all()
    assert sorted(at for at, outcome in left if outcome != "retrying") == [n for n in range(60, 90) if n % 3 < 2]
    assert len([at for at, outcome in left if outcome == "retrying"]) == 30
    while prune(engine, before_ms=0, attempts_kept=10, most=7):
        pass
    with engine.connect() as connection:
        assert connection.execute(select(attempts.c.started_ms)).scalars().all() == list(range(90, 100))
    engine.dispose()


async def test_a_destination_that_does_not_exist_or_is_set_up_wrongly_is_told_before_anything_starts(
    log: CleanLog, engine: Engine
) -> None:
    with pytest.raises(WorkspaceError, match=r"destinations\.hook\.type: .*did you mean webhook"):
        DeliveryService(workspace({"hook": {"type": "webhok"}}), log.log, engine)
    with pytest.raises(Exception, match=r"destinations\.hook\.settings\.secret is unknown; did you mean shared_secret"):
        DeliveryService(workspace({"hook": webhook(secret="x")}), log.log, engine)
