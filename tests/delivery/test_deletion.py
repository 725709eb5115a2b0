"""Deletions of people: every destination has an end, in its turn, and nobody's trouble is another's."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Engine, insert, update

from tests.delivery.harness import AT_ONCE, SECRET, CleanLog, FastClock, until, webhook, workspace
from trackway.delivery.deletion import orders
from trackway.delivery.deletion.service import GIVE_UP_S, LATE_S, SETTLE_S, DeletionService
from trackway.destinations.kit import Person, Request, Response, Retry
from trackway.events.records import EVENTS
from trackway.state import writing
from trackway.state.tables import cursors, destinations, replays, retries
from trackway.workspace.model import Workspace

JANE = Person(user_id="u-1", anonymous_ids=("a-1",), email="jane@example.com")
GONE = Response(status=200)
Answer = Callable[[Request], Any]


def taken(request: Request) -> Response:
    return GONE


class Vendor:
    """A transport that answers by a function, and remembers what it was asked and when."""

    def __init__(self, clock: FastClock, answer: Answer) -> None:
        self.clock = clock
        self.answer = answer
        self.requests: list[Request] = []
        self.at_s: list[float] = []

    async def send(self, request: Request) -> Any:
        self.requests.append(request)
        self.at_s.append(self.clock.now_s)
        return self.answer(request)

    async def close(self) -> None:
        pass


class Stage:
    """A service with a vendor for each destination, in a time that jumps."""

    def __init__(self, log: CleanLog, engine: Engine, settings: Workspace, **answers: Answer) -> None:
        self.clock = FastClock()
        self.engine = engine
        self.vendors = {
            key: Vendor(self.clock, answers.get(key, lambda request: GONE)) for key in settings.destinations
        }
        self.service = DeletionService(
            settings, log.log, engine, clock=self.clock, tries=AT_ONCE, transport=lambda found: self.vendors[found.name]
        )

    def ask(self, *people: Person) -> list[int]:
        kinds = {key: one.type for key, one in self.service.workspace.destinations.items()}
        return orders.ask(self.engine, people, kinds, now_ms=self.clock.now_ms())

    def states(self, number: int = 1) -> dict[str, tuple[str, str]]:
        return {one.destination: (one.state, one.reason) for one in orders.read(self.engine, number).targets}

    async def end(self, number: int = 1) -> orders.Deletion:
        await until(lambda: orders.read(self.engine, number).status != "RUNNING", f"deletion {number}")
        return orders.read(self.engine, number)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.clock.running():
            self.service.start()
            try:
                yield
            finally:
                await self.service.stop(grace_s=0.2)


def named(**types: dict[str, Any]) -> Workspace:
    """Return a workspace whose destinations are known by their keys."""
    return workspace({key: {**one, "name": key} for key, one in types.items()})


def has_read(engine: Engine, destination: str, offset: int) -> None:
    """Let a destination stand at an offset."""
    place = {"destination": destination, "topic": EVENTS, "partition": 0}
    with writing(engine) as connection:
        changed = connection.execute(
            update(cursors).where(cursors.c.destination == destination).values(next_offset=offset)
        )
        if not changed.rowcount:
            connection.execute(insert(destinations).values(destination=destination, started_ms=1))
            connection.execute(insert(cursors).values(**place, start_offset=0, next_offset=offset))


async def test_each_destination_has_an_end_of_its_own(log: CleanLog, engine: Engine) -> None:
    settings = named(
        hook=webhook(),
        wrong=webhook(),
        chat={"type": "slack", "settings": {"url": "https://hooks.slack.com/services/T/B/X"}},
        crm={"type": "hubspot", "settings": {"access_token": "pat-1"}},
        metrics={"type": "amplitude", "settings": {"api_key": "k-1"}},
    )
    stage = Stage(log, engine, settings, wrong=lambda request: Response(status=400, body=f"no {SECRET}".encode()))
    async with stage.running():
        stage.ask(JANE)
        found = await stage.end()
    assert stage.states() == {
        "hook": ("done", ""),
        "wrong": ("failed", "400"),
        "chat": ("unsupported", "NOT_SUPPORTED"),
        "crm": ("done", ""),
        "metrics": ("unsupported", "missing_secret_key"),
    }
    assert found.status == "PARTIAL_SUCCESS"
    assert json.loads(stage.vendors["hook"].requests[0].content()) == {"type": "delete", "userId": "u-1"}
    assert json.loads(stage.vendors["crm"].requests[0].content())["objectId"] == "jane@example.com"
    [wrong] = [one for one in found.targets if one.destination == "wrong"]
    assert (wrong.status, wrong.answer, wrong.tries, wrong.requests) == (400, "no ***", 1, 1)
    assert SECRET not in wrong.detail


async def test_trouble_is_tried_again_and_costs_no_other_destination(log: CleanLog, engine: Engine) -> None:
    asked = iter([Retry("ECONNRESET"), Response(status=503), Response(status=429, headers={"retry-after": "600"})])
    stage = Stage(log, engine, named(hook=webhook(), flaky=webhook()), flaky=lambda request: next(asked, GONE))
    async with stage.running():
        stage.ask(JANE)
        found = await stage.end()
    assert found.status == "FINISHED"
    assert {one.destination: (one.state, one.tries) for one in found.targets} == {
        "hook": ("done", 1),
        "flaky": ("done", 4),
    }
    assert stage.vendors["flaky"].at_s[3] - stage.vendors["flaky"].at_s[2] >= 600
    assert found.person == Person(user_id="u-1"), "the address is still kept"


async def test_events_on_their_way_arrive_first(log: CleanLog, engine: Engine) -> None:
    log.add_numbers(5)
    has_read(engine, "hook", 3)
    stage = Stage(log, engine, named(hook=webhook(), new=webhook()))
    async with stage.running():
        stage.ask(JANE)
        await until(lambda: stage.states()["hook"] == ("waiting", "events_first"))
        # One that has never run has nothing on its way.
        await until(lambda: stage.states()["new"] == ("done", ""))
        assert stage.vendors["hook"].requests == []
        log.add_numbers(1)  # later than the deletion
        has_read(engine, "hook", 5)
        await stage.end()
    assert stage.states()["hook"] == ("done", "")
    assert stage.vendors["new"].at_s[0] >= 1_000_000 + SETTLE_S


async def test_a_late_event_that_may_be_on_its_way_is_waited_for(log: CleanLog, engine: Engine) -> None:
    """Parked events and replays go out beside the destination's turn, so its cursor says nothing about them."""
    stage = Stage(log, engine, named(parked=webhook(), in_a_replay=webhook(), replayed=webhook(), free=webhook()))
    row = {"partition": 0, "offset": 0, "message_id": "m-0", "source": "web", "tries": 5, "next_at_ms": 0, "reason": ""}
    replay = {"destination": "replayed", "order": "{}", "state": "running", "error": "", "created_ms": 1}
    with writing(engine) as connection:
        for key in ("parked", "in_a_replay#3"):
            connection.execute(insert(destinations).values(destination=key, started_ms=1))
            connection.execute(insert(retries).values(destination=key, **row))
        connection.execute(insert(replays).values(replay))
    began_s = stage.clock.now_s
    async with stage.running():
        stage.ask(JANE)
        await stage.end()
    # Time goes on while threads work, so only what is too early can be told.
    after_s = {key: vendor.at_s[0] - began_s for key, vendor in stage.vendors.items()}
    assert after_s["free"] >= SETTLE_S
    assert min(after_s["parked"], after_s["in_a_replay"], after_s["replayed"]) >= LATE_S


