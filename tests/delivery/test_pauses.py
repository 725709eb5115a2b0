"""Destinations that somebody pauses."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from tests.delivery.harness import (
    QUICK,
    CleanLog,
    FakeTransport,
    counts,
    delivering,
    sink,
    started,
    until,
    webhook,
    workspace,
)
from trackway.delivery import pauses
from trackway.delivery.service import DeliveryService, UnknownDestination
from trackway.destinations.destination import Destination
from trackway.state import open_state


def _states(service: DeliveryService) -> dict[str, str]:
    return {one.destination: one.state for one in service.status()}


async def test_a_paused_destination_gets_nothing_until_it_goes_on_where_it_stood(log: CleanLog, engine: Engine) -> None:
    async with sink() as held, sink() as other:
        hooks = {"held": webhook(held.url), "other": webhook(other.url)}
        service = DeliveryService(workspace(hooks), log.log, engine, options=QUICK)
        async with delivering(service):
            await until(lambda: started(engine, log, "held", "other"))
            first = log.add_numbers(3)
            await until(lambda: counts(engine, log, "held").delivered == 3)
            await service.pause("held")
            await service.pause("held")
            assert _states(service) == {"held": "paused", "other": "running"}
            waiting = log.add_numbers(4)
            await until(lambda: counts(engine, log, "other").delivered == 7)
            assert sorted(held.ids) == sorted(first)
            assert counts(engine, log, "held").pending == 4
            await service.resume("held")
            await service.resume("held")
            await until(lambda: counts(engine, log, "held").delivered == 7)
        assert sorted(held.ids[:3]) == sorted(first)
        assert sorted(held.ids[3:]) == sorted(waiting)


async def test_a_pause_survives_restarts_and_changed_settings(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        space = workspace({"hook": webhook(hook.url)})
        async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            await service.pause("hook")
            since_ms = service.status()[0].paused_ms
        sent = log.add_numbers(2)
        async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
            assert _states(service) == {"hook": "paused"}
            assert service.status()[0].paused_ms == since_ms
            await service.configure(workspace({"hook": webhook(hook.url, headers={"X-Tenant": "acme"})}))
            assert _states(service) == {"hook": "paused"}
            assert hook.ids == []
            await service.resume("hook")
            await until(lambda: counts(engine, log).delivered == 2)
        assert sorted(hook.ids) == sorted(sent)


async def test_what_another_process_notes_is_followed(log: CleanLog, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    engine = open_state(tmp_path / "data" / "state.db")
    async with sink() as hook:
        (tmp_path / "trackway.yaml").write_text("""
sources: {web: {write_keys: [a]}}
destinations: {hook: {type: webhook, settings: {url: "https://h.example"}}}
""")
        command = [str(Path(sys.executable).with_name("trackway")), "destinations"]

        async def run(*words: str) -> subprocess.CompletedProcess[str]:
            told = [*command, *words, "-w", str(tmp_path)]
            return await asyncio.to_thread(subprocess.run, told, capture_output=True, text=True, check=False)

        space = workspace({"hook": webhook(hook.url)})
        async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            assert "hook is paused" in (await run("pause", "hook")).stdout
            await until(lambda: _states(service) == {"hook": "paused"})
            sent = log.add_numbers(2)
            assert "hook goes on" in (await run("resume", "hook")).stdout
            await until(lambda: counts(engine, log).delivered == 2)
            assert sorted(hook.ids) == sorted(sent)
            refused = await run("pause", "hok")
            assert refused.returncode == 1
            assert "there is no destination hok that is switched on; there are: hook" in refused.stderr
    engine.dispose()


async def test_pauses_and_changes_at_once_leave_one_worker_or_none(log: CleanLog, engine: Engine) -> None:
    async with sink() as hook:
        space = workspace({"hook": webhook(hook.url)})
        async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            changes = [service.pause("hook"), service.configure(space), service.resume("hook"), service.pause("hook")]
            await asyncio.gather(*changes, service.resume("hook"))
            sent = log.add_numbers(5)
            await until(lambda: counts(engine, log).delivered == 5)
        assert sorted(hook.ids) == sorted(sent)


async def test_a_pause_whose_asker_has_gone_is_carried_out_all_the_same(
    log: CleanLog, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a pause would leave a worker that neither sends nor ends, and the next one beside it."""
    monkeypatch.setattr("trackway.delivery.service.GRACE_S", 0.2)
    asked, goes_on = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request, body: bytes) -> web.Response:
        asked.set()
        await goes_on.wait()
        return web.Response()

    async with sink() as hook:
        hook.answer = answer
        space = workspace({"hook": webhook(hook.url, timeout=60)})
        async with delivering(service := DeliveryService(space, log.log, engine, options=QUICK)):
            await until(lambda: started(engine, log, "hook"))
            sent = log.add_numbers(1)
            await until(asked.is_set)
            first = service._slots["hook"].task
            pausing = asyncio.create_task(service.pause("hook"))
            await until(lambda: "hook" in service._paused)
            pausing.cancel()
            await asyncio.wait([pausing])
            await until(lambda: _states(service) == {"hook": "paused"})
            assert first is not None and first.done()
            goes_on.set()
            await service.resume("hook")
            await until(lambda: counts(engine, log).delivered == 1)
        assert set(hook.ids) == set(sent)


async def test_a_database_that_fails_for_a_while_ends_nothing(
    log: CleanLog, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It once ended the looking for pauses and released events for good, and the stop with an error."""
    monkeypatch.setattr("trackway.delivery.service.LOOK_EVERY_S", 0.01)
    read, failures = pauses.read, 0

    def failing(engine: Engine) -> dict[str, int]:
        nonlocal failures
        if failures < 3:
            failures += 1
            raise OperationalError("select", {}, sqlite3.OperationalError("disk I/O error"))
        return read(engine)

    service = DeliveryService(workspace({"hook": webhook()}), log.log, engine, options=QUICK)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        monkeypatch.setattr(pauses, "read", failing)
        await until(lambda: failures == 3)
        pauses.add(engine, "hook", 1)
        await until(lambda: _states(service) == {"hook": "paused"})
    assert len([one for one in caplog.records if "disk I/O error" in one.getMessage()]) == 1


async def test_a_transport_that_cannot_be_made_is_told_and_tried_again(log: CleanLog, engine: Engine) -> None:
    made = 0

    def transport(_: Destination) -> FakeTransport:
        nonlocal made
        made += 1
        if made == 1:
            raise ValueError("a proxy of no kind")
        return FakeTransport()

    service = DeliveryService(workspace({"hook": webhook()}), log.log, engine, options=QUICK, transport=transport)
    async with delivering(service):
        await until(lambda: _states(service) == {"hook": "running"})
        assert service.status()[0].error == "ValueError: a proxy of no kind"


async def test_what_is_asked_for_during_the_stop_starts_nothing(log: CleanLog, engine: Engine) -> None:
    service = DeliveryService(workspace({"hook": webhook()}), log.log, engine, options=QUICK)
    async with delivering(service):
        await until(lambda: started(engine, log, "hook"))
        await service.pause("hook")
        async with service._changing:
            stop = asyncio.create_task(service.stop())
            await until(service._stopping.is_set)
            late = asyncio.create_task(service.resume("hook"))
        await asyncio.wait([late, stop])
        assert service._slots["hook"].task is None


async def test_only_what_is_there_can_be_paused(log: CleanLog, engine: Engine) -> None:
    service = DeliveryService(workspace({}), log.log, engine, options=QUICK)
    with pytest.raises(UnknownDestination, match="no destination nobody"):
        await service.pause("nobody")
