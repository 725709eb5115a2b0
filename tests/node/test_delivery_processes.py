"""Delivery over several processes: who owns what, what one process's death costs, and that the hub knows and acts."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.delivery.harness import CleanLog, until
from tests.processes import deliveries, hub
from tests.promises.sink import Sink
from tests.running import Trackway, send, start_trackway
from trackway.delivery import pauses
from trackway.delivery.holding import held
from trackway.delivery.service import UnknownDestination
from trackway.delivery.slots import DestinationStatus
from trackway.node.delivering import owners as spreading
from trackway.node.delivering import spread
from trackway.node.delivering.owners import Owners, processes_of
from trackway.node.delivering.spread import SpreadDelivery
from trackway.node.delivering.wire import Ask, Told, listen
from trackway.node.sockets import listen_at
from trackway.workspace.model import Delivery, Destination, Source, Workspace

HOOKS = ("a", "b", "c", "d")


@pytest.fixture
def sinks() -> Iterator[dict[str, Sink]]:
    with_all = {key: Sink() for key in HOOKS}
    yield with_all
    for one in with_all.values():
        one.close()


def _hook(sink: Sink) -> dict[str, Any]:
    return {"type": "webhook", "settings": {"url": sink.url}}


@pytest.mark.timeout(180)
def test_a_delivery_process_that_dies_costs_the_destinations_of_others_nothing(
    tmp_path: Path, sinks: dict[str, Sink]
) -> None:
    hooks = {key: _hook(sinks[key]) for key in ("a", "b", "c")}
    settings = {"processes": 2, "allow_private_addresses": True}
    with start_trackway(tmp_path, destinations=hooks, delivery=settings) as trackway:
        trackway.wait_for(lambda: len(deliveries(trackway)) == 2, what="both processes", timeout_s=60)
        _wait_states(trackway, {"a": "running", "b": "running", "c": "running"})
        first, second = deliveries(trackway)
        sent = [_send(trackway, number) for number in range(20)]
        _wait_all(trackway, sinks, ("a", "b", "c"), sent)

        # `a` and `c` belong to the first process: they stop while it does, and `b` goes on.
        first.kill()
        sent += [_send(trackway, number) for number in range(20, 60)]
        _wait_all(trackway, sinks, ("a", "b", "c"), sent)
        assert second in deliveries(trackway) and first not in deliveries(trackway)
        assert hub(trackway).is_running()
        assert sinks["b"].requests == len(sent), "nothing of another process was sent twice"
        for key in ("a", "c"):
            assert all(found == {one} for one, found in sinks[key].keys.items()), "what went twice has the same key"

        # Pausing, resuming and changed settings reach whoever owns the destination.
        _act(trackway, "b", "pause")
        _wait_states(trackway, {"b": "paused", "a": "running"})
        held_back = [_send(trackway, number) for number in range(60, 70)]
        _wait_all(trackway, sinks, ("a", "c"), sent + held_back)
        assert not set(held_back) & sinks["b"].keys.keys()
        _act(trackway, "b", "resume")
        trackway.change(destinations={"d": _hook(sinks["d"])})
        _wait_states(trackway, {"b": "running", "d": "running"})
        later = [_send(trackway, number) for number in range(70, 80)]
        _wait_all(trackway, sinks, ("a", "b", "c"), sent + held_back + later)
        _wait_all(trackway, sinks, ("d",), later)

        metrics = send(
            f"{trackway.console_url}/metrics", method="GET", headers=_token(trackway), timeout_s=60
        ).body.decode()
        for key in HOOKS:
            assert f'trackway_delivery_breaker{{destination="{key}",state="closed"}} 1.0' in metrics
            assert f'trackway_delivery_requests_total{{destination="{key}",outcome="delivered",reason=""}}' in metrics
        trackway.wait_for(lambda: _pending(trackway) == dict.fromkeys(HOOKS, 0), what="an even ledger", timeout_s=60)


async def test_a_process_that_hangs_is_told_to_be_down(
    log: CleanLog, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "PATIENCE_S", 0.3)
    goes_on = asyncio.Event()

    async def hang(_: Ask) -> Told:
        await goes_on.wait()
        return Told([DestinationStatus(destination="a", type="webhook", name="Webhook", state="running")])

    async def answer(asked: Ask) -> Told:
        return Told(unknown=asked.do == "pause")

    with tempfile.TemporaryDirectory(prefix="trackway-") as folder:
        places = [Path(folder) / "0", Path(folder) / "1"]
        servers = [await listen(listen_at(place), what) for place, what in zip(places, (hang, answer), strict=True)]
        space = _workspace("ab", 2)
        delivery = SpreadDelivery(space, {"a": 0, "b": 1}, log.log, engine, [str(place) for place in places])
        assert {one.destination: one.state for one in delivery.status()} == {"a": "stopped", "b": "stopped"}
        await delivery.start()
        await until(lambda: delivery.status()[0].state == "crashed")
        assert "delivery-0 does not answer" in delivery.status()[0].error
        await delivery.pause("a")
        assert pauses.read(engine).keys() == {"a"}, "who owns it will read that when it is there again"
        goes_on.set()
        await until(lambda: delivery.status()[0].state == "running")
        with pytest.raises(UnknownDestination):
            await delivery.pause("nobody")
        await delivery.stop()
        for server in servers:
            server.close()


def _send(trackway: Trackway, number: int) -> str:
    message_id = f"m-{number}"
    assert (
        trackway.post("/v1/track", {"userId": f"u-{number % 7}", "event": "E", "messageId": message_id}).status == 200
    )
    return message_id


def _wait_all(trackway: Trackway, sinks: dict[str, Sink], keys: tuple[str, ...], sent: list[str]) -> None:
    trackway.wait_for(
        lambda: [key for key in keys if sinks[key].keys.keys() != set(sent)] == [],
        what=f"all events at {', '.join(keys)}, and no others",
        timeout_s=60,
    )


def _token(trackway: Trackway) -> dict[str, str]:
    return {"Authorization": f"Bearer {trackway.token}"}


def _states(trackway: Trackway) -> dict[str, str]:
    answer = send(f"{trackway.console_url}/api/destinations", method="GET", headers=_token(trackway), timeout_s=60)
    return {one["destination"]: one["state"] for one in answer.json()["destinations"]}


def _wait_states(trackway: Trackway, wanted: dict[str, str]) -> None:
    trackway.wait_for(lambda: wanted.items() <= _states(trackway).items(), what=f"{wanted}", timeout_s=60)


def _act(trackway: Trackway, key: str, act: str) -> None:
    headers = {**_token(trackway), "Content-Type": "application/json"}
    answer = send(f"{trackway.console_url}/api/destinations/{key}/{act}", headers=headers, body=b"{}", timeout_s=60)
    assert answer.status in (200, 204), answer


def _pending(trackway: Trackway) -> dict[str, int]:
    answer = send(f"{trackway.console_url}/api/ledger", method="GET", headers=_token(trackway), timeout_s=60).json()
    return {one["destination"]: one["pending"] for one in answer["destinations"]}


def _workspace(keys: str, processes: Any, *, off: str = "") -> Workspace:
    made = {key: Destination(type="webhook", enabled=key not in off) for key in keys}
    return Workspace(
        sources={"web": Source(write_keys=["k"])}, destinations=made, delivery=Delivery(processes=processes)
    )


def test_destinations_are_spread_evenly_and_never_move() -> None:
    owners = Owners(3)
    first = owners.of(_workspace("abcdefg", 3))
    assert sorted(first.values()) == [0, 0, 0, 1, 1, 2, 2]
    fewer = owners.of(_workspace("abcdefg", 3, off="adg"))
    assert fewer == {key: first[key] for key in "bcef"}
    back = owners.of(_workspace("abcdefghi", 3))
    assert {key: back[key] for key in "abcdefg"} == first
    assert sorted(back.values()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_one_process_is_the_hubs_own() -> None:
    assert Owners(1).of(_workspace("abc", 1)) == {}


@pytest.mark.parametrize(("cores", "keys", "found"), [(1, "abc", 1), (2, "abc", 1), (4, "abcdefg", 3), (16, "abc", 3)])
def test_auto_goes_by_cores_and_destinations(
    monkeypatch: pytest.MonkeyPatch, cores: int, keys: str, found: int
) -> None:
    monkeypatch.setattr(spreading.os, "sched_getaffinity", lambda _: set(range(cores)))
    assert processes_of(_workspace(keys + "z", "auto", off="z")) == found


async def test_a_destination_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    stopping, order = asyncio.Event(), list[str]()

    async def second() -> None:
        async with held(tmp_path, "crm", stopping) as mine:
            order.append(f"second: {mine}")

    async with held(tmp_path, "crm", asyncio.Event()) as mine, held(tmp_path, "other", asyncio.Event()) as other:
        assert mine and other
        waiting = asyncio.create_task(second())
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        order.append("first ends")
    await asyncio.wait_for(waiting, 60)
    assert order == ["first ends", "second: True"]


async def test_who_is_stopped_waits_for_a_destination_no_longer(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    async with held(tmp_path, "crm", asyncio.Event()):
        stopping.set()
        async with held(tmp_path, "crm", stopping) as mine:
            assert not mine