async def test_refused_credentials_wait_for_others(log: CleanLog, engine: Engine) -> None:
    def answer(request: Request) -> Response:
        return GONE if request.headers.get("X-Key") == "new" else Response(status=401)

    stage = Stage(log, engine, named(hook=webhook(headers={"X-Key": "old"})), hook=answer)
    async with stage.running():
        stage.ask(JANE)
        await until(lambda: stage.states()["hook"] == ("waiting", "401"))
        stage.service.workspace = named(hook=webhook(headers={"X-Key": "new"}))
        assert (await stage.end()).status == "FINISHED"


async def test_what_failed_or_could_not_be_asked_is_tried_again_when_told(log: CleanLog, engine: Engine) -> None:
    answers = {"status": 422}
    settings = {"hook": webhook(), "metrics": {"type": "amplitude", "settings": {"api_key": "k-1"}}}
    stage = Stage(log, engine, named(**settings), hook=lambda request: Response(status=answers["status"]))
    async with stage.running():
        stage.ask(JANE)
        assert (await stage.end()).status == "FAILED"
        answers["status"] = 204
        settings["metrics"]["settings"]["secret_key"] = "s-1"
        stage.service.workspace = named(**settings)
        assert sorted(orders.ask_again(engine, 1, now_ms=stage.clock.now_ms())) == ["hook", "metrics"]
        assert (await stage.end()).status == "FINISHED"
    assert orders.ask_again(engine, 1) == []


