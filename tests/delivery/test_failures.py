"""Dead letters and their release: what is released is made anew, and the books balance at every moment."""

import time
from typing import Any

import pytest
from sqlalchemy import Engine, select

from tests.delivery.harness import (
    OK,
    QUICK,
    SECRET,
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
from trackway.delivery import failures
from trackway.delivery.failures import Released, Wanted, find, group, release
from trackway.delivery.service import DeliveryService
from trackway.delivery.trace import stories
from trackway.destinations.kit import Request, Response
from trackway.events.records import Place
from trackway.state import writing
from trackway.state.tables import exceptions, replayed, replays, retries, tallies
from trackway.workspace.model import Workspace


class Picky(FakeTransport):
    """Refuses message ids for good, by status."""

    def __init__(self, refused: dict[str, int]) -> None:
        super().__init__(self._judge)
        self.refused = refused

    def _judge(self, request: Request) -> Answer:
        status = next((self.refused[one] for one in ids_of(request) if one in self.refused), 0)
        return Response(status=status, body=b"no: " + SECRET.encode()) if status else OK


def service(log: CleanLog, engine: Engine, network: FakeTransport) -> DeliveryService:
    hooks = {"hook": webhook(), "other": webhook("http://other.example/")}
    quiet = FakeTransport()
    return DeliveryService(
        workspace(hooks),
        log.log,
        engine,
        transport=lambda found: network if "sink" in found.settings.url else quiet,
        options=QUICK,
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def failed(log: CleanLog, engine: Engine) -> Picky:
    """Have ten events delivered, of which four fail, and return the network."""
    network = Picky({"m-2": 400, "m-3": 400, "m-5": 422, "m-7": 400})
    async with delivering(service(log, engine, network)):
        await until(lambda: started(engine, log, "hook", "other"))
        log.add([event(number, source="web" if number < 6 else "server") for number in range(10)])
        await until(lambda: counts(engine, log).pending == 0)
    return network


async def test_failed_events_are_listed_and_grouped_with_what_was_sent_and_answered(
    log: CleanLog, engine: Engine
) -> None:
    await failed(log, engine)
    found = find(engine, Wanted(), limit=10)
    assert {(one.destination, one.message_id, one.reason, one.source) for one in found} == {
        ("hook", "m-2", "400", "web"),
        ("hook", "m-3", "400", "web"),
        ("hook", "m-5", "422", "web"),
        ("hook", "m-7", "400", "server"),
    }
    one = next(one for one in found if one.message_id == "m-5")
    assert one.request.startswith("POST http://sink.example/hook") and '"messageId":"m-5"' in one.request
    assert one.answer == "no: ***"
    groups = group(engine, Wanted())
    assert [(one.destination, one.reason, one.events) for one in groups] == [("hook", "400", 3), ("hook", "422", 1)]
    assert groups[0].sample.reason == "400" and groups[0].first_ms <= groups[0].last_ms == groups[0].sample.at_ms


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(reason="400"), {"m-2", "m-3", "m-7"}),
        (Wanted(source="server"), {"m-7"}),
        (Wanted(message_id="m-3"), {"m-3"}),
        (Wanted(place=Place(0, 5)), {"m-5"}),
        (Wanted(destination="other"), set[str]()),
        (Wanted(since_ms=1 << 60), set[str]()),
    ],
    ids=["reason", "source", "message", "place", "destination", "since"],
)
async def test_a_choice(log: CleanLog, engine: Engine, wanted: Wanted, ids: set[str]) -> None:
    await failed(log, engine)
    assert {one.message_id for one in find(engine, wanted, limit=10)} == ids
    assert sum(one.events for one in group(engine, wanted)) == len(ids)
    assert release(engine, log.log, wanted, now_ms=now_ms()) == Released(released=len(ids))
    assert {one.message_id for one in find(engine, Wanted(), limit=10)} == {"m-2", "m-3", "m-5", "m-7"} - ids
    standing = counts(engine, log)
    assert (standing.retrying, standing.pending, standing.difference) == (len(ids), len(ids), 0)
    assert sum(standing.failed.values()) == 4 - len(ids)
    assert all(number > 0 for number in standing.failed.values())


async def test_what_is_released_is_made_anew_by_a_running_destination(log: CleanLog, engine: Engine) -> None:
    network = await failed(log, engine)
    del network.refused["m-2"], network.refused["m-7"]
    async with delivering(service(log, engine, network)):
        await until(lambda: started(engine, log, "hook"))
        assert release(engine, log.log, Wanted(destination="hook"), now_ms=now_ms()).released == 4
        await until(lambda: counts(engine, log).pending == 0)
    standing = counts(engine, log)
    assert (standing.delivered, standing.failed, standing.difference) == (8, {"400": 1, "422": 1}, 0)
    assert sorted(network.delivered[-2:]) == ["m-2", "m-7"]
    assert {one.message_id for one in find(engine, Wanted(), limit=10)} == {"m-3", "m-5"}
    assert [one.outcome for one in stories(engine, Place(0, 2), ["hook"])] == ["delivered"]
    with engine.connect() as connection:
        assert connection.execute(select(retries)).all() == []
        assert {row.outcome for row in connection.execute(select(exceptions))} == {"failed"}


async def test_the_answer_of_a_failed_event_is_that_to_the_request_it_was_in(log: CleanLog, engine: Engine) -> None:
    """A batch is refused whole, its halves go by themselves: the last answer of all is about another event."""

    class Network(FakeTransport):
        async def send(self, request: Request) -> Answer:
            bad = b"user-0" in request.content()
            return Response(status=400, body=b"user-0 is bad") if bad else Response(status=200, body=b'{"status":1}')

    network = Network()
    ph = {"ph": {"type": "posthog", "settings": {"api_key": "phc_k"}}}
    async with delivering(DeliveryService(workspace(ph), log.log, engine, options=QUICK, transport=lambda _: network)):
        await until(lambda: started(engine, log, "ph"))
        log.add([event(number) for number in range(4)])
        await until(lambda: counts(engine, log, "ph").pending == 0)
    [told] = find(engine, Wanted(destination="ph"), limit=10)
    assert (told.message_id, told.answer) == ("m-0", "user-0 is bad")
    assert counts(engine, log, "ph").delivered == 3


async def test_what_is_released_after_an_edit_of_the_mapping_goes_out_as_edited(log: CleanLog, engine: Engine) -> None:
    def judge(request: Request) -> Answer:
        sent.append(request.content().decode())
        return OK if '"Shop: Tested"' in sent[-1] else Response(status=400, body=b"the name must begin with Shop")

    def posthog(**settings: Any) -> Workspace:
        return workspace({"ph": {"type": "posthog", "settings": {"api_key": "phc_k", **settings}}})

    class Network(FakeTransport):
        async def send(self, request: Request) -> Answer:
            return judge(request)

    sent, network = list[str](), Network()
    running = DeliveryService(posthog(), log.log, engine, options=QUICK, transport=lambda _: network)
    async with delivering(running):
        await until(lambda: started(engine, log, "ph"))
        log.add([event(number) for number in range(3)])
        await until(lambda: counts(engine, log, "ph").failed == {"400": 3})
        [told] = group(engine, Wanted(destination="ph"))
        assert "must begin with Shop" in told.sample.answer and '"Tested"' in told.sample.request
        await running.configure(posthog(mappings={"track": {"fields": {"event_name": "Shop: {{event}}"}}}))
        assert release(engine, log.log, Wanted(destination="ph", reason="400"), now_ms=now_ms()).released == 3
        await until(lambda: counts(engine, log, "ph").pending == 0)
    standing = counts(engine, log, "ph")
    assert (standing.delivered, standing.failed, standing.difference) == (3, {}, 0)
    assert all(f"user-{number}" in "".join(sent[-3:]) for number in range(3))


async def test_a_release_twice_is_one(log: CleanLog, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_AT_ONCE", 1)
    await failed(log, engine)
    assert release(engine, log.log, Wanted(), now_ms=now_ms()).released == 4
    assert release(engine, log.log, Wanted(), now_ms=now_ms()) == Released()
    assert counts(engine, log).difference == 0
    with engine.connect() as connection:
        assert [row for row in connection.execute(select(tallies)) if row.outcome == "failed"] == []


async def test_a_release_that_is_ended_early_leaves_the_rest_as_it_was(
    log: CleanLog, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "_AT_ONCE", 1)
    await failed(log, engine)
    seen: list[int] = []

    def advance(more: int) -> None:
        seen.append(more)
        if len(seen) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        release(engine, log.log, Wanted(), now_ms=now_ms(), advance=advance)
    assert seen == [1, 1, 1]
    assert sum(group.events for group in failures.group(engine, Wanted())) == 1
    assert counts(engine, log).difference == 0


async def test_what_a_replay_has_delivered_stays(log: CleanLog, engine: Engine) -> None:
    await failed(log, engine)
    with writing(engine) as connection:
        connection.execute(
            replays.insert().values(id=1, destination="hook", order="{}", state="done", error="", created_ms=1)
        )
        connection.execute(
            replayed.insert().values(
                replay=1, destination="hook", partition=0, first_offset=2, last_offset=5, offsets="2,5"
            )
        )
    assert release(engine, log.log, Wanted(), now_ms=now_ms()) == Released(released=2, replayed=2)
    assert {one.message_id for one in find(engine, Wanted(), limit=10)} == {"m-2", "m-5"}