async def test_after_a_month_it_has_failed(log: CleanLog, engine: Engine) -> None:
    stage = Stage(log, engine, named(hook=webhook()), hook=lambda request: Response(status=503))
    asked_ms = stage.clock.now_ms() - round(GIVE_UP_S * 1000) + 60_000
    orders.ask(engine, [JANE], {"hook": "webhook"}, now_ms=asked_ms)
    async with stage.running():
        await stage.end()
    assert stage.states()["hook"] == ("failed", "expired")
    [found] = orders.read(engine, 1).targets
    assert found.tries > 1
    assert found.ended_ms is not None and found.ended_ms - asked_ms > GIVE_UP_S * 1000
    assert found.detail == "for a month: 503"


async def test_a_destination_that_is_gone_has_failed(log: CleanLog, engine: Engine) -> None:
    stage = Stage(log, engine, named(hook=webhook(), old=webhook()))
    stage.ask(JANE)
    stage.service.workspace = named(hook=webhook())
    async with stage.running():
        await stage.end()
    assert stage.states() == {"hook": ("done", ""), "old": ("failed", "destination_gone")}


async def test_wrong_settings_wait_until_they_are_right(log: CleanLog, engine: Engine) -> None:
    stage = Stage(log, engine, named(hook=webhook()))
    stage.ask(JANE)
    stage.service.workspace = named(hook=webhook("no address"))
    async with stage.running():
        await until(lambda: stage.states()["hook"] == ("waiting", "invalid_settings"))
        stage.service.workspace = named(hook=webhook())
        assert (await stage.end()).status == "FINISHED"


async def test_a_restart_goes_on_with_those_who_are_not_deleted_yet(log: CleanLog, engine: Engine) -> None:
    settings, people = named(hook=webhook()), [Person(user_id=f"u-{number}") for number in range(20)]
    first = Stage(log, engine, settings)
    first.vendors["hook"].answer = lambda request: (
        GONE if len(first.vendors["hook"].requests) <= 7 else Retry("ECONNRESET")
    )
    async with first.running():
        numbers = first.ask(*people)
        await until(lambda: len(first.vendors["hook"].requests) > 7)
    second = Stage(log, engine, settings)
    second.clock.now_s = first.clock.now_s
    async with second.running():
        for number in numbers:
            await second.end(number)
    before, after = (
        [json.loads(request.content())["userId"] for request in stage.vendors["hook"].requests]
        for stage in (first, second)
    )
    assert sorted(before[:7] + after) == sorted(person.user_id for person in people)
    assert orders.counts(engine) == {("hook", "done"): 20}


async def test_an_answer_that_cannot_be_read_is_asked_for_again(log: CleanLog, engine: Engine) -> None:
    answers = iter([Response(status=200, body=b"<html>")])
    found = Response(status=200, body=b'{"data":[]}')
    settings = named(mail={"type": "klaviyo", "settings": {"api_key": "k-1"}})
    stage = Stage(log, engine, settings, mail=lambda request: next(answers, found))
    async with stage.running():
        stage.ask(Person(user_id="u-1"))
        deletion = await stage.end()
    assert (deletion.status, deletion.targets[0].tries) == ("FINISHED", 2)
